package attention

import "github.com/latentgo/latentgo/internal/kernel"

// Scores computes the products of nq queries, [nq, KeySize], with the cached keys of head 0 at positions from … from+n-1
// of a store in half floats: dst[i*ldd+j].
func (s *Store) Scores(dst []float32, ldd int, q []float32, nq, from, n int) {
	s.scores(dst, ldd, q, nq, s.layer.KeySize, nil, 0, 0, from, n)
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

// PickHead is Pick for key/value head g of a layer with keys and values, whose row goes to head 0. row is scratch of a
// key's and a value's size.
func (s *Store) PickHead(at int, from *Store, g, pos int, row []float32) {
	d, v := s.layer.KeySize, s.layer.ValueSize
	if from.format == F16 {
		copy(s.key(0, at)[:d], from.key(g, pos))
		copy(s.value(0, at)[:v], from.value(g, pos))
		return
	}
	i := pos % kernel.PanelRows
	from.blocks(false, g, pos).Get(row[:d], i, 0)
	from.blocks(true, g, pos).Get(row[d:d+v], i, 0)
	kernel.F32ToF16(s.key(0, at)[:d], row[:d])
	kernel.F32ToF16(s.value(0, at)[:v], row[d:d+v])
}

// Chunk is how many tokens' rows lie together in a store.
const Chunk = chunk
