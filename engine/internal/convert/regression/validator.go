package regression

// Validator weighs candidates for X in rows, [b, a], on normal equations of text that they were not fitted to.
type Validator struct {
	e       *NormalEquations
	metric  *symmetric // AᵀA
	product []float32  // [b, a]
	each    Parallel
}

// NewValidator takes equations that don't change any more.
func NewValidator(e *NormalEquations, each Parallel) *Validator {
	return &Validator{e, e.symmetric(each), make([]float32, e.a*e.b), each}
}

// sum adds up what fn makes of AᵀB and the place that it has in an X.
func (v *Validator) sum(fn func(i int, b float32) float64) float64 {
	part := make([]float64, pieces(v.e.b))
	v.each.Rows(v.e.b, func(no, lo, hi int) {
		sum := 0.0
		v.e.eachRight(lo, hi, func(i int, b float32) { sum += fn(i, b) })
		part[no] = sum
	})
	sum := 0.0
	for _, p := range part {
		sum += p
	}
	return sum
}

// Loss returns how much larger ‖A X − B‖² is than ‖B‖².
func (v *Validator) Loss(x []float32) float64 {
	v.metric.times(v.product, x, v.each)
	return v.sum(func(i int, b float32) float64 { return float64(x[i]) * (float64(v.product[i]) - 2*float64(b)) })
}

// Shrink moves x back towards x0, as far as is best: x0 + α(x − x0), 0 ≤ α ≤ 1. It returns the loss of x0.
func (v *Validator) Shrink(x, x0 []float32) (old float64) {
	old = v.Loss(x0)
	slope := v.sum(func(i int, b float32) float64 { // minus half the loss's at x0
		x[i] -= x0[i]
		return float64(x[i]) * (float64(b) - float64(v.product[i]))
	})
	v.metric.times(v.product, x, v.each)
	curvature := v.sum(func(i int, _ float32) float64 { return float64(x[i]) * float64(v.product[i]) })
	alpha := float32(0)
	if curvature > 0 {
		alpha = float32(min(max(slope/curvature, 0), 1))
	}
	for i, d := range x {
		x[i] = x0[i] + alpha*d
	}
	return old
}

// Split divides what a regression is told: one window in validateEvery is not fitted to but validates, when there are
// so many.
type Split struct {
	Train, Validate *NormalEquations // Validate is nil for few windows
	window          int              // number of the current one, from 1
}

// validateEvery is how many windows there are for each that validates.
const validateEvery = 6

// NewSplit makes room for what n windows say of a regression on a values of b.
func NewSplit(n, a, b int, s *Scratch) *Split {
	t := &Split{Train: New(a, b, s)}
	if n >= validateEvery {
		t.Validate = New(a, b, s)
	}
	return t
}

// For returns the equations for a piece of a window; first says that it is the window's first. All pieces of a window
// get the same.
func (s *Split) For(first bool) *NormalEquations {
	if first {
		s.window++
	}
	if s.Validate != nil && s.window%validateEvery == 0 {
		return s.Validate
	}
	return s.Train
}
