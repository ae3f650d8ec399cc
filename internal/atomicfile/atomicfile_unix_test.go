//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// perm returns a file's permission bits.
func perm(t *testing.T, path string) fs.FileMode {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Mode().Perm()
}

// A new file has what the umask leaves of its bits.
func TestUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for _, c := range []struct {
		umask       int
		asked, want fs.FileMode
	}{{0o022, 0, 0o644}, {0o077, 0, 0o600}, {0o002, 0, 0o664}, {0, 0, 0o666}, {0o027, 0o600, 0o600}, {0, 0o600, 0o600}} {
		syscall.Umask(c.umask)
		path := filepath.Join(t.TempDir(), "x")
		if err := Write(path, Options{Perm: c.asked}, text("x")); err != nil {
			t.Fatal(err)
		}
		if got := perm(t, path); got != c.want {
			t.Errorf("umask %o, %o asked: got %o, want %o", c.umask, c.asked, got, c.want)
		}
	}
}

// A file that is replaced keeps its bits, those that the umask would take included.
func TestKeepsMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o666, 0o755, 0o440} {
		path := filepath.Join(t.TempDir(), "x")
		put(t, path, "old")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, Options{Overwrite: true}, text("new")); err != nil {
			t.Fatal(err)
		}
		if got := perm(t, path); got != mode {
			t.Errorf("%o became %o", mode, got)
		}
		holds(t, path, "new", 1)
	}
}

// Devices and pipes are written to, not replaced.
func TestWriteDevices(t *testing.T) {
	if err := Write(os.DevNull, Options{}, text("x")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		err := Write("/dev/full", Options{}, text("x"))
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "write /dev/full: no space") {
			t.Errorf("got %v", err)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(pipe)
		got <- string(b)
	}()
	if err := Write(pipe, Options{}, text("through")); err != nil {
		t.Error(err)
	}
	if s := <-got; s != "through" {
		t.Errorf("read %q", s)
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe was replaced: %v", err)
	}
}

// A folder that can't be written says so before fill is called.
func TestReadOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED, NOT TESTED: root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x")
	if err := Check(path, Options{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}
