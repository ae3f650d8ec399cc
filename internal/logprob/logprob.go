// Package logprob makes logarithms of probabilities of logits.
package logprob

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Scratch is memory that is used again.
type Scratch struct{ exps []float32 }

// Of returns ln softmax(logits)[id].
func (s *Scratch) Of(logits []float32, id int32) float32 {
	return float32(float64(logits[id]) - s.Sum(logits))
}

// Sum returns ln Σ exp(logits).
func (s *Scratch) Sum(logits []float32) float64 {
	if len(s.exps) < len(logits) {
		s.exps = make([]float32, len(logits))
	}
	return Sum(s.exps[:len(logits)], logits)
}

// Sum is Scratch.Sum with exps [len(logits)], which gets each exp(logit - largest logit).
func Sum(exps, logits []float32) float64 {
	peak := vek32.Max(logits)
	return float64(peak) + math.Log(float64(kernel.ExpSum(exps, logits, peak)))
}

// LogSum is Sum with exps added in double precision, since small ones are most of a large vocabulary. It is −Inf where no
// token is possible, and not finite where a logit is NaN or +Inf.
func LogSum(exps, logits []float32) float64 {
	peak := float32(math.Inf(-1))
	for _, x := range logits {
		peak = max(peak, x) // NaN if one is
	}
	if math.IsInf(float64(peak), 0) || peak != peak {
		return float64(peak)
	}
	kernel.ExpSum(exps, logits, peak)
	sum := 0.0
	for _, e := range exps {
		sum += float64(e)
	}
	return float64(peak) + math.Log(sum)
}

// Top returns the n tokens with the largest logits, the largest first; of equal ones the first comes first.
func Top(logits []float32, n int) []int32 {
	n = min(n, len(logits))
	top := make([]int32, 0, n+1)
	for id, x := range logits {
		if len(top) == n && (n == 0 || !(x > logits[top[n-1]])) {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, x, func(t int32, x float32) int {
			if logits[t] >= x {
				return -1
			}
			return 1
		})
		top = slices.Insert(top, at, int32(id))[:min(len(top)+1, n)]
	}
	return top
}

// KL returns KL(p ‖ q) in nats of two distributions given by their logits.
func KL(p, q []float32) float64 {
	exps := make([]float32, len(p))
	lp, lq, kl := LogSum(exps, p), LogSum(exps, q), 0.0
	for i, x := range p {
		d := float64(x) - lp
		kl += math.Exp(d) * (d - float64(q[i]) + lq)
	}
	return max(kl, 0)
}
