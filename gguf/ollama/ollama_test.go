package ollama

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// forms are the four variants of the format.
var forms = map[string]gguftest.Builder{
	"v3 little": {}, "v2 little": {Version: 2}, "v3 big": {BigEndian: true}, "v2 big": {Version: 2, BigEndian: true},
}

// small is a file with every structure that fs/ggml knows.
func small(form gguftest.Builder) *gguftest.Builder {
	form.AddKV("general.architecture", "llama").AddKV("a.u", uint64(7)).AddKV("a.b", true).AddKV("a.f", float32(1)).
		AddKV("tokenizer.ggml.tokens", []string{"<s>", "x"}).AddKV("a.i", []int32{-1, 2}).AddKV("a.bytes", []uint8{1, 255}).
		AddKV("a.nan", math.NaN()).AddKV("a.nans", []float32{1, float32(math.NaN())})
	return form.AddTensor("blk.0.w", ggtype.Q4_0, []uint64{32, 2}, nil).AddTensor("n", ggtype.F32, []uint64{3}, nil).
		AddTensor("empty", ggtype.F32, []uint64{4, 0}, nil)
}

func open(t *testing.T, b *gguftest.Builder) *gguf.File {
	t.Helper()
	f, err := gguf.OpenBytes("test.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fs/ggml sees the same keys and tensors, in every version and byte order, long arrays included.
func TestDecode(t *testing.T) {
	tokens := make([]string, 5000)
	for i := range tokens {
		tokens[i] = strings.Repeat("x", i%7)
	}
	for name, form := range forms {
		f := open(t, small(form).Set("tokenizer.ggml.tokens", tokens))
		f.Close() // the header was copied when the file was opened
		g, err := Decode(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kv := g.KV()
		if kv.Architecture() != "llama" || kv["a.u"] != uint64(7) || kv["a.b"] != true || kv["a.f"] != float32(1) {
			t.Errorf("%s: %v", name, kv["a.u"])
		}
		if got := kv.Strings("tokenizer.ggml.tokens"); !reflect.DeepEqual(got, tokens) {
			t.Errorf("%s: %d tokens", name, len(got))
		}
		if kv.ParameterCount() != 64+3 || len(kv) != len(f.Keys())+1 {
			t.Errorf("%s: %d parameters, %d keys", name, kv.ParameterCount(), len(kv))
		}
		r := new(Report)
		r.compareKeys(f, kv)
		r.compareTensors(name, f.Tensors(), g.Tensors())
		if len(r.Differences) != 0 || r.Keys != len(f.Keys()) || r.Tensors != 3 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestDecodeNestedArrays(t *testing.T) {
	f := open(t, new(gguftest.Builder).AddKV("k", []any{[]uint8{1}}))
	if _, err := Decode(f); !errors.Is(err, gguf.ErrUnsupported) || !strings.Contains(err.Error(), `test.gguf: unsupported: key "k" is an array of arrays`) {
		t.Errorf("got %v", err)
	}
}

// Every kind of value and every type that fs/ggml knows agrees; the others are told, with how they are seen.
func TestVerify(t *testing.T) {
	if r := Verify(open(t, small(gguftest.Builder{}))); len(r.Differences) != 0 || r.Keys != 9 || r.Tensors != 3 || !strings.HasPrefix(r.Reader, "fs/ggml") {
		t.Errorf("%+v", r)
	}
	b, unknown := new(gguftest.Builder), 0
	for typ := range ggtype.Type(64) {
		if block, _ := typ.Block(); block > 0 {
			b.AddTensor(typ.String(), typ, []uint64{uint64(2 * block), 3}, nil)
			if typ >= ggtype.TQ1_0 && typ != ggtype.MXFP4 {
				unknown++
			}
		}
	}
	f := open(t, b)
	r := Verify(f)
	if len(r.Differences) != unknown || r.Tensors != len(f.Tensors())-unknown || !strings.Contains(r.Differences[0], `tensor "TQ1_0": 0 bytes of type unknown`) {
		t.Errorf("%d tensors agree; %q", r.Tensors, r.Differences)
	}
	for what, c := range map[string]struct {
		b    *gguftest.Builder
		want string
	}{
		"nested":  {new(gguftest.Builder).AddKV("k", []any{[]uint8{1}}), "test.gguf: refused: "},
		"counted": {small(gguftest.Builder{}).AddKV(counted, uint64(5)), `key "general.parameter_count": uint64 67, not 5`},
		"big":     {small(gguftest.Builder{BigEndian: true}), `test.gguf: big-endian: the reader knows such a file by the magic "FUGG" only`},
	} {
		if r := Verify(open(t, c.b)); len(r.Differences) != 1 || !strings.HasPrefix(r.Differences[0], c.want) {
			t.Errorf("%s: %q", what, r.Differences)
		}
	}
}

// Every part of a split model is asked about.
func TestVerifySplit(t *testing.T) {
	paths := small(gguftest.Builder{}).WriteSplit(t, filepath.Join(t.TempDir(), "m"), 2, func(no int, b *gguftest.Builder) {
		if no == 1 {
			b.AddKV("k", []any{[]uint8{1}})
		}
	})
	f, err := gguf.Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := Verify(f)
	if r.Tensors != 1 || len(r.Differences) != 1 || !strings.HasPrefix(r.Differences[0], paths[1]+": refused: ") {
		t.Errorf("%+v", r)
	}
}

// What differs is said, one line each.
func TestReportDifferences(t *testing.T) {
	f := open(t, small(gguftest.Builder{}))
	g, err := Decode(open(t, small(gguftest.Builder{}).Delete("a.u").Set("a.b", false).Set("a.i", []int32{-1, 3}).AddKV("new", "x")))
	if err != nil {
		t.Fatal(err)
	}
	r := new(Report)
	r.compareKeys(f, g.KV())
	slices.Sort(r.Differences)
	if want := []string{`key "a.b": bool false, not true`, `key "a.i": `, `key "a.u": missing`, `key "new": not in the file`}; len(r.Differences) != 4 || r.Keys != 6 {
		t.Errorf("%d keys agree; %q, want %q", r.Keys, r.Differences, want)
	}
	other := new(gguftest.Builder).AddTensor("blk.0.w", ggtype.Q4_0, []uint64{64, 1}, nil).AddTensor("m", ggtype.F32, []uint64{3}, nil).
		AddTensor("empty", ggtype.F16, []uint64{4, 0}, nil)
	if g, err = Decode(open(t, other)); err != nil {
		t.Fatal(err)
	}
	r = new(Report)
	r.compareTensors("x", f.Tensors(), g.Tensors())
	r.compareTensors("x", f.Tensors()[1:], g.Tensors())
	want := []string{`tensor "blk.0.w": shape [64 1], not [32 2]`, `tensor 1: named "m", not "n"`, `tensor "empty": type 1, not F32`, "x: 3 tensors, not 2"}
	if !slices.Equal(r.Differences, want) || r.Tensors != 0 {
		t.Errorf("%d agree; %q", r.Tensors, r.Differences)
	}
}

// Headers with one changed byte: what package gguf accepts upsets fs/ggml no more than by an error.
func TestEveryByteChange(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 17
	}
	for name, form := range forms {
		b := small(form)
		file, header := b.Bytes(), len(b.Header())
		for i := range header {
			for x := 1; x < 256; x += step {
				changed := bytes.Clone(file)
				changed[i] ^= byte(x)
				f, err := gguf.OpenBytes("changed", changed)
				if err != nil {
					continue
				}
				if _, err := Decode(f); err != nil && !errors.Is(err, gguf.ErrUnsupported) {
					t.Errorf("%s: byte %d ^ %d: refused by fs/ggml: %v", name, i, x, err)
				}
				Verify(f)
			}
		}
	}
}

// All of llama.cpp's files are seen alike.
func TestVerifyVectors(t *testing.T) {
	for _, dir := range []string{"vectors/arch", "vectors/tokenizer"} {
		paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, dir), "*.gguf"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, path := range paths {
			f, err := gguf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if r := Verify(f); len(r.Differences) != 0 || r.Keys != len(f.Keys()) || r.Tensors != len(f.Tensors()) {
				t.Errorf("%s: %+v", filepath.Base(path), r)
			}
			f.Close()
		}
	}
}
