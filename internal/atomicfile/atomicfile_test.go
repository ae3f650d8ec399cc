package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// text returns a fill that writes s.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// put makes a file.
func put(t *testing.T, path, s string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
		t.Fatal(err)
	}
}

// holds checks a file's content, and that its folder holds so many names: no temporary file stays.
func holds(t *testing.T, path, want string, names int) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, want %q; %v", path, got, want, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != names {
		t.Errorf("%v in the folder, want %d names; %v", entries, names, err)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := Write(path, Options{}, text("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new", 1)
	if err := Write(path, Options{Overwrite: true}, text("newer")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "newer", 1)
}

// Without Overwrite what is there stays, and fill is not even called.
func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "old")
	err := Write(path, Options{}, func(io.Writer) error { t.Error("fill was called"); return nil })
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := Check(path, Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Check: %v", err)
	}
	holds(t, path, "old", 1)
}

// A file that appears while the new one is written is not overwritten either.
func TestWriteRefusesLate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	err := Write(path, Options{}, func(w io.Writer) error {
		put(t, path, "other")
		return text("new")(w)
	})
	if !errors.Is(err, fs.ErrExist) || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("got %v", err)
	}
	holds(t, path, "other", 1)
}

// An error or a panic in the middle leaves the old file, or none, and nothing beside it.
func TestWriteFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	full := errors.New("disk full")
	half := func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil {
			return err
		}
		return full
	}
	if err := Write(path, Options{}, half); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a partial file: %v", err)
	}
	put(t, path, "old")
	if err := Write(path, Options{Overwrite: true}, half); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = Write(path, Options{Overwrite: true}, func(io.Writer) error { panic("mine") })
	}()
	holds(t, path, "old", 1)
}

func TestWritePlaces(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:                               "is a directory",
		filepath.Join(dir, "none", "x"):   "create a file in " + filepath.Join(dir, "none"),
		filepath.Join(dir, "new") + "/":   "no file name",
		"":                                "no file name",
		filepath.Join(dir, "nul\x00", ""): "",
	} {
		for name, err := range map[string]error{
			"Write": Write(path, Options{Overwrite: true}, text("x")), "Check": Check(path, Options{Overwrite: true}),
		} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ".tmp") {
				t.Errorf("%s %q: got %v, want …%s", name, path, err, want)
			}
		}
	}
	long := filepath.Join(dir, strings.Repeat("ä", 127))
	if err := Write(long, Options{}, text("x")); err != nil {
		t.Errorf("a name of 254 bytes: %v", err)
	}
	holds(t, long, "x", 1)
}

// Check leaves nothing, and says no more than is so.
func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := Check(path, Options{}); err != nil {
		t.Error(err)
	}
	put(t, path, "old")
	if err := Check(path, Options{Overwrite: true}); err != nil {
		t.Error(err)
	}
	holds(t, path, "old", 1)
}

// A link stays a link, whether what it names is there or not, and whatever lies on the way.
func TestWriteLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	put(t, in("a/file"), "old")
	for link, to := range map[string]string{
		in("short"): filepath.Join("a", "b"), in("direct"): in("a/file"), in("chain"): "direct", in("new"): filepath.Join("a", "made"),
		// short/.. is a, not dir.
		in("up"):   "short" + string(filepath.Separator) + filepath.Join("..", "file"),
		in("loop"): "loop",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: no links here: %v", err)
		}
	}
	for link, target := range map[string]string{"direct": "a/file", "chain": "a/file", "up": "a/file", "new": "a/made"} {
		if err := Write(in(link), Options{Overwrite: true}, text("by "+link)); err != nil {
			t.Errorf("%s: %v", link, err)
		}
		if got, err := os.ReadFile(in(target)); string(got) != "by "+link {
			t.Errorf("%s: %s holds %q, %v", link, target, got, err)
		}
		if st, err := os.Lstat(in(link)); err != nil || st.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
		if err := Write(in(link), Options{}, text("x")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: without Overwrite: %v", link, err)
		}
	}
	if err := Write(in("loop"), Options{Overwrite: true}, text("x")); err == nil {
		t.Error("a loop of links was written")
	}
	holds(t, in("a/made"), "by new", 3)
}

// What a shell has opened is written through the descriptor, behind what is there.
func TestWriteDescriptor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED, NOT TESTED: /proc/self/fd is Linux's")
	}
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "head,")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if err := Write(name, Options{}, text("tail")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "head,tail", 1)
}

// Before runs when the file is complete, and its error leaves the old one.
func TestWriteBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "old")
	refused := errors.New("still mapped")
	err := Write(path, Options{Overwrite: true, Before: func() error { holds(t, path, "old", 2); return refused }}, text("new"))
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	holds(t, path, "old", 1)
	if err := Write(path, Options{Overwrite: true, Before: func() error { return nil }}, text("new")); err != nil {
		t.Error(err)
	}
	holds(t, path, "new", 1)
}
