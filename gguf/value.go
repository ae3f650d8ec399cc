package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Value is a metadata value of any kind, a small handle onto the file's header. It stays valid after Close.
type Value struct {
	kind, elem Kind
	count      int
	raw        []byte // a scalar's or a string's bytes, an array's elements
	order      binary.ByteOrder
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind { return v.kind }

// Elem returns the kind of an array's elements, and Kind for other values.
func (v Value) Elem() Kind {
	if v.kind != KindArray {
		return v.kind
	}
	return v.elem
}

// Len returns the number of an array's elements, and 1 for other values.
func (v Value) Len() int { return v.count }

// Any returns the value as the Go type of its kind: uint8 … float64, bool, string; an array as a slice of that type, an
// array of arrays as []any. Slices are fresh; strings share the file's header.
func (v Value) Any() any {
	if v.kind == KindArray {
		d := decoder{v.raw, v.order}
		return d.array(v.elem, v.count)
	}
	if v.kind == KindString {
		return view(v.raw)
	}
	d := decoder{v.raw, v.order}
	return d.scalar(v.kind)
}

// shown is how many elements and bytes of a value String shows.
const (
	shownElements = 8
	shownBytes    = 60
)

// String renders the value for people: strings quoted and cut at 60 bytes, of arrays the first 8 elements and the
// count.
func (v Value) String() string {
	if v.kind != KindArray {
		return renderScalar(v.Any())
	}
	d := decoder{v.raw, v.order}
	var s strings.Builder
	fmt.Fprintf(&s, "%v[%d]{", v.elem, v.count)
	for i := range min(v.count, shownElements) {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(d.render(v.elem))
	}
	if v.count > shownElements {
		s.WriteString(", …")
	}
	s.WriteString("}")
	return s.String()
}

// renderScalar renders what Any gave for a value that is no array.
func renderScalar(x any) string {
	s, ok := x.(string)
	if !ok {
		return fmt.Sprint(x)
	}
	if len(s) > shownBytes {
		return strconv.Quote(s[:shownBytes]) + "…"
	}
	return strconv.Quote(s)
}

// decoder takes values off the front of raw, bytes that the walk over the header has checked.
type decoder struct {
	raw   []byte
	order binary.ByteOrder
}

// take returns the next n bytes.
func (d *decoder) take(n uint64) []byte {
	b := d.raw[:n]
	d.raw = d.raw[n:]
	return b
}

// str returns the next string, as a view of the header.
func (d *decoder) str() string { return view(d.take(d.order.Uint64(d.take(8)))) }

// bits returns the next number of a kind, sign-extended, floats as their bits.
func (d *decoder) bits(k Kind) uint64 {
	b := d.take(k.minSize())
	switch k {
	case KindUint8, KindBool:
		return uint64(b[0])
	case KindInt8:
		return uint64(int8(b[0]))
	case KindUint16:
		return uint64(d.order.Uint16(b))
	case KindInt16:
		return uint64(int16(d.order.Uint16(b)))
	case KindUint32, KindFloat32:
		return uint64(d.order.Uint32(b))
	case KindInt32:
		return uint64(int32(d.order.Uint32(b)))
	}
	return d.order.Uint64(b)
}

// float returns the next number of a numeric kind as float64.
func (d *decoder) float(k Kind) float64 {
	x := d.bits(k)
	switch k {
	case KindFloat32:
		return float64(math.Float32frombits(uint32(x)))
	case KindFloat64:
		return math.Float64frombits(x)
	case KindInt8, KindInt16, KindInt32, KindInt64:
		return float64(int64(x))
	}
	return float64(x)
}

// render returns the next value for people; of a nested array its kind and count.
func (d *decoder) render(k Kind) string {
	switch k {
	case KindString:
		return renderScalar(d.str())
	case KindArray:
		elem, n := d.arrayStart()
		d.skip(elem, n)
		return fmt.Sprintf("%v[%d]", elem, n)
	}
	return fmt.Sprint(d.scalar(k))
}
