//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/testenv"
)

// program prepares a run of chat with a cache of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("chat", args...)
	cmd.Env = append(os.Environ(), "LATENTGO_CACHE="+t.TempDir(), "TERM=xterm")
	return cmd
}

// exitOf returns the exit code of a finished command.
func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func TestInterruptEndsARun(t *testing.T) {
	model := realModel(t)
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		cmd := program(t, "run", "-m", model, "--raw", "-p", "One, two,", "--ignore-eos", "--temp", "0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		_ = cmd.Process.Signal(sig)
		_, _ = io.Copy(io.Discard, out)
		if got := exitOf(t, cmd.Wait()); got != code || stderr.Len() > 0 {
			t.Errorf("%v: exit code %d, want %d; stderr %q", sig, got, code, stderr.String())
		}
		if d := time.Since(sent); d > 5*time.Second {
			t.Errorf("%v took %v", sig, d)
		}
	}
}

// What came before Ctrl-C is printed as complete JSON that tells why it ends.
func TestInterruptEndsJSON(t *testing.T) {
	model := realModel(t)
	var a answered
	for wait := time.Second; wait <= 16*time.Second && a.Tokens == 0; wait *= 2 { // until the model was loaded in time
		cmd := program(t, "run", "-m", model, "-p", "Count to a million.", "--ignore-eos", "--temp", "0", "--json")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait)
		_ = cmd.Process.Signal(os.Interrupt)
		if code := exitOf(t, cmd.Wait()); code != 130 {
			t.Fatalf("exit code %d, want 130", code)
		}
		if err := json.Unmarshal(out.Bytes(), &a); out.Len() > 0 && err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	if a.Reason != engine.ReasonCancelled || a.Tokens == 0 || len(a.IDs) != len(a.LogProbs) {
		t.Errorf("%+v", a)
	}
}

func TestInterruptLeavesNoPartialFile(t *testing.T) {
	model := realModel(t)
	dir := t.TempDir()
	ids := filepath.Join(dir, "ids.json")
	if err := os.WriteFile(ids, []byte("["+strings.Repeat("500,", 3000)+"500]"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "logits", "-m", model, "-f", ids, "-o", filepath.Join(dir, "out.f32"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 200 { // until the temporary file is there
		if names, _ := filepath.Glob(filepath.Join(dir, ".out*")); len(names) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if got := exitOf(t, cmd.Wait()); got != 130 {
		t.Errorf("exit code %d, want 130", got)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*out*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestClosedPipeEndsQuietly(t *testing.T) {
	vocab := filepath.Join(testenv.Shared(t, "vectors"), "tokenizer", "ggml-vocab-gpt-2.gguf")
	cmd := program(t, "inspect", "--json", "-m", vocab)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}

func TestFullDiskOnStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	vocab := filepath.Join(testenv.Shared(t, "vectors"), "tokenizer", "ggml-vocab-gpt-2.gguf")
	cmd := program(t, "tokenize", "-m", vocab, "-p", "x")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &stderr
	if code := exitOf(t, cmd.Run()); code != 1 || !strings.Contains(stderr.String(), "chat: write output: ") || !strings.Contains(stderr.String(), "hint: free some disk space") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}
