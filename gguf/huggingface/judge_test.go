package huggingface

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// judged is a model of testdata, as judge.py writes it.
type judged struct {
	Tokenizer string
	SHA256    string
	Config    json.RawMessage
	Files     map[string]string
	Tensors   [][3]json.RawMessage
}

// readJudged reads testdata/NAME.json.
func readJudged(t testing.TB, name string) judged {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var j judged
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// folder makes the model's folder.
func (j judged) folder(t testing.TB) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{"config.json": {Data: j.Config}, "model.safetensors": {Data: j.safetensors(t)}}
	files, err := filepath.Glob("testdata/tokenizers/" + j.Tokenizer + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no tokenizer")
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		dir[filepath.Base(f)] = &fstest.MapFile{Data: raw}
	}
	for name, text := range j.Files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

// safetensors makes the model's weights, which follow from their names.
func (j judged) safetensors(t testing.TB) []byte {
	t.Helper()
	head, data := map[string]any{}, []byte{}
	for _, e := range j.Tensors {
		var name, dtype string
		var shape []int
		for i, dst := range []any{&name, &dtype, &shape} {
			if err := json.Unmarshal(e[i], dst); err != nil {
				t.Fatal(err)
			}
		}
		start := len(data)
		data = fill(data, name, dtype, elements(shape))
		head[name] = map[string]any{"dtype": dtype, "shape": shape, "data_offsets": []int{start, len(data)}}
	}
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))
	return append(append(out, raw...), data...)
}

// fill appends n elements, as fill of judge.py makes them.
func fill(b []byte, name, dtype string, n int) []byte {
	h := uint32(2166136261)
	for _, c := range []byte(name) {
		h = (h ^ uint32(c)) * 16777619
	}
	x := make([]float32, n)
	for i := range n {
		v := uint32(i)*2654435761 + h
		v ^= v >> 15
		v *= 2246822519
		v ^= v >> 13
		x[i] = (float32(v>>8)/(1<<24) - 0.5) * 0.5
		switch dtype {
		case "U8":
			b = append(b, byte(v>>8)&0x7F)
		case "F8_E4M3":
			b = append(b, byte(v>>8)&0xF7)
		case "I64":
			b = binary.LittleEndian.AppendUint64(b, uint64(v&0xFF))
		}
	}
	typ, ok := map[string]gguf.Type{"F32": quant.F32, "F16": quant.F16, "BF16": quant.BF16}[dtype]
	if !ok {
		return b
	}
	out := make([]byte, typ.RowBytes(1)*n)
	if err := quant.Quantize(out, typ, x); err != nil {
		panic(err)
	}
	return append(b, out...)
}

// writeAll writes a model as a file.
func writeAll(t testing.TB, dir fs.FS, name string, opt *Options) []byte {
	t.Helper()
	m, err := Open(dir, name, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := new(gguf.Writer)
	if err := w.AddFile(m.File); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := w.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
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
			j := readJudged(t, name)
			got := writeAll(t, j.folder(t), name, nil)
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

// explain says how a file differs from the script's.
func explain(t *testing.T, got []byte, path string) {
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
