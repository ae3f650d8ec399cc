package engine

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// quick are options for tests: little text, no cache.
func quick(form MLA) *ConvertOptions {
	return &ConvertOptions{MLA: form, Threads: 1, Tokens: 512, NoCache: true}
}

// refining are options for a test of refinement.
func refining() *ConvertOptions {
	o := quick(MLA{R: 8, L: 24})
	o.Compat, o.Refine, o.Tokens = CompatLlama, 3, 2048
	return o
}

// convertTo converts in and returns the new file's path.
func convertTo(t *testing.T, in string, opt *ConvertOptions) (string, *ConvertReport) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.gguf")
	r, err := Convert(context.Background(), in, out, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

// Every architecture converts, loads from the file, and computes the same from the file as when it converts at load.
func TestConvertEveryArchitecture(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		t.Run(name, func(t *testing.T) {
			path, ids := b.Write(t), gguftest.RandomIDs(60, 80)
			form := MLA{Percent: 50}
			out, r := convertTo(t, path, quick(form))
			fromFile := loadFile(t, out, Options{Threads: 1})
			atLoad := loadFile(t, path, Options{MLA: form, Threads: 1, Convert: quick(form)})
			if e := nmse(allLogits(t, fromFile, ids), allLogits(t, atLoad, ids)); e != 0 {
				t.Errorf("from the file and at load differ: %.2g", e)
			}
			if e := nmse(stepLogits(t, fromFile, ids), allLogits(t, fromFile, ids)); !(e < 1e-3) {
				t.Errorf("decode differs from prefill: %.2g", e)
			}
			a, b := fromFile.Info(), atLoad.Info()
			if a != b || a.MLA != r.MLA || !strings.HasPrefix(a.MLA, "compressed ") || a.RopeSize+a.LatentSize != 32 || 2*r.CacheAfter != r.CacheBefore || a.CacheBytes != r.CacheAfter {
				t.Errorf("infos differ: %+v, %+v, %+v", a, b, r)
			}
			if c := *fromFile.Conversion(); !sameConversion(c, r.Conversion) || c.Form != "50%" || c.Tokens != 448 || c.Source != filepath.Base(path) {
				t.Errorf("the file tells %+v, Convert %+v", c, r.Conversion)
			}
		})
	}
}

// So do models whose layers flow otherwise, or whose positions depend on the session's context.
func TestConvertOtherFlows(t *testing.T) {
	for name, b := range map[string]*gguftest.Builder{
		"command-r":      gguftest.ClassicVariants()["command-r"].Build(),
		"falcon-7b":      gguftest.ClassicVariants()["falcon-7b"].Build(),
		"gpt2":           gguftest.ClassicVariants()["gpt2"].Build(),
		"phi3-long":      gguftest.RelativeVariants()["phi3-long"].Build(),
		"gemma4-dense":   gguftest.SketchVariants()["gemma4-dense"].Build(),
		"gemma4-e":       gguftest.SketchVariants()["gemma4-e"].Build(),
		"gemma4-experts": gguftest.SketchVariants()["gemma4-experts"].Build(),
		"hunyuan-dense":  gguftest.RelativeVariants()["hunyuan-dense"].Build(),
		"llama4":         gguftest.RelativeVariants()["llama4"].Build(),
		"bitnet":         gguftest.SketchVariants()["bitnet"].Build(),
	} {
		t.Run(name, func(t *testing.T) {
			path, ids, form := b.Write(t), gguftest.RandomIDs(60, 32), MLA{Percent: 50}
			opt := quick(form)
			out, _ := convertTo(t, path, opt)
			fromFile := loadFile(t, out, Options{Threads: 1})
			atLoad := loadFile(t, path, Options{MLA: form, Threads: 1, Convert: opt})
			if e := nmse(allLogits(t, fromFile, ids), allLogits(t, atLoad, ids)); e != 0 {
				t.Errorf("from the file and at load differ: %.2g", e)
			}
			if e := nmse(stepLogits(t, fromFile, ids), allLogits(t, fromFile, ids)); !(e < 1e-3) {
				t.Errorf("decode differs from prefill: %.2g", e)
			}
			if !strings.HasPrefix(fromFile.Info().MLA, "compressed ") {
				t.Errorf("%+v", fromFile.Info())
			}
		})
	}
}

func sameConversion(a, b Conversion) bool {
	exact := slices.Equal(a.Exact, b.Exact)
	a.Exact, b.Exact = nil, nil
	return exact && a.Form == b.Form && a.Text == b.Text && a.Before == b.Before && a.After == b.After && a.Fingerprint == b.Fingerprint &&
		a.Tokens == b.Tokens && a.HeldTokens == b.HeldTokens && a.Source == b.Source && a.Calibration == b.Calibration && a.Seed == b.Seed
}

// Tensors that a conversion does not touch, and the metadata, are kept as they are.
func TestConvertKeepsTheRest(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		path := b.Write(t)
		out, _ := convertTo(t, path, quick(MLA{R: 8, L: 16}))
		old, made := openGGUF(t, path), openGGUF(t, out)
		for _, key := range old.Keys() {
			a, _ := old.Value(key)
			b, ok := made.Value(key)
			if !ok || a.String() != b.String() || a.Kind() != b.Kind() {
				t.Errorf("%s: key %q was %v, is %v", name, key, a, b)
			}
		}
		for _, a := range old.Tensors() {
			part := strings.Split(a.Name, ".")
			b, err := made.Tensor(a.Name)
			switch {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case len(part) > 2 && (part[2] == "attn_output" || part[2] == "ffn_down"):
				if a.Type != b.Type || !slices.Equal(a.Shape, b.Shape) {
					t.Errorf("%s: %s was %v %v, is %v %v", name, a.Name, a.Type, a.Shape, b.Type, b.Shape)
				}
			case !bytes.Equal(tensorBytes(t, a), tensorBytes(t, b)):
				t.Errorf("%s: %s changed", name, a.Name)
			}
		}
	}
}

func openGGUF(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func tensorBytes(t *testing.T, x *gguf.Tensor) []byte {
	t.Helper()
	b, err := x.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The same seed and file give the same bytes, whatever the number of threads; another seed gives others.
func TestConvertIsReproducible(t *testing.T) {
	checkReproducible(t, func() *ConvertOptions { return quick(MLA{Percent: 50}) })
	checkReproducible(t, refining)
}

func checkReproducible(t *testing.T, options func() *ConvertOptions) {
	t.Helper()
	path := gguftest.TinyLlama().Build().Write(t)
	read := func(seed uint64, threads int) []byte {
		opt := options()
		opt.Seed, opt.Threads = seed, threads
		out, _ := convertTo(t, path, opt)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := read(3, 2)
	if !bytes.Equal(read(3, 1), first) {
		t.Error("another number of threads gives another file")
	}
	if bytes.Equal(read(4, 2), first) {
		t.Error("another seed gives the same file")
	}
}

// Layers named exact cache what they did, and the reports say so.
func TestExactLayers(t *testing.T) {
	m := gguftest.TinyLlama()
	m.Layers = 4
	path := m.Build().Write(t)
	opt := quick(MLA{Percent: 25})
	opt.Exact = []int{0, 3}
	out, r := convertTo(t, path, opt)
	x := loadFile(t, out, Options{})
	for i := range x.net.Spec().Layers {
		if exact := i == 0 || i == 3; exact == x.net.Spec().Compressed(i) {
			t.Errorf("layer %d: exact %v", i, exact)
		}
	}
	in := x.Info()
	if in.CacheBytes != 2*(2*64+2*16) || in.RopeSize+in.LatentSize != (2*64+2*16)/4 || in.MLA != "compressed 0+16, 2 of 4 layers exact" {
		t.Errorf("%+v", in)
	}
	if !slices.Equal(x.Conversion().Exact, opt.Exact) || r.CacheAfter != in.CacheBytes {
		t.Errorf("%+v, %+v", x.Conversion(), r)
	}
}

// What Convert refuses, before it computes anything; nothing is left behind.
func TestConvertRefuses(t *testing.T) {
	dir := t.TempDir()
	path := gguftest.TinyLlama().Build().Write(t)
	done, _ := convertTo(t, path, quick(MLA{Percent: 50}))
	out := filepath.Join(dir, "out.gguf")
	edit := func(f func(*ConvertOptions)) *ConvertOptions { o := quick(MLA{Percent: 50}); f(o); return o }
	for _, c := range []struct {
		name, in, out string
		opt           *ConvertOptions
		is            error
		want          string
	}{
		{"no options", path, out, nil, nil, "no compressed form"},
		{"exact form", path, out, quick(MLAExact), nil, "no compressed form"},
		{"missing file", filepath.Join(dir, "x"), out, quick(MLA{Percent: 50}), fs.ErrNotExist, "x"},
		{"converted already", done, out, quick(MLA{Percent: 50}), ErrConverted, "compressed 0+32"},
		{"unknown compat", path, out, edit(func(o *ConvertOptions) { o.Compat = "vllm" }), ErrUnsupported, "vllm"},
		{"refinement of our own form", path, out, edit(func(o *ConvertOptions) { o.Refine = 1 }), ErrUnsupported, "Compat"},
		{"no such layer", path, out, edit(func(o *ConvertOptions) { o.Exact = []int{2} }), nil, "layers 0 to 1"},
		{"all layers exact", path, out, edit(func(o *ConvertOptions) { o.Exact = []int{0, 1} }), nil, "every layer"},
		{"rows as large as the model's", path, out, quick(MLA{R: 32, L: 32}), nil, "every layer"},
		{"rows above the model's", path, out, quick(MLA{R: 30, L: 64}), nil, "caches 64"},
		{"more rotated values than keys have", path, out, quick(MLA{R: 34, L: 8}), nil, "34 rotated"},
		{"bytes above the model's", path, out, quick(MLA{Bytes: 300}), nil, "caches 256 bytes"},
		{"text without a tokenizer", path, out, edit(func(o *ConvertOptions) { o.Calibration = "hello" }), ErrNoTokenizer, "calibration text"},
		{"negative steps", path, out, edit(func(o *ConvertOptions) { o.Refine = -1 }), nil, "negative"},
		{"negative tokens", path, out, edit(func(o *ConvertOptions) { o.Tokens = -1 }), nil, "negative"},
		{"output is a directory", path, dir, quick(MLA{Percent: 50}), nil, "is a directory"},
		{"output in no directory", path, filepath.Join(dir, "no", "x"), quick(MLA{Percent: 50}), fs.ErrNotExist, "write"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Convert(context.Background(), c.in, c.out, c.opt)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if names, _ := os.ReadDir(dir); len(names) != 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

// A model is never replaced by its own conversion, under whatever name; another file is with Overwrite only.
func TestConvertOverwrites(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	dir := t.TempDir()
	other, link := filepath.Join(dir, "other"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(other, []byte("precious"), 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	parts := gguftest.TinyLlama().Build().WriteSplit(t, filepath.Join(t.TempDir(), "m"), 3, nil)
	force := quick(MLA{Percent: 50})
	force.Overwrite = true
	for _, c := range []struct {
		in, out string
		opt     *ConvertOptions
	}{
		{path, path, force}, {path, link, force}, {link, path, force}, {parts[0], parts[1], force}, {path, other, quick(MLA{Percent: 50})},
	} {
		before, err := os.ReadFile(c.out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Convert(t.Context(), c.in, c.out, c.opt); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), c.out) {
			t.Errorf("%s to %s: %v", c.in, c.out, err)
		}
		if after, err := os.ReadFile(c.out); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was changed: %v", c.out, err)
		}
	}
	if _, err := Convert(t.Context(), path, other, force); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(other); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("its bits: %v, %v", st.Mode(), err)
	}
	loadFile(t, other, Options{})
}

// A split model becomes one file, the same as from one file.
func TestConvertSplit(t *testing.T) {
	parts := gguftest.TinyLlama().Build().WriteSplit(t, filepath.Join(t.TempDir(), "m"), 3, nil)
	out, r := convertTo(t, parts[1], quick(MLA{Percent: 50}))
	whole, _ := convertTo(t, gguftest.TinyLlama().Build().Write(t), quick(MLA{Percent: 50}))
	f := openGGUF(t, out)
	if f.Parts() != 1 || f.Has("split.count") {
		t.Errorf("the result has %d parts", f.Parts())
	}
	if e := nmse(allLogits(t, loadFile(t, out, Options{}), gguftest.RandomIDs(20, 80)), allLogits(t, loadFile(t, whole, Options{}), gguftest.RandomIDs(20, 80))); e != 0 {
		t.Errorf("differs from the whole file's: %.2g", e)
	}
	if r.FileBefore <= r.FileAfter/4 {
		t.Errorf("the parts have %d bytes", r.FileBefore)
	}
}

// A conversion that is cancelled, at any stage, ends with the context's error and leaves nothing behind.
func TestConvertCancelled(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	for _, stage := range []string{StageText, StageBefore, StageLayers, StageRefine, StageAfter, StageSave} {
		ctx, cancel := context.WithCancel(context.Background())
		opt := quick(MLA{Percent: 50})
		if stage == StageRefine {
			opt = refining()
		}
		opt.Progress = func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}
		dir := t.TempDir()
		_, err := Convert(ctx, path, filepath.Join(dir, "out.gguf"), opt)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", stage, err)
		}
		if names, _ := os.ReadDir(dir); len(names) != 0 {
			t.Errorf("%s: left behind: %v", stage, names)
		}
	}
}

// Reports come in the order of the stages, each ends with all of it done.
func TestConvertProgress(t *testing.T) {
	checkProgress(t, quick(MLA{Percent: 50}), StageText, StageBefore, StageLayers, StageAfter, StageSave)
	checkProgress(t, refining(), StageText, StageBefore, StageLayers, StageRefine, StageAfter, StageSave)
}

func checkProgress(t *testing.T, opt *ConvertOptions, want ...string) {
	t.Helper()
	var stages []string
	var last Progress
	opt.Progress = func(p Progress) {
		if p.Warning != "" {
			return
		}
		if p.Stage != last.Stage {
			if last.Done != last.Total {
				t.Errorf("%s ended at %d of %d", last.Stage, last.Done, last.Total)
			}
			stages = append(stages, p.Stage)
		} else if p.Done < last.Done || p.Total != last.Total || p.Done > p.Total {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}
	convertTo(t, gguftest.TinyLlama().Build().Write(t), opt)
	if !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
}

// A compressed file runs as it is; other forms are refused with the reason.
func TestLoadOfAConvertedFile(t *testing.T) {
	out, _ := convertTo(t, gguftest.TinyLlama().Build().Write(t), quick(MLA{Percent: 50}))
	for _, form := range []MLA{MLAOff, {Percent: 25}, {R: 16, L: 16}} {
		if _, err := Load(out, &Options{MLA: form}); !errors.Is(err, ErrConverted) || !strings.Contains(err.Error(), out) {
			t.Errorf("%v: %v", form, err)
		}
	}
	if in := loadFile(t, out, Options{MLA: MLAExact}).Info(); in.MLA != "compressed 0+32" {
		t.Errorf("%+v", in)
	}
}
