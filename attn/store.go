package attn

import "github.com/latentgo/latentgo/quant"

// chunk is how many tokens' rows are allocated at a time: memory follows use, and growing copies nothing.
const chunk = 256

// Store holds one layer's cached rows of one session in fp16, in chunks of 256 tokens.
//
// Within a chunk rows are kept by column: each window that a head reads, a key or a value, is an array [256][width] of its
// own, so that attending streams through memory whichever form the layer has. Keys come first, then values.
type Store struct {
	layer  *Layer
	chunks [][]uint16
}

// NewStore returns a store for the layer without capacity.
func NewStore(l *Layer) *Store { return &Store{layer: l} }

// Bytes returns the memory that the store holds.
func (s *Store) Bytes() int { return 2 * chunk * s.layer.Row() * len(s.chunks) }

// Grow makes room for n tokens in all.
func (s *Store) Grow(n int) {
	for len(s.chunks)*chunk < n {
		s.chunks = append(s.chunks, make([]uint16, chunk*s.layer.Row()))
	}
}

// key returns the cached keys of key/value head g from position pos to the end of its chunk.
func (s *Store) key(g, pos int) []uint16 {
	d := s.layer.KeySize
	plane := s.chunks[pos/chunk][chunk*d*g:][:chunk*d]
	return plane[pos%chunk*d:]
}

// value is key for the values.
func (s *Store) value(g, pos int) []uint16 {
	d := s.layer.ValueSize
	if s.layer.tail {
		return s.key(g, pos)[s.layer.KeySize-d:]
	}
	plane := s.chunks[pos/chunk][chunk*(s.layer.KVHeads*s.layer.KeySize+d*g):][:chunk*d]
	return plane[pos%chunk*d:]
}

// run returns how many of n positions from pos on lie in one chunk.
func run(pos, n int) int { return min(n, chunk-pos%chunk) }

// Append caches key/value head g of the token at pos: k [KeySize] after RoPE, v [ValueSize]; of a layer of compressed rows k
// is the row and v is not used. The room must be there (Grow).
// Calls for different heads or positions may run at the same time.
func (s *Store) Append(pos, g int, k, v []float32) {
	quant.F32ToF16(s.key(g, pos)[:s.layer.KeySize], k[:s.layer.KeySize])
	if !s.layer.tail {
		quant.F32ToF16(s.value(g, pos)[:s.layer.ValueSize], v[:s.layer.ValueSize])
	}
}

// Rows decodes the cached keys, or compressed rows, of head g at n positions from pos on: dst [n, KeySize].
func (s *Store) Rows(dst []float32, g, pos, n int) {
	d := s.layer.KeySize
	for at := 0; at < n; {
		m := run(pos+at, n-at)
		quant.F16ToF32(dst[at*d:][:m*d], s.key(g, pos+at)[:m*d])
		at += m
	}
}

// valueStride returns the distance between cached values.
func (s *Store) valueStride() int {
	if s.layer.tail {
		return s.layer.KeySize
	}
	return s.layer.ValueSize
}

// scores computes the dot products of nq queries, ldq apart, with the cached keys of head g at positions from … from+n-1:
// dst[i*ldd+j] for query i and the j-th position.
func (s *Store) scores(dst []float32, ldd int, q []float32, nq, ldq, g, from, n int) {
	d := s.layer.KeySize
	for at := 0; at < n; {
		m := run(from+at, n-at)
		quant.ScoresF16(dst[at:], ldd, q, nq, ldq, s.key(g, from+at), d, m, d)
		at += m
	}
}

// mix adds the cached values of head g, weighted by p, to nq outputs, ldo apart: out[i*ldo+c] += Σ_j p[i*ldp+j]·value_j[c].
func (s *Store) mix(out []float32, ldo int, p []float32, ldp, nq, g, from, n int) {
	d := s.layer.ValueSize
	for at := 0; at < n; {
		m := run(from+at, n-at)
		quant.MixF16(out, ldo, p[at:], ldp, nq, s.value(g, from+at), s.valueStride(), m, d)
		at += m
	}
}
