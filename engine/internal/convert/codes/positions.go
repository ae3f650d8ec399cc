package codes

import (
	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
)

// Cached keys are rotated to their positions, and text that calibrates is shorter than the texts that models get. So
// second moments are taken before RoPE, and those behind it are means over positions: half of them near the beginning,
// where most texts are, half up to the model's context.
const (
	positionsEach = 24
	nearPositions = 1024
	farPositions  = 8192
)

// rotations are rotations to some positions.
type rotations struct {
	rope   *attn.Rope
	tables [][]float32 // none where nothing is rotated
}

func positions(rope *attn.Rope, context int) *rotations {
	r := &rotations{rope: rope}
	if rope.Dims() == 0 {
		return r
	}
	for _, end := range []int{min(context, nearPositions), min(context, farPositions)} {
		for i := range positionsEach {
			t := make([]float32, rope.Dims())
			rope.Table(t, i*end/positionsEach)
			r.tables = append(r.tables, t)
		}
	}
	return r
}

// mean returns what second moments of vectors become behind RoPE.
func (r *rotations) mean(s *mat.SymDense) *mat.SymDense {
	if len(r.tables) == 0 {
		return s
	}
	n := s.SymmetricDim()
	sum := make([]float64, n*n)
	rows, cols := make([]float32, n*n), make([]float32, n)
	for _, t := range r.tables {
		for i := range n {
			for j := range n {
				rows[i*n+j] = float32(s.At(i, j))
			}
			r.rope.Rotate(rows[i*n:][:n], t)
		}
		for j := range n {
			for i := range n {
				cols[i] = rows[i*n+j]
			}
			r.rope.Rotate(cols, t)
			for i := range n {
				sum[i*n+j] += float64(cols[i])
			}
		}
	}
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			out.SetSym(i, j, (sum[i*n+j]+sum[j*n+i])/float64(2*len(r.tables)))
		}
	}
	return out
}

// sharedAngle is by how many radians a pair may rotate over the positions that share the mean of keys.
const sharedAngle = 1.2

// slow tells the values of keys that rotate so slowly, or not at all, that their mean is left out of codes: the table of
// rotated means takes a row for attention.MaxMeanStep positions then. The mean of the others counts among what varies. Where
// frequencies depend on the context, varying, it is left out of what does not rotate only.
func slow(rope *attn.Rope, size int, varying bool) func(i int) bool {
	out := make([]bool, size)
	for i := range out {
		out[i] = true
	}
	for j, f := range rope.Freqs() {
		if varying || f*attention.MaxMeanStep > sharedAngle {
			a, b := rope.Pair(j)
			out[a], out[b] = false, false
		}
	}
	return func(i int) bool { return out[i%size] }
}
