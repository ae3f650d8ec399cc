package attention

import "github.com/latentgo/latentgo/internal/kernel"

// Scores computes the products of nq queries with the cached keys of a layer with one key head at positions from …
// from+n-1: dst[i*ldd+j]. q is [nq, KeySize]; from is a multiple of the tokens of a chunk.
func (s *Store) Scores(dst []float32, ldd int, q []float32, nq int, sc *Scratch, from, n int) {
	if s.format == Q8 {
		a, b := s.layer.parts()
		sc.queries.Set(q, nq, s.layer.KeySize, a, b)
	}
	s.scores(dst, ldd, q, nq, s.layer.KeySize, sc, 0, 0, from, n)
}

// Pick makes row at of a store in half floats the row at pos of another, of a layer of latent rows with one block. row
// is scratch of the row's size.
func (s *Store) Pick(at int, from *Store, pos int, row []float32) {
	if from.format == F16 {
		copy(s.key(0, at)[:len(row)], from.key(0, pos))
		return
	}
	from.Rows(row, nil, 0, pos, 1)
	kernel.F32ToF16(s.key(0, at)[:len(row)], row)
}

// Chunk is how many tokens' rows lie together in a store.
const Chunk = chunk
