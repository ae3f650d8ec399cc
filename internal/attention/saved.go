package attention

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Saved is what a store has to keep in a file: numbers, and memory in the host's byte order.
type Saved struct {
	Numbers []int64
	Parts   [][]byte
}

// Save returns what Restored makes n tokens of again. The memory is the store's: it is written before the next pass.
func (s *Store) Save(n int) Saved {
	var v Saved
	for i := range (n + s.size - 1) / s.size {
		if s.codes != nil {
			v.Parts = append(v.Parts, s.codes[i])
		}
		v.Parts = append(v.Parts, bytesOf(s.chunks[i]))
	}
	if r := s.recent; r != nil {
		v.Numbers = []int64{int64(r.lo), int64(r.hi), int64(r.made), int64(r.due)}
		if s.keepsBalance() {
			v.Numbers = append(v.Numbers, int64(s.end))
			for _, b := range s.balance {
				v.Parts = append(v.Parts, BytesOfFloats(b))
			}
		}
		for k := range r.keys {
			v.Parts = r.ring.appendBytes(v.Parts, k)
			if r.first.size > 0 {
				v.Parts = r.first.appendBytes(v.Parts, k)
			}
		}
	}
	return v
}

// appendBytes appends the memory of head k's keys and values.
func (r *ring) appendBytes(parts [][]byte, k int) [][]byte {
	parts = append(parts, r.keys[k].bytes())
	if r.values != nil {
		parts = append(parts, r.values[k].bytes())
	}
	return parts
}

// Unsaved makes an empty store ready for what Save gave of n tokens, and returns where it has to be read to. Numbers
// that Save can't have given are an error.
func (s *Store) Unsaved(n int, numbers []int64) (parts [][]byte, err error) {
	want := 0
	if s.recent != nil {
		want = 4
	}
	if s.keepsBalance() {
		want = 5
	}
	if len(numbers) != want {
		return nil, fmt.Errorf("%d numbers of a layer's cache, want %d", len(numbers), want)
	}
	if r := s.recent; r != nil {
		for _, x := range numbers {
			if x < 0 || x > int64(n) {
				return nil, fmt.Errorf("position %d of recent tokens, of %d", x, n)
			}
		}
		r.lo, r.hi, r.made, r.due = int(numbers[0]), int(numbers[1]), int(numbers[2]), int(numbers[3])
		if r.hi != n || r.lo > r.hi || r.hi-r.lo > r.size || r.made > r.due {
			return nil, fmt.Errorf("recent tokens %d to %d of %d, rows of %d and %d", r.lo, r.hi, n, r.made, r.due)
		}
		if s.keepsBalance() {
			if s.end = int(numbers[4]); s.end%Group != 0 || s.end > r.due || s.end == 0 && r.due > 0 {
				return nil, fmt.Errorf("a balance of the tokens before %d, rows up to %d", s.end, r.due)
			}
			for g := 0; s.end > 0 && g < s.layer.KVHeads; g++ {
				s.balance = append(s.balance, make([]float32, s.layer.ValueSize))
			}
		}
	}
	s.Grow(n)
	return s.Save(n).Parts, nil
}

// bytesOf returns the memory of x.
func bytesOf(x []uint16) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// LittleEndian says that the host's byte order is the one of Saved.
var LittleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// BytesOfFloats returns the memory of x, as Saved has it.
func BytesOfFloats(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}
