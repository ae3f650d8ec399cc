package attention

import (
	"sync/atomic"

	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// chunk is how many tokens' rows are allocated at a time: memory follows use, and growing copies nothing.
const chunk = 256

// strip is how many tokens of a chunk have their columns together.
const strip = 128

// Store holds one layer's cached rows of one session, in chunks of 256 tokens.
//
// Within a chunk rows are kept by column: each window that a head reads, a key or a value, is an array [256][width] of
// its own, so that attending streams through memory whichever form the layer has. Keys come first, then values. Half
// floats lie row by row, 8-bit blocks as kernel.CacheRows. Of rows of a layer with a RecentWindow in half floats, what
// keys are made of lies the other way, [2][R+A][128], and the rest [256][L-A]: scores of many tokens are then sums of
// columns, without sums across lanes, and the mix of those columns is one long dot product each.
type Store struct {
	layer  *Layer
	format Format
	size   int             // tokens of a chunk: 256, or fewer of a short store
	chunks [][]uint16      // half floats; of Q8 the scales
	users  []*atomic.Int32 // of each chunk: stores that have it
	codes  [][]byte        // Q8
	recent *recentRing     // of a layer with a RecentWindow
	rope   *BlockRope      // likewise
	meter  *Meter          // or nil
	balanced
}

// NewStore returns a store for the layer without capacity.
func NewStore(l *Layer, f Format) *Store {
	if f == Calibrated && l.code == nil {
		f = F16
	}
	s := &Store{layer: l, format: f, size: chunk, recent: newRecentRing(l)}
	if l.recent != nil {
		s.rope = l.recent.rope
	}
	return s
}

// SetRope lets an empty store of a layer with a RecentWindow see positions as the same blocks under another embedding
// have them (BlockRope.For).
func (s *Store) SetRope(rope *BlockRope) { s.rope = rope }

// Rope returns how a store of a layer with a RecentWindow sees positions.
func (s *Store) Rope() *BlockRope { return s.rope }

// NewShortStore returns a store with capacity for n tokens, and without a RecentWindow for hardly more.
func NewShortStore(l *Layer, f Format, n int) *Store {
	s := NewStore(l, f)
	if l.recent == nil {
		s.size = min(chunk, blocks(max(n, 1)))
	}
	s.Grow(n)
	return s
}

// RowBytes returns how many bytes the layer caches per token.
func (l *Layer) RowBytes(f Format) int {
	switch {
	case f == F16, f == Calibrated && l.code == nil:
		return 2 * l.RowSize()
	case f == Calibrated:
		return l.KVHeads * l.code.rowBytes()
	case f == Q4:
		codes, scales := l.codedSizes()
		return l.KVHeads * (codes + 2*scales)
	}
	keys, values := l.blockCols()
	return l.KVHeads * (keys + values) / 32 * 34
}

// blockCols returns the widths of a key and of a value in whole blocks. Both parts of a compressed row have their own,
// and it has no value beside.
func (l *Layer) blockCols() (key, value int) {
	if l.latent {
		return blocks(l.r) + blocks(l.ValueSize), 0
	}
	return blocks(l.KeySize), blocks(l.ValueSize)
}

// blocks returns n rounded up to whole blocks of 32.
func blocks(n int) int { return (n + 31) / 32 * 32 }

// parts returns how the values of a key are cut into parts with blocks of their own.
func (l *Layer) parts() (a, b int) {
	if l.latent {
		return l.r, l.KeySize - l.r
	}
	return l.KeySize, 0
}

// Bytes returns the memory that the store holds, recent tokens included.
func (s *Store) Bytes() int {
	return s.size*s.layer.RowBytes(s.format)*len(s.chunks) + s.recent.bytes(s.layer)
}

// Grow makes room for n tokens in all.
func (s *Store) Grow(n int) {
	for len(s.chunks)*s.size < n {
		if s.format == F16 {
			s.chunks = append(s.chunks, hugepage.Make[uint16](s.size*s.layer.RowSize()))
			s.addUser(len(s.chunks) - 1)
			continue
		}
		keys, values := s.layer.blockCols()
		codes, scales := kernel.CacheSize(s.size, s.layer.KVHeads*(keys+values))
		switch s.format {
		case Calibrated:
			codes, scales = s.size*s.layer.RowBytes(Calibrated), 0
		case Q4:
			codes, scales = s.layer.codedSizes()
			codes, scales = s.size*s.layer.KVHeads*codes, s.size*s.layer.KVHeads*scales
		}
		s.codes, s.chunks = append(s.codes, hugepage.Make[byte](codes)), append(s.chunks, hugepage.Make[uint16](scales))
		s.addUser(len(s.chunks) - 1)
	}
}

// blocks returns the cached keys, or values, of key/value head g in the chunk of position pos, from its panel on.
func (s *Store) blocks(values bool, g, pos int) kernel.CacheRows {
	keys, width := s.layer.blockCols()
	from, cols := keys*g, keys
	if values {
		from, cols = s.layer.KVHeads*keys+width*g, width
	}
	r := kernel.CacheRows{
		Codes:  s.codes[pos/s.size][s.size*from:][:s.size*cols],
		Scales: s.chunks[pos/s.size][s.size/32*from:][:s.size/32*cols],
		Cols:   cols,
	}
	return r.From(pos % s.size &^ (kernel.PanelRows - 1))
}

// key returns the cached keys of key/value head g from position pos to the end of its chunk.
func (s *Store) key(g, pos int) []uint16 {
	d := s.keyStride()
	plane := s.chunks[pos/s.size][s.size*d*g:][:s.size*d]
	return plane[pos%s.size*d:]
}

// keyStride returns the distance between cached keys.
func (s *Store) keyStride() int {
	if s.layer.latent {
		return s.layer.headRowSize()
	}
	return s.layer.KeySize
}

// value is key for the values.
func (s *Store) value(g, pos int) []uint16 {
	d := s.valueStride()
	if s.layer.latent {
		return s.key(g, pos)[s.layer.r:]
	}
	plane := s.chunks[pos/s.size][s.size*(s.layer.KVHeads*s.layer.KeySize+d*g):][:s.size*d]
	return plane[pos%s.size*d:]
}

// clearPanel makes zeros of the rows from pos on in its 8-bit panel, which prefill gives weights of 0: they must not be
// NaN.
func (s *Store) clearPanel(pos int) {
	if s.format != Q8 || s.layer.recent != nil || pos/s.size >= len(s.chunks) || pos%kernel.PanelRows == 0 {
		return
	}
	for g := range s.layer.KVHeads {
		s.blocks(false, g, pos).Clear(pos % kernel.PanelRows)
		if !s.layer.latent {
			s.blocks(true, g, pos).Clear(pos % kernel.PanelRows)
		}
	}
}

// run returns how many of n positions from pos on lie in one chunk.
func (s *Store) run(pos, n int) int { return min(n, s.size-pos%s.size) }

// Append caches key/value head g of the token at pos: k [KeySize] after RoPE, v [ValueSize]; of a layer of compressed
// rows k is the row [R+L] and v is not used. k and v are changed. The room must be there (Grow). Calls for different heads or positions may
// run at the same time.
func (s *Store) Append(pos, g int, k, v []float32) {
	if s.layer.turned {
		s.layer.turnToken(pos, g, k, v)
	}
	if s.format == Q8 {
		s.appendBlocks(pos, g, k, v)
		return
	}
	n := s.keyStride()
	kernel.F32ToF16(s.key(g, pos)[:n], k[:n])
	if !s.layer.latent {
		kernel.F32ToF16(s.value(g, pos)[:s.layer.ValueSize], v[:s.layer.ValueSize])
	}
}

// appendBlocks is Append in 8-bit blocks.
func (s *Store) appendBlocks(pos, g int, k, v []float32) {
	i := pos % kernel.PanelRows
	rows := s.blocks(false, g, pos)
	if n, r := s.keyStride(), s.layer.r; s.layer.latent {
		if r > 0 {
			rows.Put(i, 0, k[:r])
		}
		rows.Put(i, blocks(r), k[r:n])
		return
	}
	rows.Put(i, 0, k[:s.layer.KeySize])
	s.blocks(true, g, pos).Put(i, 0, v[:s.layer.ValueSize])
}

// AppendRow is Append for the row [R+L] of block g of a layer with a RecentWindow. half is scratch of the row's size.
func (s *Store) AppendRow(pos, g int, row []float32, half []uint16) {
	if s.format == Q8 {
		s.appendBlocks(pos, g, row, nil)
		return
	}
	kernel.F32ToF16(half, row)
	keys := s.layer.KeySize
	columns := s.columns(g, pos)
	for i, v := range half[:keys] {
		columns[i*strip] = v
	}
	copy(s.rest(g, pos), half[keys:len(row)])
}

// columns returns of block g's rows of a layer with a RecentWindow what is kept by column, from position pos to the end
// of its strip: values of a row are a strip behind one another.
func (s *Store) columns(g, pos int) []uint16 {
	keys := strip * s.layer.KeySize
	return s.chunks[pos/chunk][chunk*s.keyStride()*g:][pos%chunk/strip*keys:][pos%strip : keys]
}

// stripRun returns how many of n positions from pos on lie in one strip.
func stripRun(pos, n int) int { return min(n, strip-pos%strip) }

// rest returns what of the rows is kept row by row.
func (s *Store) rest(g, pos int) []uint16 {
	d, k := s.keyStride(), s.layer.KeySize
	return s.chunks[pos/chunk][chunk*d*g:][chunk*k : chunk*d][pos%chunk*(d-k):]
}

// Rows decodes the cached keys, or compressed rows, of head g at n positions from pos on: dst [n, KeySize or R+L]. half
// is scratch of the same size.
func (s *Store) Rows(dst []float32, half []uint16, g, pos, n int) {
	d := s.keyStride()
	for at := 0; at < n; {
		m := s.run(pos+at, n-at)
		switch {
		case s.format == Q8:
			s.rowsOfBlocks(dst[at*d:], g, pos+at, m)
		case s.layer.recent != nil:
			m = stripRun(pos+at, m)
			s.transposeRows(half[:m*d], g, pos+at, m)
			kernel.F16ToF32(dst[at*d:][:m*d], half[:m*d])
		default:
			kernel.F16ToF32(dst[at*d:][:m*d], s.key(g, pos+at)[:m*d])
		}
		at += m
	}
}

// transposeRows copies n rows of a strip of a layer with a RecentWindow.
func (s *Store) transposeRows(dst []uint16, g, pos, n int) {
	d, k := s.keyStride(), s.layer.KeySize
	columns, rest := s.columns(g, pos), s.rest(g, pos)
	for c := range k {
		for i, v := range columns[c*strip:][:n] {
			dst[i*d+c] = v
		}
	}
	for i := range n {
		copy(dst[i*d+k:][:d-k], rest[i*(d-k):])
	}
}

// rowsOfBlocks is Rows of 8-bit blocks within a chunk.
func (s *Store) rowsOfBlocks(dst []float32, g, pos, n int) {
	a, b := s.layer.KeySize, 0
	if s.layer.latent {
		a, b = s.layer.r, s.layer.ValueSize
	}
	rows, first := s.blocks(false, g, pos), pos%kernel.PanelRows
	for i := range n {
		row := dst[i*(a+b):][:a+b]
		rows.Get(row[:a], first+i, 0)
		rows.Get(row[a:], first+i, blocks(a))
	}
}

// valueStride returns the distance between cached values.
func (s *Store) valueStride() int {
	switch {
	case s.layer.latent:
		return s.keyStride()
	case s.layer.expanded != nil:
		return 2 * s.layer.ValueSize
	}
	return s.layer.ValueSize
}

// scores computes the dot products of nq queries with the cached keys of head g at positions from … from+n-1:
// dst[i*ldd+j] for query i and the j-th position. The queries are q, ldq apart, and rows first … of sc.queries when the
// store has 8-bit blocks; from then is the first of a panel.
func (s *Store) scores(dst []float32, ldd int, q []float32, nq, ldq int, sc *Scratch, first, g, from, n int) {
	s.scoresBy(kernel.ScoresF16, dst, ldd, q, nq, ldq, sc, first, g, from, n)
}

// promptScores is scores for the tokens of a prompt, whose queries are the first of sc.queries.
func (s *Store) promptScores(dst []float32, ldd int, q []float32, nq, ldq int, sc *Scratch, g, from, n int) {
	s.scoresBy(kernel.PromptScoresF16, dst, ldd, q, nq, ldq, sc, 0, g, from, n)
}

// product is kernel.ScoresF16, kernel.WeightedSumF16, or what those are for prompts.
type product = func(dst []float32, ldd int, x []float32, x1, x2 int, rows []uint16, stride, n, d int)

func (s *Store) scoresBy(scores product, dst []float32, ldd int, q []float32, nq, ldq int, sc *Scratch, first, g, from, n int) {
	d := s.layer.KeySize
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		if s.format == Q8 {
			kernel.ScoresQ8(dst[at:], ldd, &sc.queries, first, nq, s.blocks(false, g, from+at), m)
		} else {
			scores(dst[at:], ldd, q, nq, ldq, s.key(g, from+at), s.keyStride(), m, d)
		}
		at += m
	}
}

// compressedScores computes the scores of queries for rows of a layer with a RecentWindow, see scores; positions lie in
// one chunk.
func (s *Store) compressedScores(dst []float32, ldd int, q []float32, nq, ldq int, sc *Scratch, g, from, n int) {
	if s.format == Q8 {
		a, b := s.layer.parts()
		sc.queries.Set(q, nq, ldq, a, b)
		kernel.ScoresQ8(dst, ldd, &sc.queries, 0, nq, s.blocks(false, g, from), n)
		return
	}
	for i := range nq {
		clear(dst[i*ldd:][:n])
	}
	for at := 0; at < n; {
		m := stripRun(from+at, n-at)
		kernel.WeightedSumF16(dst[at:], ldd, q, ldq, nq, s.columns(g, from+at), strip, s.layer.KeySize, m)
		at += m
	}
}

// compressedSum is weightedSum for rows of a layer with a RecentWindow.
func (s *Store) compressedSum(out []float32, ldo int, p []float32, ldp, nq int, sc *Scratch, g, from, n int) {
	if s.format == Q8 {
		s.weightedSum(out, ldo, p, ldp, nq, g, from, n)
		return
	}
	r, a := s.layer.r, s.layer.recent.a
	for at := 0; at < n; {
		m := stripRun(from+at, n-at)
		sums := sc.sums[:nq*a]
		kernel.ScoresF16(sums, a, p[at:], nq, ldp, s.columns(g, from+at)[r*strip:], strip, a, m)
		for i := range nq {
			vek32.Add_Inplace(out[i*ldo:][:a], sums[i*a:][:a])
		}
		if rest := s.layer.ValueSize - a; rest > 0 {
			kernel.WeightedSumF16(out[a:], ldo, p[at:], ldp, nq, s.rest(g, from+at), rest, m, rest)
		}
		at += m
	}
}

// expandedScores computes products of parts of queries and keys of a store of expanded keys, columns lo … lo+d-1; see
// scores.
func (s *Store) expandedScores(dst []float32, ldd int, q []float32, nq, ldq, g, from, n, lo, d int) {
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		kernel.PromptScoresF16(dst[at:], ldd, q[lo:], nq, ldq, s.key(g, from+at)[lo:], s.keyStride(), m, d)
		at += m
	}
}

// expandedSum is weightedSum for parts of the values of a store of expanded keys, from column lo on.
func (s *Store) expandedSum(out []float32, ldo int, p []float32, ldp, nq, g, from, n, lo int) {
	d := s.layer.ValueSize
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		kernel.PromptSumF16(out, ldo, p[at:], ldp, nq, s.value(g, from+at)[lo:], s.valueStride(), m, d)
		at += m
	}
}

// weightedSum adds the cached values of head g, weighted by p, to nq outputs, ldo apart: out[i*ldo+c] += Σ_j
// p[i*ldp+j]·value_j[c].
func (s *Store) weightedSum(out []float32, ldo int, p []float32, ldp, nq, g, from, n int) {
	s.weightedSumBy(kernel.WeightedSumF16, out, ldo, p, ldp, nq, g, from, n)
}

// promptSum is weightedSum for the tokens of a prompt.
func (s *Store) promptSum(out []float32, ldo int, p []float32, ldp, nq, g, from, n int) {
	s.weightedSumBy(kernel.PromptSumF16, out, ldo, p, ldp, nq, g, from, n)
}

func (s *Store) weightedSumBy(sum product, out []float32, ldo int, p []float32, ldp, nq, g, from, n int) {
	d := s.layer.ValueSize
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		switch {
		case s.format == F16:
			sum(out, ldo, p[at:], ldp, nq, s.value(g, from+at), s.valueStride(), m, d)
		case s.layer.latent:
			kernel.WeightedSumQ8(out, ldo, p[at:], ldp, nq, s.blocks(false, g, from+at), blocks(s.layer.r), m, d)
		default:
			kernel.WeightedSumQ8(out, ldo, p[at:], ldp, nq, s.blocks(true, g, from+at), 0, m, d)
		}
		at += m
	}
}
