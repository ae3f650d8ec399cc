package attn

import "github.com/latentgo/latentgo/quant"

// Store holds one layer's cached rows of one session in fp16.
//
// Rows are kept by column: each window that a head reads, a key or a value, is a plane [capacity][width] of its own, so
// that attending streams through memory whichever form the layer has.
type Store struct {
	layer  *Layer
	cap    int
	planes [][]uint16
}

// NewStore returns a store for the layer without capacity.
func NewStore(l *Layer) *Store { return &Store{layer: l, planes: make([][]uint16, 2*l.KVHeads)} }

// Bytes returns the memory that the store holds.
func (s *Store) Bytes() int { return 2 * s.cap * s.layer.Row() }

// Grow makes room for n tokens in all and keeps the first used ones.
func (s *Store) Grow(n, used int) {
	if n <= s.cap {
		return
	}
	for i, old := range s.planes {
		w := s.width(i)
		s.planes[i] = make([]uint16, n*w)
		copy(s.planes[i], old[:used*w])
	}
	s.cap = n
}

// width returns the values per token of plane i: keys come first, then values.
func (s *Store) width(i int) int {
	if i < s.layer.KVHeads {
		return s.layer.KeySize
	}
	return s.layer.ValueSize
}

// key returns the cached keys of key/value head g from position pos on.
func (s *Store) key(g, pos int) []uint16 { return s.planes[g][pos*s.layer.KeySize:] }

// value returns its cached values.
func (s *Store) value(g, pos int) []uint16 {
	return s.planes[s.layer.KVHeads+g][pos*s.layer.ValueSize:]
}

// Append caches key/value head g of the token at pos: k [KeySize] after RoPE, v [ValueSize]. The room must be there (Grow).
// Calls for different heads or positions may run at the same time.
func (s *Store) Append(pos, g int, k, v []float32) {
	quant.F32ToF16(s.key(g, pos)[:s.layer.KeySize], k[:s.layer.KeySize])
	quant.F32ToF16(s.value(g, pos)[:s.layer.ValueSize], v[:s.layer.ValueSize])
}
