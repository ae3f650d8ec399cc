package attention

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// A store in 4-bit codes has two parts. The newest tokens lie in its ring as in that of a layer with a RecentWindow, in
// 8 bits (ringRows), rotated as codes are. When a group of 32 leaves the ring it is coded: keys as rows of tokens, values as
// columns of tokens, so that scores and weighted sums are products of codes with a few rows of int8 (kernel.Factors),
// unpacked once for all heads that share them. Within a chunk, per key/value head:
//
//	codes    keys [groups][KeySize/32][4][32 tokens][4], values [groups][4][ValueSize][4]: see kernel.Codes
//	scales   keys [tokens], values [tokens]
//
// Rows of latent attention are kept otherwise, see codedrows.go.
//
// A prompt's tokens lie side by side in a store of half floats that all layers share (wide) while a pass attends: each
// tile sees the same tokens in codes as a decode step at its position does.

// codedRecent is how many tokens at least are kept apart from codes, besides the token itself.
const codedRecent = 32

// Group is how many tokens are coded together.
const Group = recentStep

// keyCodes and valueCodes return how many values of a key and of a value have codes: whole tiles and vectors.
func (l *Layer) keyCodes() int   { return blocks(l.KeySize) }
func (l *Layer) valueCodes() int { return (l.ValueSize + 7) &^ 7 }

// codedSizes returns how many bytes of codes, and how many half floats as scales, a token of a head takes.
func (l *Layer) codedSizes() (codes, scales int) {
	if l.latent {
		return blocks(l.r) + l.latentCodes()/2, blocks(l.r)/32 + 1
	}
	return (l.keyCodes() + l.valueCodes()) / 2, 2
}

// apart reports whether codes are of other components than those of recent tokens, so that sums of the two are.
func (l *Layer) apart() bool { return l.code != nil || l.latent && l.turned }

// Coded reports whether the store has codes, so that recent tokens are not Appended.
func (s *Store) Coded() bool { return s.format == Q4 || s.layer.code != nil }

// Layer returns the form of attention that the store is made for.
func (s *Store) Layer() *Layer { return s.layer }

// keyGroup returns codes and scales of head g's keys of the 32 positions from pos on.
func (s *Store) keyGroup(g, pos int) (kernel.Codes, []uint16) {
	l, at := s.layer, pos%s.size
	k := l.keyCodes()
	codes := s.codes[pos/s.size][s.size*(k+l.valueCodes())/2*g:]
	scales := s.chunks[pos/s.size][2*s.size*g:]
	return kernel.Codes{Codes: codes[at*k/2:][:recentStep*k/2], Rows: recentStep, Cols: k, Bits: 4}, scales[at:][:recentStep]
}

// valueGroups returns codes and scales of head g's values of n positions from pos on, whole groups in one chunk.
func (s *Store) valueGroups(g, pos, n int) (kernel.Codes, []uint16) {
	l, at := s.layer, pos%s.size
	k, v := l.keyCodes(), l.valueCodes()
	codes := s.codes[pos/s.size][s.size*(k+v)/2*g:][s.size*k/2:]
	scales := s.chunks[pos/s.size][2*s.size*g:][s.size:]
	return kernel.Codes{Codes: codes[at*v/2:][:n*v/2], Rows: v, Cols: n, Bits: 4}, scales[at:][:n]
}

// readyFactors makes factors of the prepared queries that share head g's codes, the first time in a step that some are
// needed: a worker does not meet all heads, and a short text has no codes.
func (l *Layer) readyFactors(sc *Scratch, s *Store, g int) {
	if l.code == nil {
		g = 0
	}
	if sc.ready[g] {
		return
	}
	sc.ready[g] = true
	switch {
	case l.code != nil:
		l.code.setQueries(sc, sc.turned[g*l.Group()*l.KeySize:], g, l.Group(), l.KeySize, g*l.Group(), l.Heads)
	case l.latent:
		s.setRowQueries(sc, sc.turned, l.Heads, 0, l.Group())
	default:
		sc.factors.Set(sc.turned, l.Heads, l.KeySize, l.KeySize)
	}
}

// codedScores is Store.scores for rows first … first+nq-1 of sc.factors and whole groups.
func (s *Store) codedScores(dst []float32, ldd int, sc *Scratch, first, nq, g, from, n int) {
	if s.layer.code != nil {
		s.transformedScores(dst, ldd, sc, first, nq, g, from, n)
		return
	}
	if s.layer.latent {
		s.rowScores(dst, ldd, sc, first, nq, g, from, n)
		return
	}
	for at := 0; at < n; at += recentStep {
		codes, scales := s.keyGroup(g, from+at)
		sc.factors.Products(dst[at:], ldd, first, nq, codes, scales)
	}
}

// codedSum is Store.weightedSum for whole groups.
func (s *Store) codedSum(out []float32, ldo int, p []float32, ldp, nq, g, from, n int, sc *Scratch) {
	if s.layer.code != nil {
		s.transformedSum(out, ldo, p, ldp, nq, g, from, n, sc)
		return
	}
	for at := 0; at < n; {
		m := s.run(from+at, n-at)
		codes, scales := s.valueColumns(g, from+at, m, sc)
		kernel.F16ToF32(sc.scales[:m], scales)
		for i := range nq {
			vek32.Mul_Into(sc.weights[i*m:][:m], p[i*ldp+at:][:m], sc.scales[:m])
		}
		sc.sumFactors.Set(sc.weights, nq, m, m)
		sc.sumFactors.AddProducts(out, ldo, 0, nq, codes, s.layer.ValueSize)
		at += m
	}
}

// Encode codes head g's keys and values of the 32 positions from pos on: from the ring, or from wide, whose first
// position is base.
func (s *Store) Encode(pos, g int, wide *Store, base int, sc *Scratch) {
	d, v := s.layer.KeySize, s.layer.ValueSize
	switch {
	case s.layer.code != nil:
		s.transformGroup(pos, g, wide, base, sc)
		return
	case s.layer.latent:
		s.encodeRows(pos, g, wide, base, sc)
		return
	}
	keys, scales := s.keyGroup(g, pos)
	for i := range recentStep {
		x, u := sc.group[:d], sc.codes[:d]
		kernel.F16ToF32(x, s.groupRow(false, g, pos+i, wide, base, sc))
		scales[i] = kernel.Quantize4(u, x)
		keys.PutRow(i, u)
	}
	values, scales := s.valueGroups(g, pos, recentStep)
	u := sc.codes[:recentStep*v]
	for i := range recentStep {
		x := sc.group[:v]
		kernel.F16ToF32(x, s.groupRow(true, g, pos+i, wide, base, sc))
		scales[i] = kernel.Quantize4(u[i*v:][:v], x)
	}
	for i := 0; i < recentStep; i += 8 {
		values.PutColumns(i, u[i*v:], v)
	}
}

// groupRow returns head g's key, or value, of a token that is to be coded, see Encode: valid until the next call.
func (s *Store) groupRow(values bool, g, pos int, wide *Store, base int, sc *Scratch) []uint16 {
	switch {
	case wide == nil:
		return s.recent.row(values, g, pos, sc)
	case values:
		return wide.value(g, pos-base)[:s.layer.ValueSize]
	}
	return wide.key(g, pos-base)[:s.layer.KeySize]
}

// DecodeNewest keeps key and value of head g of the token at pos, which are changed, and attends with the heads that
// share them to recent tokens and itself; see Decode.
func (l *Layer) DecodeNewest(p *Partial, s *Store, pos, g int, k, v []float32, sc *Scratch) {
	l.turnToken(pos, g, k, v)
	r, slot := s.recent, pos%s.recent.size
	kernel.ToBlockFloat(r.keys[g].blocksAt(slot, 1), k[:l.KeySize])
	kernel.BlockFloatToF16(sc.half, r.keys[g].blocksAt(slot, 1))
	key := sc.half[:l.KeySize]
	value := key[l.r:]
	if !l.latent {
		kernel.ToBlockFloat(r.values[g].blocksAt(slot, 1), v[:l.ValueSize])
		half := sc.half[blocks(l.KeySize):]
		kernel.BlockFloatToF16(half, r.values[g].blocksAt(slot, 1))
		value = half[:l.ValueSize]
	}
	if pos < r.first.size {
		r.first.copyToken(pos, g, &r.ring, slot)
	}
	l.DecodeRecent(p, s, pos, g, g*l.Group(), (g+1)*l.Group(), sc.turned, key, value, sc)
}

// row returns head g's key, or value, of the token at pos in scratch.
func (r *recentRing) row(values bool, g, pos int, sc *Scratch) []uint16 {
	if values {
		x, _ := r.valueRun(sc.rows, g, pos%r.size, 1)
		return x[:r.v]
	}
	x, _ := r.keys[g].run(sc.rows, pos%r.size, 1)
	return x[:r.d]
}

// round writes a key or value in half floats as a ring keeps it.
func (sc *Scratch) round(dst []uint16, x []float32) {
	b := sc.blocks[:blockBytes(len(x))]
	kernel.ToBlockFloat(b, x)
	kernel.BlockFloatToF16(sc.rows, b)
	copy(dst, sc.rows[:len(x)])
}

// WideBase returns the first position of a wide store for a pass from pos on: it has to hold the recent tokens before,
// those that are not coded yet among them. Chunks begin at the same positions as in any other.
func (s *Store) WideBase(pos int) int {
	if pos == 0 {
		return 0
	}
	return min(s.recent.made, s.layer.CompressedEnd(pos)) &^ (chunk - 1)
}

// WideSize is how many tokens more than a pass has a wide store holds.
const WideSize = chunk + codedRecent + 2*recentStep

// PutWide keeps key and value of head g of a prompt's token at pos, which are changed, in a wide store.
func (s *Store) PutWide(wide *Store, base, pos, g int, k, v []float32, sc *Scratch) {
	l := s.layer
	l.turnToken(pos, g, k, v)
	key, value := wide.key(g, pos-base)[:l.KeySize], wide.value(g, pos-base)[:l.ValueSize]
	sc.round(key, k[:l.KeySize])
	if !l.latent {
		sc.round(value, v[:l.ValueSize])
	}
	s.recent.keepFirst(pos, g, key, value, sc.group)
}

// RecentToWide copies head g's recent tokens before pos to a wide store.
func (s *Store) RecentToWide(wide *Store, base, pos, g int, sc *Scratch) {
	r := s.recent
	for at := max(base, min(r.made, s.layer.RecentStart(pos))); at < pos; at++ { // whatever Advance says, they are there until RecentFromWide
		copy(wide.key(g, at-base), r.row(false, g, at, sc))
		if !s.layer.latent {
			copy(wide.value(g, at-base), r.row(true, g, at, sc))
		}
	}
}

// RecentFromWide keeps the newest of n tokens from pos on in the ring.
func (s *Store) RecentFromWide(wide *Store, base, pos, n, g int, sc *Scratch) {
	for at := s.FirstKept(pos, n); at < pos+n; at++ {
		s.PutRecent(at, g, wide.key(g, at-base), wide.value(g, at-base), sc.group)
	}
}

// PrefillCoded is Prefill for a store in 4-bit codes, whose groups that become due in the pass are coded already.
func (l *Layer) PrefillCoded(out []float32, i int, s, wide *Store, base, pos, n int, q []float32, sc *Scratch) {
	tile, first, h, t0 := l.newTile(out, i, pos, n, sc)
	rows := tile.rows
	g, start, recent, last := h/l.Group(), l.start(first), l.CompressedEnd(first), pos+t0+rows
	final := tile.out
	if l.apart() {
		tile.width, tile.ld = l.outSize()+l.ValueSize, l.outSize()+l.ValueSize
		tile.out = sc.sums[:rows*tile.ld]
	}
	tile.start(h)
	q = l.turnQueries(sc, q[(t0*l.Heads+h)*l.KeySize:], rows, l.Heads*l.KeySize)
	switch {
	case recent <= start:
	case l.code != nil:
		l.code.setQueries(sc, q, g, rows, l.KeySize, 0, rows)
	case l.latent:
		s.setRowQueries(sc, q, rows, g, rows)
	default:
		sc.factors.Set(q, rows, l.KeySize, l.KeySize)
	}
	weigh := func(from, cols int) {
		l.addKeyMeans(tile.scores, prefillCols, q, rows, l.KeySize, g, from, cols, sc)
		for r := 0; l.slopes != nil && r < rows; r++ {
			l.lower(tile.scores[r*prefillCols:][:cols], h, from, tile.pos+r)
		}
		tile.softmax(from, cols)
	}
	exact := tile.out
	if l.apart() {
		exact = tile.out[l.outSize():]
	}
	if n := min(l.ring.first, recent) - start; n > 0 { // start is 0
		firsts := &s.recent.first
		x, stride := firsts.keys[g].run(sc.rows, 0, n)
		kernel.ScoresF16(tile.scores, prefillCols, q, rows, l.KeySize, x, stride, n, firsts.d)
		weigh(0, n)
		x, stride = firsts.valueRun(sc.rows, g, 0, n)
		kernel.WeightedSumF16(exact, tile.ld, tile.scores, prefillCols, rows, x, stride, n, firsts.v)
	}
	tile.first = l.ring.first
	for from := start; from < recent; from += prefillCols {
		cols := min(prefillCols, recent-from)
		s.codedScores(tile.scores, prefillCols, sc, 0, rows, g, from, cols)
		weigh(from, cols)
		s.codedSum(tile.out, tile.ld, tile.scores, prefillCols, rows, g, from, cols, sc)
	}
	from := max(start, recent)
	tile.first = 0
	wide.promptScores(tile.scores, prefillCols, q, rows, l.KeySize, sc, g, from-base, last-from)
	weigh(from, last-from)
	wide.promptSum(exact, tile.ld, tile.scores, prefillCols, rows, g, from-base, last-from)
	tile.finish()
	for r := 0; l.apart() && r < rows; r++ {
		dst, row := final[r*l.Heads*l.ValueSize:][:l.ValueSize], tile.row(r)
		copy(dst, row[l.outSize():])
		if recent > start {
			l.addDecoded(dst, row[:l.outSize()], g, s.balance)
		}
	}
}
