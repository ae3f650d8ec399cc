package refine

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/kernel"
)

// lossBuffers is what the loss of some tokens is computed with: hidden, back [tokens, width], logits [tokens,
// vocabulary], and want, wanted, the same of the original, for few tokens at a time.
type lossBuffers struct{ hidden, back, logits, want, wanted []float32 }

// lossLeast is the least number of tokens whose logits are there at a time, lossMost the largest. Few make backRows
// unpack the matrix of logits often.
const (
	lossLeast = 16
	lossMost  = 128
)

// lossPieces returns the memory of buffers for some tokens, a multiple of 16.
func (r *refiner) lossPieces(s *lossBuffers, tokens int) []piece {
	e, vocab, few := r.spec.Width, r.m.Vocab(), tokens/4
	return []piece{
		{&s.hidden, tokens * e}, {&s.back, tokens * e}, {&s.logits, tokens * vocab}, {&s.want, few * e}, {&s.wanted, few * vocab},
	}
}

// lossBuffers returns buffers in the tape's memory, and for how many tokens they are.
func (r *refiner) lossBuffers() (s *lossBuffers, tokens int) {
	s = new(lossBuffers)
	for n := lossMost; ; n -= 16 {
		if pieces := r.lossPieces(s, n); length(pieces) <= len(r.tape.memory) {
			carve(r.tape.memory, pieces)
			return s, n
		}
	}
}

// loss returns the loss of a batch whose tokens end as r.back, which with back becomes the loss's gradient.
func (r *refiner) loss(b batch, back bool) float64 {
	s, tokens := r.lossBuffers()
	each := make([]float64, b.n)
	for lo := 0; lo < b.n; lo += tokens {
		k := min(tokens, b.n-lo)
		r.someLoss(b, s, lo, k, tokens/4, each)
		if back {
			r.lossBack(s, lo, k)
		}
	}
	sum := 0.0
	for _, v := range each {
		sum += v
	}
	return sum / float64(b.n)
}

// someLoss computes the losses of k tokens from lo on, and the gradients of their logits, s.logits.
func (r *refiner) someLoss(b batch, s *lossBuffers, lo, k, few int, each []float64) {
	e, vocab, output := r.spec.Width, r.m.Vocab(), r.m.Output()
	for i := range k {
		model.Norm(s.hidden[i*e:][:e], r.back[(lo+i)*e:][:e], r.m.OutputNorm(), r.spec.Eps)
	}
	r.project(s.logits, s.hidden, k, output)
	for at := 0; at < k; at += few {
		n := min(few, k-at)
		b.target.From(lo+at).Load(s.want, 0, n)
		r.project(s.wanted, s.want, n, output)
		r.each(n, func(i int) {
			got, want, buf := s.logits[(at+i)*vocab:][:vocab], s.wanted[i*vocab:][:vocab], r.tape.scratch()
			buf.p = resized(buf.p, vocab)
			each[lo+at+i] = divergence(got, want, buf.p, 1/float32(b.n))
			r.tape.give(buf)
		})
	}
}

// lossBack turns the gradients of k tokens' logits into those of the residual stream, r.back from token lo on.
func (r *refiner) lossBack(s *lossBuffers, lo, k int) {
	e := r.spec.Width
	clear(s.back[:k*e])
	r.backRows(s.back, s.logits, k, r.m.Output())
	for i := range k {
		d := s.hidden[i*e:][:e] // done with
		clear(d)
		normBack(d, r.back[(lo+i)*e:][:e], r.m.OutputNorm(), s.back[i*e:][:e], r.spec.Eps)
		copy(r.back[(lo+i)*e:], d)
	}
}

// divergence returns Σ p ln(p/p̂) for the softmax p of want and p̂ of got, and turns got into f times its gradient. p
// is room for as many.
func divergence(got, want, p []float32, f float32) float64 {
	peak, target := vek32.Max(got), vek32.Max(want)
	dot := 0.0 // Σ e^(want-target)·(want - got)
	sumP := float64(kernel.ExpSum(p, want, target))
	for i, e := range p {
		dot += float64(e) * float64((want[i]-target)-(got[i]-peak))
	}
	sum := float64(kernel.ExpSum(got, got, peak))
	a, b := f/float32(sum), f/float32(sumP)
	for i := range got {
		got[i] = got[i]*a - p[i]*b
	}
	return dot/sumP + math.Log(sum) - math.Log(sumP)
}
