package gguf

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ollama/ollama/fs/ggml"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// fs/ggml sees the same keys and tensors, in every version and byte order, long arrays included.
func TestGGML(t *testing.T) {
	tokens := make([]string, 5000)
	for i := range tokens {
		tokens[i] = strings.Repeat("x", i%7)
	}
	for name, form := range forms {
		b := withoutNesting(form).Set("tokenizer.ggml.tokens", tokens)
		f := openBytes(t, b)
		g, err := f.GGML()
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
		checkGGMLTensors(t, f, g)
	}
}

func checkGGMLTensors(t *testing.T, f *File, g *ggml.GGML) {
	t.Helper()
	items := g.Tensors().Items()
	if len(items) != len(f.Tensors()) {
		t.Fatalf("%d tensors, want %d", len(items), len(f.Tensors()))
	}
	for i, x := range f.Tensors() {
		y := items[i]
		if y.Name != x.Name || y.Kind != uint32(x.Type) || !slices.Equal(y.Shape, x.Shape) || g.Tensors().Offset+y.Offset != x.Offset {
			t.Errorf("%s: fs/ggml has %v", x.Name, y)
		}
		if x.Type < ggtype.TQ1_0 && y.Size() != x.Size() {
			t.Errorf("%s: %d bytes, fs/ggml says %d", x.Name, x.Size(), y.Size())
		}
	}
}

// Both know the same sizes of all types that fs/ggml knows.
func TestGGMLTypeSizes(t *testing.T) {
	b := new(gguftest.Builder)
	addEveryType(b, false)
	f := openBytes(t, b)
	g, err := f.GGML()
	if err != nil {
		t.Fatal(err)
	}
	checkGGMLTensors(t, f, g)
}

func TestGGMLNestedArrays(t *testing.T) {
	f := openBytes(t, new(gguftest.Builder).AddKV("k", []any{[]uint8{1}}))
	if _, err := f.GGML(); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), `test.gguf: fs/ggml: unsupported: key "k" is an array of arrays`) {
		t.Errorf("got %v", err)
	}
}

// Decoding uses the header that was checked: what happens to the file later does not matter.
func TestGGMLAfterClose(t *testing.T) {
	f, err := Open(withoutNesting(gguftest.Builder{}).Write(t))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if g, err := f.GGML(); err != nil || len(g.Tensors().Items()) != 2 {
		t.Errorf("got %v", err)
	}
}
