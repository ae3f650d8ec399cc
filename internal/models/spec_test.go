package models

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]spec{
		"bartowski/X-GGUF":               {name: "hf://bartowski/X-GGUF", repo: "bartowski/X-GGUF", rev: "main"},
		"a/b:q4_k_m":                     {name: "hf://a/b:Q4_K_M", repo: "a/b", rev: "main", tag: "q4_k_m"},
		"hf.co/a/b:IQ4_XS":               {name: "hf://a/b:IQ4_XS", repo: "a/b", rev: "main", tag: "IQ4_XS"},
		"a/b@v1.0":                       {name: "hf://a/b@v1.0", repo: "a/b", rev: "v1.0"},
		"hf://a/b/d/f.gguf@r1":           {name: "hf://a/b/d/f.gguf@r1", repo: "a/b", rev: "r1", file: "d/f.gguf"},
		"https://hf.co/a/b/tree/dev":     {name: "hf://a/b@dev", repo: "a/b", rev: "dev"},
		"https://h.example/d/m.gguf?x=1": {name: "https://h.example/d/m.gguf?x=1", url: "https://h.example/d/m.gguf?x=1"},
	} {
		got, err := parseSpec(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", in, got, err, want)
		}
	}
	if s, err := parseSpec("SmolLM2:135M"); err != nil || s.entry == nil || s.name != Default {
		t.Errorf("the default's long name: %+v %v", s, err)
	}
}

func TestParseSpecRejects(t *testing.T) {
	for _, in := range []string{
		"llama3", "a/../b", "hf://a", "a/b/../../c.gguf@x", "a/b:Q4/K", "ftp://h/m.gguf", "https://h.example/page.html",
		"https://h.example/m.gguf#sha256=12", "-a/b", "a/b@..", "hf://a/b/..\\c.gguf", "a/b:x y",
	} {
		if s, err := parseSpec(in); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q was read as %+v, %v", in, s, err)
		}
	}
}

func TestLooksLocal(t *testing.T) {
	for in, want := range map[string]bool{
		"m.gguf": true, "./m": true, "../m": true, "dir/m.GGUF": true, "/abs/m": true, "~/m": true,
		"smollm2": false, "a/b": false, "a/b:Q4_0": false, "https://h/m.gguf": false, "hf://a/b/m.gguf": false,
	} {
		if got := looksLocal(in); got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func TestFetchLocalFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "any name")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Fetch(context.Background(), path, nil); err != nil || got != path {
		t.Errorf("existing file: %q %v", got, err)
	}
	if _, err := Fetch(context.Background(), dir, nil); !errors.Is(err, ErrDirectory) {
		t.Errorf("directory: %v", err)
	}
	if _, err := Fetch(context.Background(), filepath.Join(dir, "no.gguf"), nil); !errors.Is(err, ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestOfflineAndUnknown(t *testing.T) {
	opt := &Options{Dir: t.TempDir(), Offline: true}
	for _, spec := range []string{"a/b", "https://h.example/m.gguf"} {
		if _, err := Fetch(context.Background(), spec, opt); !errors.Is(err, ErrOffline) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	if _, err := Fetch(context.Background(), "llama3", opt); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), Default) {
		t.Errorf("unknown name: %v", err)
	}
}

func TestByTagPrefersTheEnd(t *testing.T) {
	all := []hubFile{{Path: "a-Q4_K_M-f16emb.gguf"}, {Path: "a-Q4_K_M.gguf"}, {Path: "UD-Q4_K_M/b.gguf"}, {Path: "a-Q4_K_S.gguf"}}
	for tag, path := range map[string]string{"Q4_K_M": "a-Q4_K_M.gguf", "q4_k_s": "a-Q4_K_S.gguf", "F16EMB": "a-Q4_K_M-f16emb.gguf", "UD-Q4_K_M": "UD-Q4_K_M/b.gguf", "Q4_K": ""} {
		c := byTag(candidates(all), tag)
		if got := ""; c != nil {
			got = c.files[0].Path
			if got != path {
				t.Errorf("%s: %s, want %s", tag, got, path)
			}
		} else if path != "" {
			t.Errorf("%s: nothing, want %s", tag, path)
		}
	}
}
