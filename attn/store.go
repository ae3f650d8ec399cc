package attn

import "github.com/latentgo/latentgo/quant"

// Store holds one layer's cached rows of one session in fp16. The zero value is unusable; see NewStore.
//
// GQA keeps each key/value head's keys and values apart, [G][capacity][size]; MLA keeps one row per token,
// [capacity][R+L]. Both are read through a base and a stride per head.
type Store struct {
	layer *Layer
	cap   int
	k, v  []uint16 // GQA: two arrays; MLA: the same one
}

// NewStore returns a store for the layer without capacity.
func NewStore(l *Layer) *Store { return &Store{layer: l} }

// Bytes returns the memory that the store holds.
func (s *Store) Bytes() int { return 2 * s.cap * s.layer.Row() }

// Grow makes room for n tokens in all and keeps the first used ones.
func (s *Store) Grow(n, used int) {
	if n <= s.cap {
		return
	}
	old := *s
	s.cap = n
	if m := s.layer.mla; m != nil {
		s.k = make([]uint16, n*m.Row())
		copy(s.k, old.k[:used*m.Row()])
		s.v = s.k
		return
	}
	g := s.layer.Geometry
	s.k = regrow(old.k, g.KVHeads, old.cap*g.KeySize, n*g.KeySize, used*g.KeySize)
	s.v = regrow(old.v, g.KVHeads, old.cap*g.ValueSize, n*g.ValueSize, used*g.ValueSize)
}

// regrow copies the first used values of each of heads planes from stride from to stride to.
func regrow(old []uint16, heads, from, to, used int) []uint16 {
	s := make([]uint16, heads*to)
	for h := range heads {
		copy(s[h*to:][:used], old[h*from:])
	}
	return s
}

// key returns the cached keys of key/value head g from position pos on, and the distance between tokens.
func (s *Store) key(g, pos int) (rows []uint16, stride int) {
	if m := s.layer.mla; m != nil {
		return s.k[pos*m.Row()+m.Keys[g].Off:], m.Row()
	}
	d := s.layer.KeySize
	return s.k[(g*s.cap+pos)*d:], d
}

// value is key for the values.
func (s *Store) value(g, pos int) (rows []uint16, stride int) {
	if m := s.layer.mla; m != nil {
		return s.v[pos*m.Row()+m.Values[g].Off:], m.Row()
	}
	d := s.layer.ValueSize
	return s.v[(g*s.cap+pos)*d:], d
}

// Append caches key/value head g of the token at pos: k [KeySize] after RoPE, v [ValueSize]. The room must be there (Grow).
// Calls for different heads or positions may run at the same time.
func (s *Store) Append(pos, g int, k, v []float32) {
	rows, _ := s.key(g, pos)
	quant.F32ToF16(rows[:s.layer.KeySize], k[:s.layer.KeySize])
	rows, _ = s.value(g, pos)
	quant.F32ToF16(rows[:s.layer.ValueSize], v[:s.layer.ValueSize])
}
