package convert

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
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

// cached converts through the cache and reports whether it had to, and the warnings.
func cached(t *testing.T, path string, form Form, edit func(*Options)) (r *Result, converted bool, warnings []string) {
	t.Helper()
	f, s := converttest.OpenFile(t, path)
	req := &Request{File: f, Spec: s, Threads: 1, Options: Options{Form: form, Tokens: 512, Progress: func(p Progress) {
		converted = converted || p.Stage == StageLayers
		if p.Warning != "" {
			warnings = append(warnings, p.Warning)
		}
	}}}
	if edit != nil {
		edit(&req.Options)
	}
	r, err := Cached(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, converted, warnings
}

// The second load finds what the first one made, wherever the file is now; other options or another file do not.
func TestCacheOfConversions(t *testing.T) {
	dir := cacheHere(t)
	path, half, ids := gguftest.TinyLlama().Build().Write(t), Form{Percent: 50}, gguftest.RandomIDs(30, 80)
	first, converted, _ := cached(t, path, half, nil)
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
	for _, same := range []Form{half, {L: 32}, {Bytes: 128}} {
		m, converted, warnings := cached(t, moved, same, nil)
		if converted || len(warnings) != 0 {
			t.Errorf("%v: converted again; warnings %q", same, warnings)
		}
		got, want := converttest.Logits(t, m.Model, ids, converttest.All), converttest.Logits(t, first.Model, ids, converttest.All)
		if e := converttest.NMSE(got, want); e != 0 {
			t.Errorf("%v: other logits: %.2g", same, e)
		}
		if !reflect.DeepEqual(m.Info, first.Info) {
			t.Errorf("%v: tells %+v, before %+v", same, m.Info, first.Info)
		}
	}
	other := gguftest.TinyLlama()
	other.FFN = 64
	for name, load := range map[string]func() bool{
		"another form": func() bool { _, c, _ := cached(t, path, Form{Percent: 25}, nil); return c },
		"another seed": func() bool { _, c, _ := cached(t, path, half, func(o *Options) { o.Seed = 1 }); return c },
		"more text": func() bool {
			_, c, _ := cached(t, path, half, func(o *Options) { o.Tokens = 600 })
			return c
		},
		"exact layers": func() bool {
			_, c, _ := cached(t, path, half, func(o *Options) { o.Exact = []int{1} })
			return c
		},
		"another file": func() bool { _, c, _ := cached(t, other.Build().Write(t), half, nil); return c },
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
	path, half := gguftest.TinyLlama().Build().Write(t), Form{Percent: 50}
	cached(t, path, half, nil)
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
		if _, converted, warnings := cached(t, path, half, nil); !converted || len(warnings) != 0 {
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
	m, converted, warnings := cached(t, gguftest.TinyLlama().Build().Write(t), Form{Percent: 50}, nil)
	if !converted || len(warnings) != 1 || !strings.Contains(warnings[0], "not kept") {
		t.Errorf("converted is %v, warnings %q", converted, warnings)
	}
	converttest.Logits(t, m.Model, gguftest.RandomIDs(20, 80), converttest.All)
}

// Several loads of one model at the same time, as several processes do, all succeed and leave one good file.
func TestCacheConcurrently(t *testing.T) {
	dir := cacheHere(t)
	path := gguftest.TinyLlama().Build().Write(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			f, s := converttest.OpenFile(t, path)
			r, err := Cached(t.Context(), &Request{File: f, Spec: s, Threads: 1, Options: Options{Form: Form{Percent: 50}, Tokens: 512}})
			if err == nil {
				err = r.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if files := cacheFiles(t, dir); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
	if _, converted, _ := cached(t, path, Form{Percent: 50}, nil); converted {
		t.Error("what they left is not used")
	}
}

// A cache file that is truncated while it is in use is an error, not the end of the program.
func TestCacheShrinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file can't be truncated here")
	}
	dir := cacheHere(t)
	m, _, _ := cached(t, gguftest.TinyLlama().Build().Write(t), Form{Percent: 50}, nil)
	if err := os.Truncate(cacheFiles(t, dir)[0], 4096); err != nil {
		t.Fatal(err)
	}
	err := m.Model.Run([]model.Rows{{Seq: m.Model.NewSequence(attention.F16, 0), Tokens: gguftest.RandomIDs(40, 80)}}, nil)
	var fault *model.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("evaluation: %v", err)
	}
	if err := m.FaultError(fault.Value); err == nil || !strings.Contains(err.Error(), "converted tensors") {
		t.Errorf("the fault is %v", err)
	}
}

// A text is gone through once for all shares: what it shows is kept, and codes made of that are the same as those of a
// conversion without a cache. A damaged file is made anew.
func TestCalibrationIsKept(t *testing.T) {
	dir := cacheHere(t)
	path := gguftest.TinyLlama().Build().Write(t)
	share := func(s float64) func(*Options) { return func(o *Options) { o.Share = s } }
	if _, walked, _ := cached(t, path, Form{}, share(0.3)); !walked {
		t.Error("the first share needs no walk")
	}
	second, walked, warnings := cached(t, path, Form{}, share(0.25))
	if walked || len(warnings) != 0 {
		t.Errorf("another share: walked is %v, warnings %q", walked, warnings)
	}
	f, s := converttest.OpenFile(t, path)
	fresh, err := Run(t.Context(), &Request{File: f, Spec: s, Threads: 1, Options: Options{Share: 0.25, Tokens: 512}})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if !reflect.DeepEqual(second.Info, fresh.Info) {
		t.Errorf("kept: %+v, fresh: %+v", second.Info, fresh.Info)
	}
	for name, want := range fresh.Made {
		a, errA := want.Bytes()
		b, errB := second.Made[name].Bytes()
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, errA, errB)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "calibrated", "*.gguf"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept: %v, %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-5] ^= 1
	if err := os.WriteFile(files[0], raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, walked, _ := cached(t, path, Form{}, share(0.2)); !walked {
		t.Error("a damaged file is used")
	}
}
