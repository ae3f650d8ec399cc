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
	peak []float32 // [parts][Heads]
	sum  []float32 // [parts][Heads]
}

// span returns how many positions each part covers for a token at pos, and the number of parts.
func (l *Layer) span(pos int) (size, parts int) {
	n := pos + 1 - l.first(pos)
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

// ScratchSize returns the number of scores that Decode and Prefill need as scratch for contexts up to n tokens.
func (l *Layer) ScratchSize(n int) int {
	size, _ := l.span(max(n, 1))
	return max(l.Group()*size, prefillRows*prefillCols)
}

// Newest reports whether part i holds the token at pos itself: its worker must Append head g first.
func (l *Layer) Newest(i, pos int) (g int, ok bool) {
	_, parts := l.span(pos)
	return i % l.KVHeads, i/l.KVHeads == parts-1
}

// Decode attends with the query of the token at pos to part i of its cached positions. q [Heads, KeySize] is rotated and
// scaled. Different parts may run at the same time; Combine joins them.
func (l *Layer) Decode(p *Partial, i int, s *Store, pos int, q, scratch []float32) {
	size, _ := l.span(pos)
	part, g := i/l.KVHeads, i%l.KVHeads
	from := l.first(pos) + part*size
	n := min(size, pos+1-from)
	group := l.Group()
	h := g * group

	scores := scratch[:group*size]
	s.scores(scores, size, q[h*l.KeySize:], group, l.KeySize, g, from, n)
	at := part*l.Heads + h
	for r := range group {
		row := scores[r*size:][:n]
		peak := vek32.Max(row)
		p.peak[at+r] = peak
		p.sum[at+r] = quant.ExpSum(row, row, peak)
	}
	out := p.out[at*l.ValueSize:][:group*l.ValueSize]
	clear(out)
	s.mix(out, l.ValueSize, scores, size, group, g, from, n)
}

// Combine writes the attention output of the token at pos: out [Heads, ValueSize].
func (l *Layer) Combine(out []float32, p *Partial, pos int) {
	_, parts := l.span(pos)
	for h := range l.Heads {
		dst := out[h*l.ValueSize:][:l.ValueSize]
		clear(dst)
		peak := float32(math.Inf(-1))
		for c := range parts {
			peak = max(peak, p.peak[c*l.Heads+h])
		}
		var sum float32
		for c := range parts {
			at := c*l.Heads + h
			f := exp(p.peak[at] - peak)
			sum += f * p.sum[at]
			addScaled(dst, p.out[at*l.ValueSize:], f)
		}
		vek32.MulNumber_Inplace(dst, 1/sum)
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

// addScaled adds f·src to dst.
func addScaled(dst, src []float32, f float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += f * v
	}
}
