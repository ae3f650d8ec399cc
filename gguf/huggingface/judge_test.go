package huggingface

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/hubtest"
)

// writeAll writes a model as a file.
func writeAll(t testing.TB, dir fs.FS, name string, opt *Options) []byte {
	t.Helper()
	m, err := Open(dir, name, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return hubtest.Bytes(t, m.File)
}

// judgedNames lists the models of testdata.
func judgedNames(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no models")
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	return names
}

// TestJudge: every model of testdata becomes the file that llama.cpp's script writes, byte for byte.
func TestJudge(t *testing.T) {
	for _, name := range judgedNames(t) {
		t.Run(name, func(t *testing.T) {
			j := hubtest.Read(t, "testdata/"+name+".json")
			got := writeAll(t, j.Folder(t), name, nil)
			sum := sha256.Sum256(got)
			if hex.EncodeToString(sum[:]) == j.SHA256 {
				return
			}
			if dir := os.Getenv("JUDGE_DIR"); dir != "" { // where judge.py --keep left its files
				explain(t, got, filepath.Join(dir, name+".gguf"))
			}
			t.Error("the file differs; judge.py --keep DIR and JUDGE_DIR=DIR tell where")
		})
	}
}

// explain says how a file differs from the script's, in other keys than some.
func explain(t *testing.T, got []byte, path string, but ...string) {
	want, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	have, err := gguf.OpenBytes("ours", got)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("keys, ours:  %v", have.Keys())
	t.Logf("keys, wanted: %v", want.Keys())
	for _, k := range want.Keys() {
		if slices.Contains(but, k) {
			continue
		}
		if !have.Has(k) {
			t.Errorf("key %s is missing", k)
			continue
		}
		a, _ := have.Value(k)
		b, _ := want.Value(k)
		if a.Kind() != b.Kind() || a.Elem() != b.Elem() || !equalJSON(a.Any(), b.Any()) {
			t.Errorf("key %s: %v %v, wanted %v %v", k, a.Kind(), a.Any(), b.Kind(), b.Any())
		}
	}
	for i, w := range want.Tensors() {
		if i < len(have.Tensors()) && have.Tensors()[i].Name != w.Name {
			t.Errorf("tensor %d: %s, wanted %s", i, have.Tensors()[i].Name, w.Name)
		}
		h, err := have.Tensor(w.Name)
		if err != nil {
			t.Errorf("tensor %s is missing", w.Name)
			continue
		}
		a, _ := h.Bytes()
		b, _ := w.Bytes()
		if h.Type != w.Type || !equalJSON(h.Shape, w.Shape) || !bytes.Equal(a, b) {
			t.Errorf("tensor %s: %v %v, wanted %v %v, bytes equal: %v", w.Name, h.Type, h.Shape, w.Type, w.Shape, bytes.Equal(a, b))
		}
	}
	for _, h := range have.Tensors() {
		if _, err := want.Tensor(h.Name); err != nil {
			t.Errorf("tensor %s is too many", h.Name)
		}
	}
}

func equalJSON(a, b any) bool {
	if x, ok := a.(float32); ok && math.IsNaN(float64(x)) {
		return false
	}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// TestExaoneEpsilon: the norm's epsilon gets the key that llama.cpp reads, whatever config.json calls it. The script
// takes "layer_norm_epsilon" for another kind of norm.
func TestExaoneEpsilon(t *testing.T) {
	d := small(t, "exaone-3.5")
	replaceIn(t, d, "config.json", `"rms_norm_eps"`, `"layer_norm_epsilon"`)
	m, err := Open(d, "model", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if x, err := m.Float("exaone.attention.layer_norm_rms_epsilon"); err != nil || float32(x) != 1e-5 {
		t.Errorf("%v, %v", x, err)
	}
}
