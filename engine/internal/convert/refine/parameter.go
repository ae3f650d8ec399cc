package refine

import (
	"math"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Steps are Muon's (kellerjordan.github.io/posts/muon; arXiv 2502.16982): with G a matrix's gradient and M = momentum·M
// + G,
//
//	W -= rate · the orthogonal matrix next to G + momentum·M
//
// All directions of a matrix move by the same amount, not only those in which the gradient is large. There are few
// steps: that matters.
const momentum = 0.9

// parameter is a tensor that is refined, a row of matrices.
type parameter struct {
	w        []float32
	grad     []float32      // shared with the same tensor of other layers, zero between steps
	momentum activation.F16 // rows of all matrices
	rms      float32        // of w at the start
	parts    []part
}

// part is a matrix of a parameter: where it begins, rows and columns.
type part struct{ at, rows, cols int }

// newParameter returns the parameter w; its matrices have cols columns, and one after the other so many rows, again and
// again.
func newParameter(w, grad []float32, cols int, rows ...int) *parameter {
	p := &parameter{
		w: w, grad: grad[:len(w)], momentum: activation.NewF16(len(w)/cols, cols),
		rms: float32(math.Sqrt(float64(kernel.SumSquares(w)) / float64(len(w)))),
	}
	for at, i := 0, 0; at < len(w); i++ {
		n := rows[i%len(rows)]
		if n > 0 {
			p.parts = append(p.parts, part{at, n, cols})
		}
		at += n * cols
	}
	return p
}

// step moves one part of the parameter. Its gradient becomes zero.
func (p *parameter) step(x part, rate float64, s *scratch) {
	n := x.rows * x.cols
	w, g, kept := p.w[x.at:][:n], p.grad[x.at:][:n], p.momentum.Rows(x.at/x.cols, x.rows)
	s.momentum = resized(s.momentum, n)
	m := s.momentum
	kept.Load(m, 0, x.rows)
	vek32.MulNumber_Inplace(m, momentum)
	vek32.Add_Inplace(m, g)
	for i, v := range m {
		g[i] += momentum * v
	}
	kept.Save(m, 0, x.rows)
	// Entries of an orthogonal matrix have the mean square 1/max(rows, cols).
	f := float32(rate) * p.rms * float32(math.Sqrt(float64(max(x.rows, x.cols))))
	for i, v := range s.orthogonal(g, x.rows, x.cols) {
		w[i] -= f * v
	}
	clear(g)
}

// orthogonal returns about the orthogonal matrix next to x [rows, cols]: its singular values become 0.7 to 1.2, by
// Newton and Schulz's iteration with Muon's coefficients
//
//	X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X
func (s *scratch) orthogonal(x []float32, rows, cols int) []float32 {
	const a, b, c = 3.4445, -4.7750, 2.0315
	tall := rows > cols
	if tall {
		x = transposed(&s.transposed, x, rows, cols, cols)
		rows, cols = cols, rows
	}
	s.x, s.next = resized(s.x, rows*cols), resized(s.next, rows*cols)
	s.square, s.fourth = resized(s.square, rows*rows), resized(s.fourth, rows*rows)
	vek32.MulNumber_Into(s.x, x, 1/(float32(math.Sqrt(float64(kernel.SumSquares(x))))+1e-20))
	for range 5 {
		clear(s.square)
		kernel.WeightedSumF32(s.square, rows, s.x, cols, rows, transposed(&s.weights, s.x, rows, cols, cols), rows, cols, rows)
		clear(s.fourth)
		kernel.WeightedSumF32(s.fourth, rows, s.square, rows, rows, s.square, rows, rows, rows)
		for i, v := range s.square {
			s.fourth[i] = b*v + c*s.fourth[i]
		}
		vek32.MulNumber_Into(s.next, s.x, a)
		kernel.WeightedSumF32(s.next, cols, s.fourth, rows, rows, s.x, cols, rows, cols)
		s.x, s.next = s.next, s.x
	}
	if tall {
		return transposed(&s.transposed, s.x, rows, cols, cols)
	}
	return s.x
}
