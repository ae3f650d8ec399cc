//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/latentgo/latentgo/internal/testenv"
)

// screen is a pseudo-terminal with chat on it. Like many, it answers no questions, such as where the cursor is.
type screen struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	done chan error

	mu   sync.Mutex
	text bytes.Buffer // all that was shown
	read int          // up to where wait has looked
}

// newScreen starts chat on a terminal.
func newScreen(t *testing.T, cache string, args ...string) *screen {
	t.Helper()
	cmd := exec.Command("chat", args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "LATENTGO_CACHE="+cache)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	s := &screen{t: t, tty: tty, cmd: cmd, done: make(chan error, 1)}
	go s.watch()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	return s
}

// watch keeps what is shown, and reports the end of the program.
func (s *screen) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			s.done <- s.cmd.Wait()
			return
		}
	}
}

// wait waits until text was shown after what was waited for last.
func (s *screen) wait(text string) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		rest := s.text.String()[s.read:]
		i := strings.Index(rest, text)
		if i >= 0 {
			s.read += i + len(text)
		}
		s.mu.Unlock()
		if i >= 0 {
			return
		}
	}
	s.t.Fatalf("%q was not shown; the screen:\n%q", text, s.text.String())
}

// keys types.
func (s *screen) keys(keys string) { _, _ = io.WriteString(s.tty, keys) }

// end waits for the program and returns its exit code.
func (s *screen) end() int {
	s.t.Helper()
	select {
	case err := <-s.done:
		return exitOf(s.t, err)
	case <-time.After(60 * time.Second):
		s.t.Fatalf("the program goes on; the screen:\n%q", s.text.String())
		return -1
	}
}

// smallChat is a model of a few weights with a chat template, for conversations whose answers do not matter.
func smallChat(t *testing.T) string { return testenv.Shared(t, "cases/add-eos-chat.gguf") }

// Each way to leave works on a terminal that does not say where its cursor is.
func TestTerminalThatAnswersNothing(t *testing.T) {
	for keys, shown := range map[string]string{"\x04": "", "\x03\x04": "Ctrl-D or /bye leaves", "/bye\r": "/bye"} {
		s := newScreen(t, t.TempDir(), "-m", smallChat(t), "--temp", "0", "-n", "2")
		s.wait(">>> ")
		s.keys("hi\r")
		s.wait("cut after 2 tokens")
		s.wait(">>> ")
		s.keys(keys)
		s.wait(shown)
		if code := s.end(); code != 0 {
			t.Errorf("%q: exit code %d", keys, code)
		}
		if s.mu.Lock(); bytes.Contains(s.text.Bytes(), []byte("\x1b[6n")) {
			t.Error("the terminal was asked where its cursor is")
		}
		s.mu.Unlock()
	}
}

// run without a prompt is a conversation on a terminal, as in Ollama.
func TestRunWithoutAPromptTalks(t *testing.T) {
	s := newScreen(t, t.TempDir(), "run", smallChat(t), "--temp", "0", "-n", "2")
	s.wait(">>> ")
	s.keys("hi\r")
	s.wait("cut after 2 tokens")
	s.keys("\x04")
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Backspace takes a whole flag, and leaves the words before it.
func TestBackspaceTakesAFlag(t *testing.T) {
	s := newScreen(t, t.TempDir(), "-m", smallChat(t), "--temp", "0", "-n", "2")
	s.wait(">>> ")
	s.keys("/set system a🇩🇪👨‍👩‍👧\x7f\x7fb\r")
	s.wait(`system = "ab"`)
	s.wait(">>> ")
	s.keys("/set system a🇩🇪b\x1b[D\x1b[D\x1b[3~c\r")
	s.wait(`system = "acb"`)
	s.keys("\x04")
	s.end()
}

func TestConversationOnATerminal(t *testing.T) {
	model, cache := realModel(t), t.TempDir()
	s := newScreen(t, cache, "-m", model, "--temp", "0", "-n", "3", "--verbose")
	s.wait("/help shows the commands")
	s.wait(">>> ")
	s.keys("Say hello.\r")
	s.wait("cut after 3 tokens")
	s.wait("tokens/s")
	s.wait(">>> ")
	s.keys("/show\r")
	s.wait("bytes per token")
	s.wait(">>> ")
	s.keys("\x03")
	s.wait("Ctrl-D or /bye leaves")
	s.wait(">>> ")
	s.keys("\x1b[200~first\nsecond\x1b[201~")
	s.wait("first↵second")
	s.keys("\x03")
	s.wait(">>> ")
	s.keys("\x04")
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	st, err := os.Stat(filepath.Join(cache, "history"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("history: %v, %v", st, err)
	}

	s = newScreen(t, cache, "-m", model)
	s.wait(">>> ")
	s.keys("\x1b[A\x1b[A") // the second last entry of the first run
	s.wait("Say hello.")
	s.keys("\x03")
	s.wait(">>> ")
	s.keys("/bye\r")
	if code := s.end(); code != 0 {
		t.Errorf("second run: exit code %d", code)
	}
}

func TestInterruptStopsAnAnswerOnATerminal(t *testing.T) {
	s := newScreen(t, t.TempDir(), "-m", realModel(t), "--temp", "0", "--ignore-eos")
	s.wait(">>> ")
	s.keys("Count to a million.\r")
	s.wait("\n")
	time.Sleep(300 * time.Millisecond)
	s.keys("typed ahead")
	time.Sleep(100 * time.Millisecond)
	s.keys("\x03")
	s.wait("(stopped)")
	s.wait(">>> ")
	s.keys("/set\r")
	s.wait("repeat_penalty")
	s.wait(">>> ")
	_ = s.cmd.Process.Signal(os.Interrupt) // from outside: no effect at the prompt
	s.keys("/bye\r")
	if code := s.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTerminateAtThePrompt(t *testing.T) {
	s := newScreen(t, t.TempDir(), "-m", realModel(t))
	s.wait(">>> ")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.end(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}
