package engine

import "github.com/latentgo/latentgo/internal/kernel"

// StepBytes returns what a decode step after depth tokens reads: bytes of weights, each matrix once and of a mixture the
// experts that a token uses, and bytes of the session's cache, with near tokens of a compressed layer. Together
// with the memory's bandwidth they bound the speed.
func (s *Session) StepBytes(depth int) (weights, cache int) {
	w := s.m.w
	weights = matrixBytes(w.output.Matrix)
	for i := range w.layers {
		l := &w.layers[i]
		weights += l.bytes()
		cache += l.attn.CompressedTokens(depth)*l.attn.RowBytes(s.format) + l.attn.RecentBytes(depth)
	}
	return weights, cache
}

// bytes returns the size of the matrices that a token uses.
func (l *layer) bytes() int {
	n := matrixBytes(l.q.Matrix, l.k.Matrix, l.v.Matrix, l.o.Matrix, l.gate.Matrix, l.up.Matrix, l.down.Matrix)
	if m := l.lat; m != nil {
		n += matrixBytes(m.enc.Matrix) + matrixBytes(m.encKV...) + matrixBytes(m.query...) + matrixBytes(m.value...)
		if m.native != nil {
			n += matrixBytes(m.native.qA.Matrix)
		}
	}
	if e := l.moe; e != nil {
		n += matrixBytes(e.router.Matrix)
		for _, all := range [][]*kernel.Matrix{e.gate, e.up, e.down} {
			n += matrixBytes(all[:min(e.used, len(all))]...)
		}
	}
	return n
}

// matrixBytes sums up the sizes of matrices, of which some may be nil.
func matrixBytes(ms ...*kernel.Matrix) int {
	n := 0
	for _, m := range ms {
		if m != nil {
			n += len(m.Bytes())
		}
	}
	return n
}
