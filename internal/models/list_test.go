package models

import (
	"os"
	"path/filepath"
	"testing"
)

// put writes a file of the cache.
func put(t *testing.T, dir, path, content string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*")
	if got, err := List(dir); err != nil || len(got) != 0 {
		t.Fatalf("no cache: %v, %v", got, err)
	}
	put(t, dir, "models/o/r/k1/m-00001-of-00002.gguf", "GGUF1")
	put(t, dir, "models/o/r/k1/m-00002-of-00002.gguf", "GGUF22")
	put(t, dir, "models/o/r/k0/old.gguf", "GGUF")
	put(t, dir, "models/o/r/k2/half.gguf.part", "GG")
	put(t, dir, "refs/1.json", `{"spec":"hf://o/r:Q8_0","files":[{"path":"models/o/r/k1/m-00001-of-00002.gguf","size":5},{"path":"models/o/r/k1/m-00002-of-00002.gguf","size":6}]}`)
	put(t, dir, "refs/2.json", `{"spec":"smollm2","files":[{"path":"models/o/gone.gguf","size":5}]}`)
	put(t, dir, "refs/3.json", `{"spec":"evil","files":[{"path":"../../etc/passwd","size":5}]}`)
	put(t, dir, "refs/4.json", `broken`)
	got, err := List(dir)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	old, split := got[0], got[1]
	if filepath.Base(old.Name) != "old.gguf" || old.Size != 4 || old.Parts != 1 {
		t.Errorf("a file without a name: %+v", old)
	}
	if split.Name != "o/r:Q8_0" || split.Parts != 2 || split.Size != 11 || filepath.Base(split.Path) != "m-00001-of-00002.gguf" || split.Modified.IsZero() {
		t.Errorf("a split model: %+v", split)
	}
}

func TestLooksLike(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "blob", "GGUF\x03")
	put(t, dir, "text", "some text")
	for name, want := range map[string]Likeness{
		"smollm2": IsAName, "SmolLM2:135m": IsAName, "m.gguf": IsAName, "./no/such.GGUF": IsAName, "hf.co/a/b": IsAName, "hf://a/b:Q8_0": IsAName,
		"https://h/m.gguf": IsAName, "https://h/m.gguf#sha256=00": IsAName, filepath.Join(dir, "blob"): IsAName,
		"owner/repo": MaybeAName, "owner/repo:Q4_K_M": MaybeAName, "and/or": MaybeAName,
		"": NotAName, "hello": NotAName, "why is m.gguf": NotAName, "/usr/bin": NotAName, "a/b/c": NotAName, "1 / 2": NotAName, "https://h/page.html": NotAName,
		filepath.Join(dir, "text"): NotAName, dir: NotAName, "what is\nsmollm2": NotAName,
	} {
		if got := LooksLike(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}
