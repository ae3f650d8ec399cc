package engine

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// logProb returns ln softmax(logits)[id].
func (s *Session) logProb(logits []float32, id int32) float32 {
	if len(s.exps) < len(logits) {
		s.exps = make([]float32, len(logits))
	}
	peak := vek32.Max(logits)
	return float32(float64(logits[id]) - float64(peak) - math.Log(float64(kernel.ExpSum(s.exps[:len(logits)], logits, peak))))
}
