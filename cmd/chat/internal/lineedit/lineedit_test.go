package lineedit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// typed runs keys through a paste reader, in chunks of one byte when slow.
func typed(t *testing.T, keys string, slow bool) (*pasteReader, string) {
	t.Helper()
	var in io.Reader = strings.NewReader(keys)
	if slow {
		in = iotest.OneByteReader(in)
	}
	r := newPasteReader(in)
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(out)
}

func TestPaste(t *testing.T) {
	long := strings.Repeat("a line of text\n", 100)
	for _, c := range []struct{ keys, line string }{
		{"abc", "abc"},
		{"a" + pasteStart + "b" + pasteEnd + "c", "abc"},
		{pasteStart + "one\r\ntwo\rthree\n" + pasteEnd, "one\ntwo\nthree\n"},
		{pasteStart + "a\tb\x03\x1bc" + pasteEnd + "d", "a\tbcd"},
		{"see " + pasteStart + long + pasteEnd + " and " + pasteStart + "x" + long + pasteEnd + "!", "see " + long + " and x" + long + "!"},
		{pasteStart + "x\x1b[201" + pasteEnd + "y", "x[201y"},
	} {
		for _, slow := range []bool{false, true} {
			r, out := typed(t, c.keys, slow)
			out = strings.ReplaceAll(out, pasteStart, "")
			if strings.ContainsAny(out, "\r\n\t") {
				t.Errorf("%q passes line ends or tabs on: %q", c.keys, out)
			}
			if got := r.restore(out); got != c.line {
				t.Errorf("%q becomes %q, want %q", c.keys, got, c.line)
			}
		}
	}
}

func TestLongPasteIsShownShort(t *testing.T) {
	r, out := typed(t, pasteStart+strings.Repeat("line\n", 400)+pasteEnd, false)
	if !strings.HasSuffix(out, "[pasted text 1, 401 lines]") || len(r.labels) != 1 {
		t.Errorf("shown as %q", out)
	}
	if r.restore("nothing of it"); len(r.labels) != 0 {
		t.Error("the paste outlives its line")
	}
}

func TestPaintKeepsTheWidth(t *testing.T) {
	line := []rune(flatten("a\nb\tc"))
	if got := paint(line, 0); len(got) != len(line) || string(got) != "a↵b c" {
		t.Errorf("painted %q", string(got))
	}
	if unflatten(string(line)) != "a\nb\tc" {
		t.Error("the line itself was changed")
	}
}

func TestCompleter(t *testing.T) {
	c := completer(func(string) []string { return []string{"/help", "/set", "/show", "temperature"} })
	tails, n := c.Do([]rune("/s rest"), 2)
	var got []string
	for _, tail := range tails {
		got = append(got, string(tail))
	}
	if n != 2 || !slices.Equal(got, []string{"et ", "how "}) {
		t.Errorf("%q after %d", got, n)
	}
	if tails, n = c.Do([]rune("/set temp"), 9); n != 4 || len(tails) != 1 || string(tails[0]) != "erature " {
		t.Errorf("second word: %q after %d", tails, n)
	}
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "history")
	h, err := OpenHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := []string{"first", "two\nlines\n", `"quoted"`, `back\slash`, "tab\there"}
	for _, e := range entries {
		if err := errors.Join(h.Add(e), h.Add(e)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := OpenHistory(path)
	if err != nil || !slices.Equal(again.Entries(), entries) {
		t.Errorf("read back %q, %v", again.Entries(), err)
	}
	if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestHistoryIsCutAndSurvivesRubbish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var b strings.Builder
	for i := range 2*historyLimit + 1 {
		fmt.Fprintf(&b, "entry %d\n", i)
	}
	b.WriteString("\n\"broken\n   \nlast without end")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as found, then as rewritten
		h, err := OpenHistory(path)
		e := h.Entries()
		if err != nil || len(e) != historyLimit || e[len(e)-1] != "last without end" {
			t.Fatalf("%d entries, %v", len(e), err)
		}
	}
	if st, _ := os.Stat(path); st.Size() > 20*historyLimit {
		t.Errorf("the file still has %d bytes", st.Size())
	}
}

func TestPlain(t *testing.T) {
	var screen strings.Builder
	interrupts := make(chan os.Signal, 1)
	in, keys := io.Pipe()
	p := NewPlain(in, &screen, interrupts)
	go func() { _, _ = io.WriteString(keys, "one\r\ntwo") }()
	if line, err := p.ReadLine("> "); line != "one" || err != nil {
		t.Errorf("%q %v", line, err)
	}
	interrupts <- os.Interrupt
	if _, err := p.ReadLine("> "); !errors.Is(err, ErrInterrupt) {
		t.Errorf("Ctrl-C: %v", err)
	}
	_ = keys.Close()
	if line, err := p.ReadLine("> "); line != "two" || err != nil {
		t.Errorf("%q %v", line, err)
	}
	for range 2 {
		if _, err := p.ReadLine(""); !errors.Is(err, io.EOF) {
			t.Errorf("end: %v", err)
		}
	}
	if screen.String() != "> > \n> \n\n" {
		t.Errorf("screen %q", screen.String())
	}
}
