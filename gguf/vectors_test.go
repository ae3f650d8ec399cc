package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// vectorFiles returns llama.cpp's test files: models of all architectures, and vocabularies without tensors.
func vectorFiles(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, dir := range []string{"vectors/arch", "vectors/tokenizer"} {
		found, err := filepath.Glob(filepath.Join(testenv.Shared(t, dir), "*.gguf"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// All of llama.cpp's files open. (Package ollama checks what they hold.)
func TestVectors(t *testing.T) {
	for _, path := range vectorFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if arch, err := f.String("general.architecture"); arch == "" || err != nil {
				t.Errorf("architecture %q, %v", arch, err)
			}
			if tokens, err := f.Strings("tokenizer.ggml.tokens"); len(tokens) == 0 && !errors.Is(err, ErrNoKey) {
				t.Errorf("%d tokens, %v", len(tokens), err)
			}
		})
	}
}

// Each file again as big-endian: same keys, values, tensors and data.
func TestVectorsBigEndian(t *testing.T) {
	for _, path := range vectorFiles(t) {
		if strings.HasPrefix(filepath.Base(path), "ggml-vocab-") && testing.Short() {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			little, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer little.Close()
			big, err := Open(swapped(t, little).Write(t))
			if err != nil {
				t.Fatal(err)
			}
			defer big.Close()
			checkSame(t, little, big)
		})
	}
}

// llama.cpp's own writer and byte-order converter made these two.
func TestPythonPair(t *testing.T) {
	little, err := Open("testdata/python-little.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer little.Close()
	big, err := Open("testdata/python-big.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	checkSame(t, little, big)
	if len(big.Tensors()) != 10 || big.ByteOrder() != binary.ByteOrder(binary.BigEndian) {
		t.Errorf("%d tensors, %v", len(big.Tensors()), big.ByteOrder())
	}
	if x, err := big.Float("a.f64"); x != 0.1 || err != nil {
		t.Errorf("a.f64 is %v, %v", x, err)
	}
}

// swapped makes the big-endian twin of a file.
func swapped(t *testing.T, f *File) *gguftest.Builder {
	t.Helper()
	b := &gguftest.Builder{BigEndian: true}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		b.AddKV(key, v.Any())
	}
	for _, x := range f.Tensors() {
		data, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		b.AddTensor(x.Name, x.Type, x.Shape, data)
	}
	return b
}

func checkSame(t *testing.T, a, b *File) {
	t.Helper()
	if !reflect.DeepEqual(a.Keys(), b.Keys()) || len(a.Tensors()) != len(b.Tensors()) {
		t.Fatalf("%d keys and %d tensors, want %d and %d", len(b.Keys()), len(b.Tensors()), len(a.Keys()), len(a.Tensors()))
	}
	for _, key := range a.Keys() {
		x, _ := a.Value(key)
		y, _ := b.Value(key)
		if !reflect.DeepEqual(x.Any(), y.Any()) {
			t.Errorf("key %q: got %v want %v", key, y, x)
		}
	}
	for i, x := range a.Tensors() {
		y := b.Tensors()[i]
		p, err1 := x.Bytes()
		q, err2 := y.Bytes()
		if x.Name != y.Name || x.Type != y.Type || !reflect.DeepEqual(x.Shape, y.Shape) || err1 != nil || err2 != nil || !bytes.Equal(p, q) {
			t.Errorf("tensor %q differs: %v %v", x.Name, err1, err2)
		}
	}
}

// The facts of the default model that the rest of the module relies on.
func TestRealModel(t *testing.T) {
	f, err := Open(testenv.Model(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tokens, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil || len(tokens) != 49152 || tokens[1] != "<|im_start|>" {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
	if n, err := f.Uint("llama.block_count"); n != 30 || err != nil {
		t.Errorf("%d blocks, %v", n, err)
	}
	x, err := f.Tensor("blk.29.attn_k.weight")
	if err != nil || !reflect.DeepEqual(x.Shape, []uint64{576, 192}) {
		t.Errorf("%v, %v", x, err)
	}
	err = f.Guard(func() error {
		for _, x := range f.Tensors() {
			b, err := x.Bytes()
			if err != nil {
				return err
			}
			sum(b)
		}
		return nil
	})
	if err != nil || len(f.Tensors()) != 272 {
		t.Errorf("%d tensors, %v", len(f.Tensors()), err)
	}
}
