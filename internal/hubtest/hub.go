// Package hubtest makes small models as they lie on the Hugging Face Hub, for tests.
package hubtest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// Model is a small model as it lies on the Hugging Face Hub: a file of gguf/huggingface/testdata, which judge.py there
// makes. Its weights follow from their names.
type Model struct {
	Tokenizer string // a folder beside the file, below tokenizers
	SHA256    string // of the GGUF file that llama.cpp's script makes of it
	Config    json.RawMessage
	Files     map[string]string // more files, with their text
	Tensors   [][3]json.RawMessage
	More      map[string][][3]json.RawMessage // more files of weights

	path string
}

// Read reads a file.
func Read(t testing.TB, path string) Model {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := Model{path: path}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	if sum, err := hex.DecodeString(h.SHA256); err != nil || len(sum) != 32 {
		t.Fatalf("%s: no SHA-256", path)
	}
	return h
}

// Adapter makes the folder of an adapter in PEFT's form, from a file of testdata/lora, which lora.py makes.
func Adapter(t testing.TB, path string) fstest.MapFS {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m Model
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"adapter_config.json": {Data: m.Config}, "adapter_model.safetensors": {Data: m.Safetensors(t)}}
}

// Folder makes the model's folder.
func (h Model) Folder(t testing.TB) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{"config.json": {Data: h.Config}, "model.safetensors": {Data: h.Safetensors(t)}}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(h.path), "tokenizers", h.Tokenizer, "*"))
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
	for name, list := range h.More {
		dir[name] = &fstest.MapFile{Data: Model{Tensors: list}.Safetensors(t)}
	}
	for name, text := range h.Files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

// Write writes the folder below dir, under its own name, and returns its path.
func (h Model) Write(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, strings.TrimSuffix(filepath.Base(h.path), ".json"))
	if err := os.CopyFS(path, h.Folder(t)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Safetensors makes the file of the weights.
func (h Model) Safetensors(t testing.TB) []byte {
	t.Helper()
	head, data := map[string]any{}, []byte{}
	for _, e := range h.Tensors {
		var name, dtype string
		var shape []int
		for i, dst := range []any{&name, &dtype, &shape} {
			if err := json.Unmarshal(e[i], dst); err != nil {
				t.Fatal(err)
			}
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		start := len(data)
		data = fill(data, name, dtype, n)
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
		case "F8_E8M0":
			b = append(b, byte(v>>8)&0x07|0x78)
		case "I8":
			b = append(b, byte(v>>8))
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

// Bytes writes a model as a file.
func Bytes(t testing.TB, f *gguf.File) []byte {
	t.Helper()
	w := new(gguf.Writer)
	if err := w.AddFile(f); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := w.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
