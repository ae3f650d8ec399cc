package attn

import (
	"math"

	"github.com/latentgo/latentgo/quant"
	"github.com/viterin/vek/vek32"
)

// A decode step is split over cached positions: part p covers a fixed range of them for one key/value head, so that any
// number of workers can share a long context, and the result does not depend on how many there are.

// maxParts is the most parts per head, so that partial results stay small. A part is at least a chunk.
const maxParts = 32

// Partial holds what the parts of a decode step found: per part and query head the unnormalised output, the largest
// score and the sum of exponentials. Reused from step to step.
type Partial struct {
	out  []float32 // [parts][Heads][ValueSize]
	peak []float32 // [Heads][maxParts]
	sum  []float32 // [Heads][maxParts]
}

// span returns how many positions each part covers for a token at pos, and the number of parts.
func (l *Layer) span(pos int) (size, parts int) {
	n := pos + 1 - l.start(pos)
	size = (n + maxParts - 1) / maxParts
	size = (size + chunk - 1) / chunk * chunk
	return size, (n + size - 1) / size
}

// Parts returns how many parts the decode step of a token at pos has, all key/value heads together.
func (l *Layer) Parts(pos int) int {
	_, parts := l.span(pos)
	return parts * l.KVHeads
}

// Reserve makes room for the largest step.
func (p *Partial) Reserve(l *Layer) {
	if n := maxParts * l.Heads; len(p.peak) < n || len(p.out) < n*l.ValueSize {
		p.out = make([]float32, n*l.ValueSize)
		p.peak = make([]float32, n)
		p.sum = make([]float32, n)
	}
}

// start returns the position at which attention of a token at pos begins to read: the first one that it attends to, or up to
// 31 before, so that 8-bit panels and blocks of positions are read from their first row on.
func (l *Layer) start(pos int) int { return l.first(pos) &^ (nearStep - 1) }

// Scratch is what one worker computes with. The zero value is ready for Reserve.
type Scratch struct {
	scores  []float32
	queries quant.CacheQueries // of stores in 8-bit blocks
	turned  [][]float32        // of a layer with a Reach: see turnedQueries, by level
	pairs   []float32          // and pairs that have turned
}

// Reserve makes room for the layer's steps and tiles in contexts up to n tokens.
func (sc *Scratch) Reserve(l *Layer, n int) {
	size, _ := l.span(max(n, 1))
	if size = max(l.Group()*size, prefillRows*prefillCols); len(sc.scores) < size {
		sc.scores = make([]float32, size)
	}
	if l.reach != nil {
		l.reserveTurns(sc)
	}
}

// reserveTurns makes room for a chunk of turnedQueries.
func (l *Layer) reserveTurns(sc *Scratch) {
	levels := l.reach.turns.levels
	for len(sc.turned) <= len(levels) {
		sc.turned = append(sc.turned, nil)
	}
	room := func(buf *[]float32, n int) {
		if len(*buf) < n {
			*buf = make([]float32, n)
		}
	}
	room(&sc.turned[0], l.Group()*l.KeySize)
	for i, v := range levels {
		rows := l.Group() * (chunk / v.block)
		room(&sc.turned[i+1], rows*l.KeySize)
		room(&sc.pairs, rows*2*(v.hi-v.lo))
	}
}

// Ready brings the queries of a decode step, [Heads, KeySize], to the form that the store wants: each worker does so for its
// own scratch before its first Decode of the step.
func (l *Layer) Ready(sc *Scratch, s *Store, q []float32) {
	if s.format == Q8 && l.reach == nil {
		a, b := l.parts()
		sc.queries.Set(q, l.Heads, l.KeySize, a, b)
	}
}

// Newest reports whether part i holds the token at pos itself: its worker must Append head g first.
func (l *Layer) Newest(i, pos int) (g int, ok bool) {
	_, parts := l.span(pos)
	return i % l.KVHeads, i/l.KVHeads == parts-1
}

// Decode attends with the query of the token at pos to part i of its cached positions. q [Heads, KeySize] is rotated and
// scaled, and sc is Ready for it; a layer with a Reach takes what NewReaching says. Different parts may run at the same time; Combine joins them.
func (l *Layer) Decode(p *Partial, i int, s *Store, pos int, q []float32, sc *Scratch) {
	size, _ := l.span(pos)
	part, g := i/l.KVHeads, i%l.KVHeads
	from := l.start(pos) + part*size
	skip := max(l.first(pos)-from, 0)
	n := min(size, pos+1-from)
	group := l.Group()
	h := g * group

	scores := sc.scores[:group*size]
	if l.reach != nil {
		l.reachScores(scores, size, s, pos, l.block(g), from, n, q, sc)
	} else {
		s.scores(scores, size, q[h*l.KeySize:], group, l.KeySize, sc, h, g, from, n)
	}
	for r := range group {
		at := (h+r)*maxParts + part
		p.peak[at], p.sum[at] = weigh(scores[r*size:][:n], skip)
	}
	out := p.out[(part*l.Heads+h)*l.ValueSize:][:group*l.ValueSize]
	clear(out)
	s.mix(out, l.ValueSize, scores, size, group, g, from, n)
}

// weigh turns scores into weights that are not divided by their sum yet, and returns the largest score and the sum. The first
// skip of them get 0.
func weigh(scores []float32, skip int) (peak, sum float32) {
	clear(scores[:skip])
	scores = scores[skip:]
	peak = vek32.Max(scores)
	return peak, quant.ExpSum(scores, scores, peak)
}

// Short reports whether a decode step has only one part per key/value head.
func (l *Layer) Short(pos int) bool {
	_, parts := l.span(pos)
	return parts == 1
}

// DecodeShort attends with query heads h0 … h1-1 of the token at pos, a Short one, of a layer with a Reach, to the tokens
// before it and to itself: out [h1-h0, ValueSize]. What the store has of the token itself is not read: rows are its rows of
// all blocks as they will be cached, keys its near keys [key/value head][R+d] of the heads that are needed.
// q is that of all heads, see NewReaching. Different heads may go at the same time, and with appending the token.
func (l *Layer) DecodeShort(out []float32, s *Store, pos, h0, h1 int, q, rows []float32, keys []uint16, sc *Scratch) {
	size, _ := l.span(pos)
	from, width, group := l.start(pos), s.recent.width, l.Group()
	n, skip := pos-from, max(l.first(pos)-from, 0)
	scores := sc.scores[:group*size]
	for g := h0 / group; g*group < h1; g++ {
		hs := headRange{g, max(h0, g*group), min(h1, (g+1)*group)}
		l.reachScores(scores, size, s, pos, hs, from, n, q, sc)
		l.byKey(hs, func(k, lo, hi int) {
			quant.ScoresF16(scores[(lo-hs.lo)*size+n:], size, q[lo*width:], hi-lo, width, keys[k*width:], width, 1, width)
		})
		mix := out[(hs.lo-h0)*l.ValueSize:][:hs.len()*l.ValueSize]
		clear(mix)
		for i := range hs.len() {
			row := scores[i*size:][:n+1]
			_, sum := weigh(row, skip)
			vek32.MulNumber_Inplace(row[skip:], 1/sum)
			own := rows[g*(l.r+l.ValueSize)+l.r:][:l.ValueSize]
			quant.MixF32(mix[i*l.ValueSize:][:l.ValueSize], 0, row[n:], 0, 1, own, l.ValueSize, 1, l.ValueSize)
		}
		s.mix(mix, l.ValueSize, scores, size, hs.len(), g, from, n)
	}
}

// Combine writes the attention output of the token at pos for heads h0 … h1-1: out [h1-h0, ValueSize]. Different heads may
// be combined at the same time, also the same ones.
func (l *Layer) Combine(out []float32, p *Partial, pos, h0, h1 int, sc *Scratch) {
	_, parts := l.span(pos)
	for h := h0; h < h1; h++ {
		dst := out[(h-h0)*l.ValueSize:][:l.ValueSize]
		peaks, sums, w := p.peak[h*maxParts:][:parts], p.sum[h*maxParts:][:parts], sc.scores[:parts]
		quant.ExpSum(w, peaks, vek32.Max(peaks))
		sum := float32(0)
		for i, f := range w {
			sum += f * sums[i]
		}
		vek32.MulNumber_Inplace(w, 1/sum)
		clear(dst)
		quant.MixF32(dst, 0, w, 0, 1, p.out[h*l.ValueSize:], l.Heads*l.ValueSize, parts, l.ValueSize)
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
