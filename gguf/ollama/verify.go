package ollama

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/ollama/ollama/fs/ggml"

	"github.com/latentgo/latentgo/gguf"
)

// Report is what Verify found.
type Report struct {
	Reader      string   `json:"reader"`      // that was asked, with its version where that is known
	Keys        int      `json:"keys"`        // that agree, of the first part
	Tensors     int      `json:"tensors"`     // that agree, of all parts
	Differences []string `json:"differences"` // one line each; none when the reader sees the same as package gguf
}

// counted is the key that fs/ggml adds to the metadata, or overwrites.
const counted = "general.parameter_count"

// Verify asks Ollama's reader about every part of f and compares what it says, key by key (names, kinds, values) and
// tensor by tensor (names, types, shapes, offsets, sizes). A part that it refuses is a difference with the reason.
// Tensor data is not read.
func Verify(f *gguf.File) *Report {
	r := &Report{Reader: "fs/ggml" + version(), Differences: []string{}}
	tensors := f.Tensors()
	for i, name := range f.Paths() {
		n := len(tensors)
		if j := slices.IndexFunc(tensors, func(t *gguf.Tensor) bool { return t.Part != i }); j >= 0 {
			n = j
		}
		if g := r.decode(f, i, name); g != nil {
			if i == 0 {
				r.compareKeys(f, g.KV())
			}
			r.compareTensors(name, tensors[:n], g.Tensors())
		}
		tensors = tensors[n:]
	}
	return r
}

// version returns the version of Ollama's module that the program was built with, after a space, or "".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/ollama/ollama" {
			return " " + m.Version
		}
	}
	return ""
}

func (r *Report) differ(format string, a ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, a...))
}

// decode asks the reader about one part; nil when it refuses. A big-endian file is not even tried: read in the wrong
// order, its counts may be anything.
func (r *Report) decode(f *gguf.File, i int, name string) *ggml.GGML {
	if f.ByteOrder() == binary.BigEndian {
		r.differ("%s: big-endian: the reader knows such a file by the magic %q only, and no program writes that", name, reversed)
		return nil
	}
	g, err := decodePart(f, i)
	if err != nil {
		r.differ("%s: refused: %v", name, err)
	}
	return g
}

// compareKeys compares the metadata.
func (r *Report) compareKeys(f *gguf.File, kv ggml.KV) {
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		got, ok := kv[key]
		switch {
		case !ok:
			r.differ("key %q: missing", key)
		case !sameValue(got, v):
			r.differ("key %q: %.100s, not %.100s", key, fmt.Sprintf("%T %v", got, got), v.String())
		default:
			r.Keys++
		}
	}
	for key := range kv {
		if !f.Has(key) && key != counted {
			r.differ("key %q: not in the file", key)
		}
	}
}

// sameValue compares a value of fs/ggml, whose arrays show their elements as JSON only.
func sameValue(got any, v gguf.Value) bool {
	if v.Kind() != gguf.KindArray {
		return got == v.Any() || got != got && fmt.Sprint(got) == fmt.Sprint(v.Any()) // NaN
	}
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(v.Any())
	if errA != nil || errB != nil { // floats that are no numbers
		return errA != nil && errB != nil
	}
	return bytes.Equal(a, b)
}

// compareTensors compares the tensors of one part.
func (r *Report) compareTensors(name string, want []*gguf.Tensor, got ggml.Tensors) {
	items := got.Items()
	if len(items) != len(want) {
		r.differ("%s: %d tensors, not %d", name, len(items), len(want))
		return
	}
	for i, t := range want {
		g := items[i]
		shape := g.Shape
		if len(shape) == 0 {
			shape = []uint64{1} // a scalar
		}
		switch {
		case g.Name != t.Name:
			r.differ("tensor %d: named %q, not %q", i, g.Name, t.Name)
		case g.Kind != uint32(t.Type):
			r.differ("tensor %q: type %d, not %v", t.Name, g.Kind, t.Type)
		case !slices.Equal(shape, t.Shape):
			r.differ("tensor %q: shape %v, not %v", t.Name, g.Shape, t.Shape)
		case got.Offset+g.Offset != t.Offset:
			r.differ("tensor %q: data at offset %d, not %d", t.Name, got.Offset+g.Offset, t.Offset)
		case g.Size() != t.Size():
			r.differ("tensor %q: %d bytes of type %s, not %d of %v", t.Name, g.Size(), g.Type(), t.Size(), t.Type)
		default:
			r.Tensors++
		}
	}
}
