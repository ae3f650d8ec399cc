package engine

import (
	"math"

	"github.com/latentgo/latentgo/quant"
	"github.com/viterin/vek/vek32"
)

// logProb returns ln softmax(logits)[id].
func (s *Session) logProb(logits []float32, id int32) float32 {
	s.exps = resized(s.exps, len(logits))
	peak := vek32.Max(logits)
	return float32(float64(logits[id]) - float64(peak) - math.Log(float64(quant.ExpSum(s.exps, logits, peak))))
}
