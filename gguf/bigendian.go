package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
)

// swapHeader turns all numbers of a header that Writer has made, little-endian, into big-endian ones.
func swapHeader(h []byte) {
	s := &headerSwapper{h: h[4:]} // the magic bytes stay
	s.number(4)                   // version
	tensors, keys := s.number(8), s.number(8)
	for range keys {
		s.string()
		s.value(Kind(s.number(4)))
	}
	for range tensors {
		s.string()
		for range s.number(4) { // dimensions
			s.number(8)
		}
		s.number(4) // type
		s.number(8) // offset
	}
}

// headerSwapper goes through a header that is well-formed.
type headerSwapper struct{ h []byte }

// number swaps the next size bytes and returns the number that they were.
func (s *headerSwapper) number(size int) (v uint64) {
	b := s.h[:size]
	s.h = s.h[size:]
	switch size {
	case 2:
		v = uint64(binary.LittleEndian.Uint16(b))
		binary.BigEndian.PutUint16(b, uint16(v))
	case 4:
		v = uint64(binary.LittleEndian.Uint32(b))
		binary.BigEndian.PutUint32(b, uint32(v))
	case 8:
		v = binary.LittleEndian.Uint64(b)
		binary.BigEndian.PutUint64(b, v)
	}
	return v
}

func (s *headerSwapper) string() {
	n := s.number(8)
	s.h = s.h[n:]
}

// value swaps the payload of a value.
func (s *headerSwapper) value(k Kind) {
	switch k {
	case KindString:
		s.string()
	case KindArray:
		elem, n := Kind(s.number(4)), s.number(8)
		for range n {
			s.value(elem)
		}
	default:
		s.number(int(k.minSize()))
	}
}

// swappedData is a writer that turns a tensor's little-endian data into big-endian.
type swappedData struct {
	w     io.Writer
	typ   Type
	block []byte // the beginning of a block
}

// newSwappedData returns one, or an error for a type without a big-endian form.
func newSwappedData(w io.Writer, t Type) (*swappedData, error) {
	if !t.SwapBytes(nil) {
		return nil, fmt.Errorf("%w: type %v has no big-endian form", ErrUnsupported, t)
	}
	return &swappedData{w: w, typ: t}, nil
}

// Write implements io.Writer; b stays as it is.
func (s *swappedData) Write(b []byte) (int, error) {
	const piece = 64 << 10
	_, size := s.typ.Block()
	for rest := b; len(rest) > 0; {
		n := min(len(rest), piece)
		s.block = append(s.block, rest[:n]...)
		rest = rest[n:]
		whole := len(s.block) / size * size
		s.typ.SwapBytes(s.block[:whole])
		if _, err := s.w.Write(s.block[:whole]); err != nil {
			return 0, err
		}
		s.block = append(s.block[:0], s.block[whole:]...)
	}
	return len(b), nil
}
