package attention

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// A decode step is split over cached positions: part p covers a fixed range of them for one key/value head, so that any
// number of workers can share a long context, and the result does not depend on how many there are.

// maxParts is the most parts per head, so that partial results stay small. A part is at least a chunk.
const maxParts = 32

// Partial holds what the parts of a decode step found: per part and query head the unnormalised output, the largest
// score and the sum of exponentials. Reused from step to step.
type Partial struct {
	out    []float32 // [parts][Heads][ValueSize]
	peak   []float32 // [Heads][slots]: of each part, then of the recent tokens of a layer with a RecentWindow
	sum    []float32 // [Heads][slots]
	recent []float32 // [Heads][v] the output of recent tokens
}

// slots is how many peaks and sums a head has.
const slots = maxParts + 1

// span returns how many positions each part covers for a token at pos, and the number of parts. With a RecentWindow
// only compressed tokens are in parts, which may be none.
func (l *Layer) span(pos int) (size, parts int) {
	n := l.end(pos) - l.start(pos)
	if n <= 0 {
		return chunk, 0
	}
	size = (n + maxParts - 1) / maxParts
	size = (size + chunk - 1) / chunk * chunk
	return size, (n + size - 1) / size
}

// end returns the position behind the last one that is in parts.
func (l *Layer) end(pos int) int {
	if l.ring != nil {
		return l.CompressedEnd(pos)
	}
	return pos + 1
}

// Parts returns how many parts the decode step of a token at pos has, all key/value heads together.
func (l *Layer) Parts(pos int) int {
	_, parts := l.span(pos)
	return parts * l.KVHeads
}

// Reserve makes room for the largest step.
func (p *Partial) Reserve(l *Layer) {
	reserve(&p.out, maxParts*l.Heads*l.outSize())
	reserve(&p.peak, slots*l.Heads)
	reserve(&p.sum, slots*l.Heads)
	if l.ring != nil {
		reserve(&p.recent, l.Heads*l.ring.v)
	}
}

// reserve makes a buffer large enough for n values; what it held is lost then.
func reserve[T any](buf *[]T, n int) {
	if len(*buf) < n {
		*buf = make([]T, n)
	}
}

// start returns the position at which attention of a token at pos begins to read: the first one that it attends to, or
// up to 31 before, so that 8-bit panels and blocks of positions are read from their first row on.
func (l *Layer) start(pos int) int { return l.First(pos) &^ (recentStep - 1) }

// Scratch is what one worker computes with. The zero value is ready for Reserve.
type Scratch struct {
	scores    []float32
	queries   kernel.CacheQueries // of stores in 8-bit blocks
	projected [][]float32         // of a layer with a RecentWindow: see projectQueries, by level
	constants [][]float32         // and products with means of keys
	rotated   []float32           // and pairs rotated back
	sums      []float32           // of compressedSum
	turnedScratch
}

// Reserve makes room for the layer's steps and tiles in contexts up to n tokens.
func (sc *Scratch) Reserve(l *Layer, n int) {
	size, _ := l.span(max(n, 1))
	size = max(l.Group()*size, prefillRows*prefillCols, slots)
	if l.ring != nil {
		size = max(size, l.Heads/l.ring.heads*(l.ring.tokens+recentStep+l.ring.first))
	}
	if l.recent != nil {
		l.reserveProjected(sc)
	}
	if l.turned {
		l.reserveTurned(sc, size)
	}
	reserve(&sc.scores, size)
}

// reserveProjected makes room for a chunk of projectQueries.
func (l *Layer) reserveProjected(sc *Scratch) {
	levels := l.recent.rope.levels
	for len(sc.projected) <= len(levels) {
		sc.projected, sc.constants = append(sc.projected, nil), append(sc.constants, nil)
	}
	reserve(&sc.projected[0], l.Group()*l.KeySize)
	reserve(&sc.constants[0], l.Group())
	reserve(&sc.sums, l.Group()*l.recent.a)
	for i, v := range levels {
		rows := l.Group() * (chunk / v.block)
		reserve(&sc.projected[i+1], rows*l.KeySize)
		reserve(&sc.constants[i+1], rows)
		reserve(&sc.rotated, rows*2*(v.hi-v.lo))
	}
}

// PrepareQueries brings the queries of a decode step, [Heads, KeySize], to the form that the store wants: each worker
// does so for its own scratch before its first Decode of the step.
func (l *Layer) PrepareQueries(sc *Scratch, s *Store, q []float32) {
	if l.turned {
		q = l.turnQueries(sc, q, l.Heads, l.KeySize)
	}
	switch {
	case s.Coded():
		clear(sc.ready) // see readyFactors
		sc.balance = s.balance
	case s.format == Q8 && l.recent == nil:
		a, b := l.parts()
		sc.queries.Set(q, l.Heads, l.KeySize, a, b)
	}
}

// Newest reports whether part i holds the token at pos itself: its worker must Append head g first.
func (l *Layer) Newest(i, pos int) (g int, ok bool) {
	_, parts := l.span(pos)
	return i % l.KVHeads, i/l.KVHeads == parts-1
}

// Decode attends with the query of the token at pos to part i of its cached positions. q [Heads, KeySize] is rotated
// and scaled, and sc has them prepared (PrepareQueries); a layer with a RecentWindow takes what NewCompressed says, and
// has its recent tokens beside (DecodeRecent). Different parts may run at the same time; Combine joins them.
func (l *Layer) Decode(p *Partial, i int, s *Store, pos int, q []float32, sc *Scratch) {
	l.decode(p, i/l.KVHeads, l.block(i%l.KVHeads), s, pos, q, sc)
}

// decode attends with heads of a block to a part of the block's positions.
func (l *Layer) decode(p *Partial, part int, hs headRange, s *Store, pos int, q []float32, sc *Scratch) {
	size, _ := l.span(pos)
	from := l.start(pos) + part*size
	skip := max(l.First(pos)-from, 0)
	if l.ring != nil {
		skip = max(skip, l.ring.first-from)
	}
	n := min(size, l.end(pos)-from)
	scores := sc.scores[:hs.len()*size]
	switch {
	case l.recent != nil:
		l.compressedScores(scores, size, s, hs, from, n, q, sc)
	case s.Coded():
		l.readyFactors(sc, s, hs.g)
		s.codedScores(scores, size, sc, hs.lo, hs.len(), hs.g, from, n)
	default:
		s.scores(scores, size, q[hs.lo*l.KeySize:], hs.len(), l.KeySize, sc, hs.lo, hs.g, from, n)
	}
	if l.means != nil {
		l.addKeyMeans(scores, size, sc.turned[hs.lo*l.KeySize:], hs.len(), l.KeySize, hs.g, from, n, sc)
	}
	for r := range hs.len() {
		if l.slopes != nil {
			l.lower(scores[r*size:][:n], hs.lo+r, from, pos)
		}
		at := (hs.lo+r)*slots + part
		p.peak[at], p.sum[at] = l.weigh(scores[r*size:][:n], skip)
	}
	width := l.outSize()
	out := p.out[(part*l.Heads+hs.lo)*width:][:hs.len()*width]
	clear(out)
	switch {
	case l.recent != nil:
		s.compressedSum(out, l.ValueSize, scores, size, hs.len(), sc, hs.g, from, n)
	case s.Coded():
		s.codedSum(out, width, scores, size, hs.len(), hs.g, from, n, sc)
	default:
		s.weightedSum(out, l.ValueSize, scores, size, hs.len(), hs.g, from, n)
	}
}

// weigh makes scores weights that are not divided by their sum yet, and returns the largest score and the sum. The
// first skip of them get 0.
func (l *Layer) weigh(scores []float32, skip int) (peak, sum float32) {
	clear(scores[:skip])
	scores = scores[skip:]
	if l.softmax.Cap != 0 {
		l.softmax.cap(scores)
	}
	peak = vek32.Max(scores)
	return peak, kernel.ExpSum(scores, scores, peak)
}

// OnePart reports whether a decode step has at most one part per key/value head.
func (l *Layer) OnePart(pos int) bool {
	_, parts := l.span(pos)
	return parts <= 1
}

// weights returns by what to multiply the output of each part for head h of the token at pos, and at last that of
// recent tokens of a layer with a RecentWindow.
func (l *Layer) weights(p *Partial, pos, h int, sc *Scratch) []float32 {
	_, n := l.span(pos)
	if l.ring != nil {
		n++
	}
	peaks, sums, w := p.peak[h*slots:][:n], p.sum[h*slots:][:n], sc.scores[:n]
	peak, sum := vek32.Max(peaks), float32(0)
	if l.softmax.Sinks != nil {
		sink := l.softmax.Sinks[h]
		peak = max(peak, sink)
		sum = exp(sink - peak)
	}
	kernel.ExpSum(w, peaks, peak)
	for i, f := range w {
		sum += f * sums[i]
	}
	vek32.MulNumber_Inplace(w, 1/sum)
	return w
}

// Combine writes the attention output of the token at pos for heads h0 … h1-1: out [h1-h0, ValueSize]; with a
// RecentWindow that of compressed tokens, see AddRecent. Different heads may be combined at the same time, also the
// same ones.
func (l *Layer) Combine(out []float32, p *Partial, pos, h0, h1 int, sc *Scratch) {
	_, parts := l.span(pos)
	for h := h0; h < h1; h++ {
		dst := out[(h-h0)*l.ValueSize:][:l.ValueSize]
		clear(dst)
		w := l.weights(p, pos, h, sc)
		if l.apart() && parts > 0 {
			n := l.outSize()
			sums := sc.sums[:n]
			clear(sums)
			kernel.WeightedSumF32(sums, 0, w, 0, 1, p.out[h*n:], l.Heads*n, parts, n)
			l.addDecoded(dst, sums, h/l.Group(), sc.balance)
		} else if parts > 0 {
			kernel.WeightedSumF32(dst, 0, w, 0, 1, p.out[h*l.ValueSize:], l.Heads*l.ValueSize, parts, l.ValueSize)
		}
		if l.ring != nil && l.recent == nil {
			l.AddRecent(dst, p, pos, h, 0, l.ValueSize, sc)
		}
		l.turn(dst, true)
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
