package model

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
)

// XIELU is Apertus' activation (arXiv 2411.13010): above 0 Pos·x² + Beta·x, below Neg·(exp(min(x, Eps)) - 1 - x) +
// Beta·x. The zero value stands for none.
type XIELU struct{ Pos, Neg, Beta, Eps float32 }

// apply computes x = act(x); scratch has the length of x.
func (a XIELU) apply(x, scratch []float32) {
	for i, v := range x {
		scratch[i] = min(v, a.Eps, 0)
	}
	kernel.ExpSum(scratch, scratch, 0)
	for i, v := range x {
		if v > 0 {
			x[i] = (a.Pos*v + a.Beta) * v
		} else {
			x[i] = a.Neg*(scratch[i]-1-v) + a.Beta*v
		}
	}
}

// XIELUs reads each layer's activation. Files have what becomes factors by a softplus, below keys without the
// architecture.
func (r *Reader) XIELUs(s *Spec) []XIELU {
	out := make([]XIELU, len(s.Layers))
	read := func(key string) []float32 {
		list, err := r.f.Floats(key)
		if err != nil { // one number for all layers
			var v float64
			v, err = r.f.Float(key)
			for range out {
				list = append(list, float32(v))
			}
		}
		if err == nil && len(list) < len(out) {
			err = fmt.Errorf("%s: key %q: %d values for %d layers: %w", r.f.Name(), key, len(list), len(out), ErrInvalid)
		}
		r.keep(err)
		return append(list, make([]float32, len(out))...)
	}
	neg, pos, beta, eps := read("xielu.alpha_n"), read("xielu.alpha_p"), read("xielu.beta"), read("xielu.eps")
	softplus := func(x float32) float32 {
		return float32(max(x, 0)) + float32(math.Log1p(math.Exp(-math.Abs(float64(x)))))
	}
	for i := range out {
		out[i] = XIELU{Pos: softplus(pos[i]), Neg: beta[i] + softplus(neg[i]), Beta: beta[i], Eps: eps[i]}
	}
	return out
}
