package llamacpp

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/engine/internal/model"
)

// Pairs returns which RoPE pairs r rotated values have: the highest frequencies. A window without them cannot tell
// neighbouring tokens apart, and a wider stride leaves them out: of the energy of SmolLM2's scores that is lost without
// RoPE, 24 pairs from the top give back 90 %, the same number with gaps, or closer together than the model's, at most
// 75 %.
func Pairs(r int) []int {
	pairs := make([]int, r/2)
	for i := range pairs {
		pairs[i] = i
	}
	return pairs
}

// MaxRotated returns how many rotated values a row gets at most when nobody names a number: pairs that turn by less
// than a radian within 1,024 tokens are as good in the latent, which values can use, too.
func MaxRotated(rope attn.RopeConfig) int {
	n := 2
	for n < rope.Dims && rope.Scale*math.Pow(rope.Base, -float64(n)/float64(rope.Dims))*1024 >= 1 {
		n += 2
	}
	return n
}

// progression finds base and factor of the rotated pairs' frequencies, θ_j = base^(-2j/R)/factor, and the queries'
// scale.
func (x *exporter) progression() error {
	var first []int32
	stride := 1
	for i := range x.spec.Layers {
		pairs, err := x.set.Ints(model.LayerName(i, model.TensorPairs))
		if err != nil {
			return err
		}
		if i == 0 {
			if first = pairs; len(first) > 1 {
				stride = int(first[1] - first[0])
			}
		}
		for j, p := range pairs {
			if stride < 1 || int(p) != int(first[0])+j*stride {
				return fmt.Errorf("%s: layer %d: rotated pair %d has RoPE pair %d: not a progression that all layers share: %w",
					x.set.File.Name(), i, j, p, model.ErrUnsupported)
			}
		}
	}
	rope := x.spec.Ropes[0]
	dims := float64(rope.Dims)
	x.base = math.Pow(rope.Base, float64(x.shape.R*stride)/dims)
	x.factor = math.Pow(rope.Base, 2*float64(first[0])/dims)
	if rope.Scale != 0 {
		x.factor /= rope.Scale
	}
	mag := 1 + 0.1*math.Log(x.factor)
	x.scale = float64(x.attn.Scale) * math.Sqrt(float64(x.attn.KeySize+x.shape.R)) / (mag * mag)
	return nil
}
