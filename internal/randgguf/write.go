package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/atomicfile"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// GGUF, version 3, little-endian: "GGUF", version, number of tensors, number of keys; the keys; name, shape, type and
// offset of each tensor; and then, each at a multiple of 32 bytes, the data.

const alignment = 32 // the default, so that no key has to name it

// writeFile writes m to path: beside it first, then in its place, so that nobody sees half a file.
func writeFile(path string, m *model, seed uint64) error {
	return atomicfile.Write(path, atomicfile.Options{Overwrite: true}, func(w io.Writer) error { return m.write(w, seed) })
}

// write writes the file.
func (m *model) write(w io.Writer, seed uint64) error {
	h := m.header()
	if _, err := w.Write(append(h, padding(len(h))...)); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	for i := range m.tensors {
		t := &m.tensors[i]
		if err := t.write(w, seed, buf); err != nil {
			return fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	return nil
}

// write writes a tensor's data and the padding after it, a buffer at a time. Each tensor has its own random numbers, so
// that it does not change when others do.
func (t *tensor) write(w io.Writer, seed uint64, buf []byte) error {
	name := fnv.New64a()
	_, _ = io.WriteString(name, t.name)
	r := rand.NewPCG(seed, name.Sum64())
	_, block := t.typ.Block()
	for left := t.bytes(); left > 0; {
		b := buf[:min(left, len(buf)/block*block)]
		fill(b, t.typ, r, t.sigma)
		if t.mean != 0 {
			shift(b, t.mean)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		left -= len(b)
	}
	_, err := w.Write(padding(t.bytes()))
	return err
}

// shift adds mean to the F32 values in b.
func shift(b []byte, mean float32) {
	for ; len(b) >= 4; b = b[4:] {
		putFloat(b, ggtype.F32, math.Float32frombits(binary.LittleEndian.Uint32(b))+mean)
	}
}

// padding returns the zeros between n bytes and the next aligned offset.
func padding(n int) []byte { return make([]byte, (alignment-n%alignment)%alignment) }

// header returns the file up to its tensor data, without the padding.
func (m *model) header() []byte {
	b := append([]byte("GGUF"), 3, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(m.tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(m.keys)))
	for _, kv := range m.keys {
		b = appendValue(appendString(b, kv.key), kv.value)
	}
	offset := 0
	for i := range m.tensors {
		t := &m.tensors[i]
		b = t.appendInfo(b, offset)
		offset += t.bytes() + len(padding(t.bytes()))
	}
	return b
}

// appendInfo appends the entry of a tensor whose data begin at offset.
func (t *tensor) appendInfo(b []byte, offset int) []byte {
	b = appendString(b, t.name)
	shape := []int{t.cols, t.rows} // fastest dimension first
	if t.stack > 0 {
		shape = append(shape, t.stack)
	}
	if t.rows == 0 {
		shape = shape[:1]
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(shape)))
	for _, n := range shape {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(t.typ))
	return binary.LittleEndian.AppendUint64(b, uint64(offset))
}

// The format's numbers of value kinds.
const (
	kindUint32  = 4
	kindInt32   = 5
	kindFloat32 = 6
	kindBool    = 7
	kindString  = 8
	kindArray   = 9
)

// appendValue appends the kind of v and v.
func appendValue(b []byte, v any) []byte {
	le := binary.LittleEndian
	switch v := v.(type) {
	case string:
		return appendString(le.AppendUint32(b, kindString), v)
	case uint32:
		return le.AppendUint32(le.AppendUint32(b, kindUint32), v)
	case float32:
		return le.AppendUint32(le.AppendUint32(b, kindFloat32), math.Float32bits(v))
	case bool:
		b = append(le.AppendUint32(b, kindBool), 0)
		if v {
			b[len(b)-1] = 1
		}
	case []string:
		b = appendArray(b, kindString, len(v))
		for _, s := range v {
			b = appendString(b, s)
		}
	case []int32:
		b = appendArray(b, kindInt32, len(v))
		for _, n := range v {
			b = le.AppendUint32(b, uint32(n))
		}
	default:
		panic(fmt.Sprintf("no kind for %T", v))
	}
	return b
}

// appendArray appends the head of an array of n values.
func appendArray(b []byte, kind uint32, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, kindArray)
	b = binary.LittleEndian.AppendUint32(b, kind)
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

// appendString appends a string with its length.
func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}
