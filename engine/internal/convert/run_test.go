package convert

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// request asks for little text.
func request(t *testing.T, path string, o Options) *Request {
	t.Helper()
	f, s := converttest.OpenFile(t, path)
	if o.Tokens == 0 {
		o.Tokens = 512
	}
	return &Request{File: f, Spec: s, Threads: 1, Options: o}
}

// runTo converts a file to another and returns its path.
func runTo(t *testing.T, r *Request) (string, *Result) {
	t.Helper()
	res, err := Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Close() })
	out := filepath.Join(t.TempDir(), "out.gguf")
	if err := res.Write(t.Context(), out, false); err != nil {
		t.Fatal(err)
	}
	return out, res
}

var half = Form{Percent: 50}

// refining are options for a test of refinement.
func refining() Options {
	return Options{Form: Form{R: 8, L: 24}, Llama: true, Refine: 3, Tokens: 2048}
}

// Every architecture converts, and computes the same from the file as right after the conversion.
func TestRunEveryArchitecture(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		t.Run(name, func(t *testing.T) {
			path, ids := b.Write(t), gguftest.RandomIDs(60, 80)
			out, r := runTo(t, request(t, path, Options{Form: half}))
			f, s := converttest.OpenFile(t, out)
			fromFile := converttest.LoadThreads(t, f, s, nil, 1)
			want := converttest.Logits(t, fromFile, ids, converttest.All)
			if e := converttest.NMSE(converttest.Logits(t, r.Model, ids, converttest.All), want); e != 0 {
				t.Errorf("from the file and at once differ: %.2g", e)
			}
			if e := converttest.NMSE(converttest.Logits(t, fromFile, ids, converttest.One), want); !(e < 1e-3) {
				t.Errorf("decode differs from prefill: %.2g", e)
			}
			if d := Describe(s); d != "compressed 0+32" || d != Describe(r.Model.Spec()) ||
				2*cacheBytes(s) != PlainBytes(r.request.Spec) {
				t.Errorf("%s: %d bytes of %d", d, cacheBytes(s), PlainBytes(r.request.Spec))
			}
			info := ReadInfo(f)
			if info == nil || !reflect.DeepEqual(*info, r.Info) || info.Form != "50%" || info.Tokens != 448 ||
				info.Source != filepath.Base(path) {
				t.Errorf("the file tells %+v, Run %+v", info, r.Info)
			}
		})
	}
}

// cacheBytes returns what compressed rows take per token.
func cacheBytes(s *model.Spec) int {
	n := 0
	for _, c := range shapes(s) {
		n += cachedBytes * c.Blocks * c.Row()
	}
	return n
}

// The same seed gives the same file on any number of threads, another seed another one.
func TestRunIsReproducible(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	read := func(seed uint64, threads int) []byte {
		r := request(t, path, Options{Form: half, Seed: seed})
		r.Threads = threads
		out, _ := runTo(t, r)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := read(3, 2)
	if !slices.Equal(read(3, 1), first) {
		t.Error("another number of threads gives another file")
	}
	if slices.Equal(read(4, 2), first) {
		t.Error("another seed gives the same file")
	}
}

// Layers named exact cache what they did, and the reports say so.
func TestExactLayers(t *testing.T) {
	m := gguftest.TinyLlama()
	m.Layers = 4
	exact := []int{0, 3}
	out, r := runTo(t, request(t, m.Build().Write(t), Options{Form: Form{Percent: 25}, Exact: exact}))
	f, s := converttest.OpenFile(t, out)
	if d := Describe(s); d != "compressed 0+16, 2 of 4 layers exact" || !s.Compressed(1) || s.Compressed(3) {
		t.Errorf("the file holds %s", d)
	}
	if !slices.Equal(r.Info.Exact, exact) || !slices.Equal(ReadInfo(f).Exact, exact) {
		t.Errorf("%+v, %+v", r.Info, ReadInfo(f))
	}
}

// What is refused before anything is computed.
func TestRunRefuses(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	done, _ := runTo(t, request(t, path, Options{Form: half}))
	for _, c := range []struct {
		name, in string
		o        Options
		is       error
		want     string
	}{
		{"converted already", done, Options{Form: half}, ErrConverted, "compressed 0+32"},
		{"latent attention", gguftest.DeepDense().Build().Write(t), Options{Form: half}, ErrConverted, "deepseek2"},
		{"refinement of our own form", path, Options{Form: half, Refine: 1}, model.ErrUnsupported, "refined"},
		{"no such layer", path, Options{Form: half, Exact: []int{2}}, nil, "layers 0 to 1"},
		{"all layers exact", path, Options{Form: half, Exact: []int{0, 1}}, nil, "every layer"},
		{"rows as large as the model's", path, Options{Form: Form{R: 32, L: 32}}, nil, "every layer"},
		{"rows above the model's", path, Options{Form: Form{R: 30, L: 64}}, nil, "caches 64"},
		{"more rotated values than keys have", path, Options{Form: Form{R: 34, L: 8}}, nil, "34 rotated"},
		{"bytes above the model's", path, Options{Form: Form{Bytes: 300}}, nil, "caches 256 bytes"},
		{"text without a tokenizer", path, Options{Form: half, Calibration: "hello"}, ErrNoTokenizer, "calibration text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Progress = func(p Progress) { t.Errorf("%+v", p) }
			_, err := Run(t.Context(), request(t, c.in, c.o))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A split model becomes one file, the same as from one file.
func TestRunSplit(t *testing.T) {
	parts := gguftest.TinyLlama().Build().WriteSplit(t, filepath.Join(t.TempDir(), "m"), 3, nil)
	out, r := runTo(t, request(t, parts[1], Options{Form: half}))
	_, whole := runTo(t, request(t, gguftest.TinyLlama().Build().Write(t), Options{Form: half}))
	f, _ := converttest.OpenFile(t, out)
	if f.Parts() != 1 || f.Has("split.count") {
		t.Errorf("the result has %d parts", f.Parts())
	}
	ids := gguftest.RandomIDs(20, 80)
	got, want := converttest.Logits(t, r.Model, ids, converttest.All), converttest.Logits(t, whole.Model, ids, converttest.All)
	if e := converttest.NMSE(got, want); e != 0 {
		t.Errorf("differs from the whole file's: %.2g", e)
	}
}

// What would keep a result from being written is known before.
func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	parts := gguftest.TinyLlama().Build().WriteSplit(t, filepath.Join(dir, "m"), 2, nil)
	split, _ := converttest.OpenFile(t, parts[0])
	whole, _ := converttest.Open(t, gguftest.TinyLlama().Build())
	for _, c := range []struct {
		f         *gguf.File
		path      string
		overwrite bool
		is        error
	}{
		{whole, filepath.Join(dir, "new"), false, nil}, {split, filepath.Join(dir, "new"), false, nil},
		{whole, filepath.Join(dir, "no", "x"), false, fs.ErrNotExist},
		{whole, parts[0], false, fs.ErrExist}, {whole, parts[0], true, nil}, // another model
		{split, split.Name(), true, fs.ErrExist}, {split, parts[1], true, fs.ErrExist}, {whole, whole.Name(), true, fs.ErrExist},
	} {
		if err := CheckOutput(c.f, c.path, c.overwrite); !errors.Is(err, c.is) {
			t.Errorf("%s, overwrite %v: %v", c.path, c.overwrite, err)
		}
	}
	if err := CheckOutput(whole, dir, true); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

// A conversion that is cancelled, at any stage, ends with the context's error and writes nothing.
func TestCancelled(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	for _, stage := range []string{StageText, StageBefore, StageLayers, StageRefine, StageAfter, StageSave} {
		ctx, cancel := context.WithCancel(t.Context())
		o := Options{Form: half}
		if stage == StageRefine {
			o = refining()
		}
		o.Progress = func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		}
		dir := t.TempDir()
		res, err := Run(ctx, request(t, path, o))
		if err == nil {
			err = res.Write(ctx, filepath.Join(dir, "out.gguf"), false)
			res.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", stage, err)
		}
		if names, _ := os.ReadDir(dir); len(names) != 0 {
			t.Errorf("%s: left behind: %v", stage, names)
		}
	}
}

// Reports come in the order of the stages, each ends with all of it done.
func TestProgress(t *testing.T) {
	checkProgress(t, Options{Form: half}, StageText, StageBefore, StageLayers, StageAfter, StageSave)
	checkProgress(t, refining(), StageText, StageBefore, StageLayers, StageRefine, StageAfter, StageSave)
}

func checkProgress(t *testing.T, o Options, want ...string) {
	t.Helper()
	var stages []string
	var last Progress
	o.Progress = func(p Progress) {
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
	runTo(t, request(t, gguftest.TinyLlama().Build().Write(t), o))
	if !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
}

// A conversion says whether refinement paid: then the file differs from one that is not refined, else it is the same
// and there is a warning. Few steps are a toss on a model of noise; package refine's tests take more.
func TestRefined(t *testing.T) {
	path := gguftest.TinyLlama().Build().Write(t)
	run := func(o Options) (file []byte, paid bool, warnings int) {
		o.Progress = func(p Progress) {
			if p.Warning != "" {
				warnings++
			}
		}
		out, r := runTo(t, request(t, path, o))
		f, _ := converttest.OpenFile(t, out)
		if info := ReadInfo(f); info.Refined != r.Info.Refined || info.Compat != "llama.cpp" {
			t.Errorf("Run tells %+v, the file %+v", r.Info, info)
		}
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return file, r.Info.Refined > 0, warnings
	}
	plain := refining()
	plain.Refine = 0
	want, paid, warnings := run(plain)
	if paid || warnings > 0 {
		t.Errorf("without refinement: paid %v, %d warnings", paid, warnings)
	}
	file, paid, warnings := run(refining())
	if same := slices.Equal(file, want); same == paid || (warnings == 1) == paid {
		t.Errorf("paid %v, same file %v, %d warnings", paid, same, warnings)
	}
}
