// Package gguftest makes small GGUF files for tests: any metadata, any tensor, either version and byte order, split or
// not.
//
// It is written from the format's specification, apart from package gguf, so that the two check each other. Wrong use
// is a mistake in a test and panics. It keeps everything in memory and must not be used to write models.
package gguftest

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Builder collects keys and tensors in the order in which they will stand in the file. The zero value makes a
// little-endian file of version 3 with the default alignment.
type Builder struct {
	Version   uint32 // 0: 3
	BigEndian bool   // order of header and tensor data
	Alignment uint32 // 0: 32, without a key; otherwise a power of two, written as general.alignment

	keys    []keyValue
	tensors []tensor
}

type keyValue struct {
	key   string
	value any
}

type tensor struct {
	name  string
	typ   ggtype.Type
	shape []uint64
	data  []byte
}

// AddKV adds a key. The value's Go type gives the kind: uint8 to uint64, int8 to int64, float32, float64, bool, string,
// a slice of one of these for an array, []any for an array of arrays (whose elements are slices). It returns b.
func (b *Builder) AddKV(key string, value any) *Builder {
	b.keys = append(b.keys, keyValue{key, value})
	return b
}

// AddTensor adds a tensor, shape fastest dimension first, data little-endian whatever the file's order; nil data stands
// for zeros. It returns b.
func (b *Builder) AddTensor(name string, t ggtype.Type, shape []uint64, data []byte) *Builder {
	size := Size(t, shape)
	if data == nil {
		data = make([]byte, size)
	}
	if len(data) != size {
		panic(fmt.Sprintf("gguftest: tensor %s: %d bytes of data for %v %v, want %d", name, len(data), t, shape, size))
	}
	b.tensors = append(b.tensors, tensor{name, t, shape, data})
	return b
}

// Size returns the bytes of a tensor.
func Size(t ggtype.Type, shape []uint64) int {
	n := t.RowBytes(int(shape[0]))
	for _, d := range shape[1:] {
		n *= int(d)
	}
	return n
}

// Header returns the file up to its tensor data, without the padding.
func (b *Builder) Header() []byte {
	keys := b.keys
	if b.Alignment != 0 {
		keys = append([]keyValue{{"general.alignment", b.Alignment}}, keys...)
	}
	w := &Writer{Order: b.order()}
	version := b.Version
	if version == 0 {
		version = 3
	}
	w.Put([]byte("GGUF"), version, uint64(len(b.tensors)), uint64(len(keys)))
	for _, kv := range keys {
		w.Put(kv.key)
		w.Value(kv.value)
	}
	offset := uint64(0)
	for _, t := range b.tensors {
		w.Put(t.name, uint32(len(t.shape)), t.shape, uint32(t.typ), offset)
		offset += b.padded(len(t.data))
	}
	return w.Buf
}

// Bytes returns the file.
func (b *Builder) Bytes() []byte {
	file := b.Header()
	for _, t := range b.tensors {
		file = append(file, make([]byte, b.padded(len(file))-uint64(len(file)))...)
		start := len(file)
		file = append(file, t.data...)
		if b.BigEndian && !t.typ.SwapBytes(file[start:]) {
			panic(fmt.Sprintf("gguftest: %v has no big-endian form", t.typ))
		}
	}
	return file
}

// Write writes the file under a temporary folder of the test and returns its path.
func (b *Builder) Write(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "test.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// WriteSplit writes the model as n files PREFIX-00001-of-0000N.gguf and returns their paths: all keys in the first, the
// tensors dealt out in order, the split keys in all. modify, if not nil, may change each part before it is written.
func (b *Builder) WriteSplit(tb testing.TB, prefix string, n int, modify func(no int, part *Builder)) []string {
	tb.Helper()
	paths := make([]string, n)
	for no := range n {
		part := &Builder{Version: b.Version, BigEndian: b.BigEndian, Alignment: b.Alignment}
		if no == 0 {
			part.keys = append(part.keys, b.keys...)
		}
		part.AddKV("split.no", uint16(no)).AddKV("split.count", uint16(n)).AddKV("split.tensors.count", int32(len(b.tensors)))
		part.tensors = append(part.tensors, b.tensors[no*len(b.tensors)/n:(no+1)*len(b.tensors)/n]...)
		if modify != nil {
			modify(no, part)
		}
		paths[no] = fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, n)
		if err := os.WriteFile(paths[no], part.Bytes(), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return paths
}

// Set replaces the value of a key, or adds it.
func (b *Builder) Set(key string, value any) *Builder {
	for i := range b.keys {
		if b.keys[i].key == key {
			b.keys[i].value = value
			return b
		}
	}
	return b.AddKV(key, value)
}

// Delete removes a key.
func (b *Builder) Delete(key string) *Builder {
	kept := b.keys[:0:0]
	for _, kv := range b.keys {
		if kv.key != key {
			kept = append(kept, kv)
		}
	}
	b.keys = kept
	return b
}

// padded rounds n up to the alignment.
func (b *Builder) padded(n int) uint64 {
	a := uint64(b.Alignment)
	if a == 0 {
		a = 32
	}
	return (uint64(n) + a - 1) / a * a
}

// order returns the byte order of header and data.
func (b *Builder) order() binary.AppendByteOrder {
	if b.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Remove removes a tensor and reports whether there was one.
func (b *Builder) Remove(name string) bool {
	n := len(b.tensors)
	b.tensors = slices.DeleteFunc(b.tensors, func(t tensor) bool { return t.name == name })
	return len(b.tensors) < n
}

// Edit lets f change the values of a tensor, which are rounded to its type again. It returns b.
func (b *Builder) Edit(name string, f func(x []float32)) *Builder {
	for i, t := range b.tensors {
		if t.name != name {
			continue
		}
		n := 1
		for _, d := range t.shape {
			n *= int(d)
		}
		x := make([]float32, n)
		err := kernel.Dequantize(x, t.typ, t.data)
		if f(x); err == nil {
			b.tensors[i].data = make([]byte, len(t.data))
			err = kernel.Quantize(b.tensors[i].data, t.typ, x)
		}
		if err != nil {
			panic(err)
		}
		return b
	}
	panic("gguftest: no tensor " + name)
}
