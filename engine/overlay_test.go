package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// cacheHere points the cache at a folder of the test's.
func cacheHere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("LATENTGO_CACHE", dir)
	return dir
}

// cacheFiles lists the kept conversions.
func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "converted", "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, _ := filepath.Glob(filepath.Join(dir, "converted", ".*"))
	return append(names, hidden...)
}

// loadCached loads with a form through the cache and reports whether it had to convert, and the warnings.
func loadCached(t *testing.T, path string, form MLA, edit func(*ConvertOptions)) (m *Model, converted bool, warnings []string) {
	t.Helper()
	opt := &ConvertOptions{Tokens: 512, Progress: func(p Progress) {
		converted = converted || p.Stage == StageLayers
		if p.Warning != "" {
			warnings = append(warnings, p.Warning)
		}
	}}
	if edit != nil {
		edit(opt)
	}
	return loadFile(t, path, Options{MLA: form, Threads: 1, Convert: opt}), converted, warnings
}

// The second load finds what the first one made, wherever the file is now; other options or another file do not.
func TestCacheOfConversions(t *testing.T) {
	dir := cacheHere(t)
	path, half, ids := tinyLlama().build().Write(t), MLA{Percent: 50}, randomIDs(30, 80)
	first, converted, _ := loadCached(t, path, half, nil)
	if !converted || len(cacheFiles(t, dir)) != 1 {
		t.Fatalf("converted is %v, files: %v", converted, cacheFiles(t, dir))
	}
	moved := filepath.Join(t.TempDir(), "elsewhere.gguf")
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(moved, raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []MLA{half, {L: 32}, {Bytes: 128}} {
		m, converted, warnings := loadCached(t, moved, same, nil)
		if converted || len(warnings) != 0 {
			t.Errorf("%v: converted again; warnings %q", same, warnings)
		}
		if e := nmse(allLogits(t, m, ids), allLogits(t, first, ids)); e != 0 {
			t.Errorf("%v: other logits: %.2g", same, e)
		}
		if a, b := *m.Conversion(), *first.Conversion(); !sameConversion(a, b) || m.Info() != first.Info() {
			t.Errorf("%v: tells %+v, before %+v", same, a, b)
		}
	}
	other := tinyLlama()
	other.ff = 64
	for name, load := range map[string]func() bool{
		"another form": func() bool { _, c, _ := loadCached(t, path, MLA{Percent: 25}, nil); return c },
		"another seed": func() bool { _, c, _ := loadCached(t, path, half, func(o *ConvertOptions) { o.Seed = 1 }); return c },
		"more text": func() bool {
			_, c, _ := loadCached(t, path, half, func(o *ConvertOptions) { o.Tokens = 600 })
			return c
		},
		"exact layers": func() bool {
			_, c, _ := loadCached(t, path, half, func(o *ConvertOptions) { o.Exact = []int{1} })
			return c
		},
		"another file": func() bool { _, c, _ := loadCached(t, other.build().Write(t), half, nil); return c },
		"no cache": func() bool {
			_, c, _ := loadCached(t, path, half, func(o *ConvertOptions) { o.NoCache = true })
			return c
		},
	} {
		if !load() {
			t.Errorf("%s: not converted", name)
		}
	}
	if n := len(cacheFiles(t, dir)); n != 6 {
		t.Errorf("%d files are kept: %v", n, cacheFiles(t, dir))
	}
}

// A file in the cache that is damaged anywhere is made anew, and then used again.
func TestCacheIsChecked(t *testing.T) {
	dir := cacheHere(t)
	path, half := tinyLlama().build().Write(t), MLA{Percent: 50}
	loadCached(t, path, half, nil)
	file := cacheFiles(t, dir)[0]
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{
		"empty":     nil,
		"truncated": good[:len(good)*2/3],
		"not GGUF":  []byte(strings.Repeat("latent", 50)),
		"no keys":   bytes.ReplaceAll(good, []byte("latentgo"), []byte("LATENTGO")),
		"other key": bytes.Replace(good, []byte(strings.TrimSuffix(filepath.Base(file), ".gguf")), bytes.Repeat([]byte("0"), 32), 1),
	}
	for _, at := range []int{len(good) / 2, len(good) - 300, len(good) * 4 / 5} {
		flipped := bytes.Clone(good)
		flipped[at] ^= 4
		damage["bit "+string(rune('a'+at%26))] = flipped
	}
	for name, raw := range damage {
		if err := os.WriteFile(file+".new", raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil { // the old one may be mapped
			t.Fatal(err)
		}
		if _, converted, warnings := loadCached(t, path, half, nil); !converted || len(warnings) != 0 {
			t.Errorf("%s: converted is %v, warnings %q", name, converted, warnings)
		}
		if again, err := os.ReadFile(file); err != nil || !bytes.Equal(again, good) {
			t.Errorf("%s: not made anew: %v", name, err)
		}
	}
}

// A cache that can't be written costs a warning, not the model.
func TestCacheNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATENTGO_CACHE", file) // no directory: works for root, too
	m, converted, warnings := loadCached(t, tinyLlama().build().Write(t), MLA{Percent: 50}, nil)
	if !converted || len(warnings) != 1 || !strings.Contains(warnings[0], "not kept") {
		t.Errorf("converted is %v, warnings %q", converted, warnings)
	}
	allLogits(t, m, randomIDs(20, 80))
}

// Several loads of one model at the same time, as several processes do, all succeed and leave one good file.
func TestCacheConcurrently(t *testing.T) {
	dir := cacheHere(t)
	path := tinyLlama().build().Write(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m, err := Load(path, &Options{MLA: MLA{Percent: 50}, Threads: 1, Convert: &ConvertOptions{Tokens: 512}})
			if err != nil {
				t.Error(err)
				return
			}
			_ = m.Close()
		})
	}
	wg.Wait()
	if files := cacheFiles(t, dir); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
	if _, converted, _ := loadCached(t, path, MLA{Percent: 50}, nil); converted {
		t.Error("what they left is not used")
	}
}

// A cache file that is truncated while it is in use is an error, not the end of the program.
func TestCacheShrinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file can't be truncated here")
	}
	dir := cacheHere(t)
	m, _, _ := loadCached(t, tinyLlama().build().Write(t), MLA{Percent: 50}, nil)
	if err := os.Truncate(cacheFiles(t, dir)[0], 4096); err != nil {
		t.Fatal(err)
	}
	s := newSession(t, m, nil)
	if _, err := s.Eval(t.Context(), randomIDs(40, 80)); err == nil || !strings.Contains(err.Error(), "converted tensors") {
		t.Errorf("evaluation: %v", err)
	}
}
