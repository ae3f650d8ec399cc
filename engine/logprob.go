package engine

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// logProb returns ln softmax(logits)[id].
func (s *Session) logProb(logits []float32, id int32) float32 {
	return float32(float64(logits[id]) - s.logSum(logits))
}

// logSum returns ln Σ exp(logits).
func (s *Session) logSum(logits []float32) float64 {
	if len(s.exps) < len(logits) {
		s.exps = make([]float32, len(logits))
	}
	peak := vek32.Max(logits)
	return float64(peak) + math.Log(float64(kernel.ExpSum(s.exps[:len(logits)], logits, peak)))
}

// topLogProbs returns the n most probable tokens; of equal ones the first comes first.
func (s *Session) topLogProbs(logits []float32, n int) []TokenProb {
	if n == 0 {
		return nil
	}
	n = min(n, len(logits))
	top := make([]TokenProb, 0, n+1)
	for id, x := range logits {
		if len(top) == n && !(x > top[n-1].LogProb) {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, x, func(t TokenProb, x float32) int {
			if t.LogProb >= x {
				return -1
			}
			return 1
		})
		top = slices.Insert(top, at, TokenProb{int32(id), x})[:min(len(top)+1, n)]
	}
	sum := s.logSum(logits)
	for i := range top {
		top[i].LogProb = float32(float64(top[i].LogProb) - sum)
	}
	return top
}
