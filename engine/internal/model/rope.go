package model

import (
	"cmp"
	"math"

	"github.com/latentgo/latentgo/attn"
)

// RopeOptions says what of an architecture's position embedding its files don't tell.
type RopeOptions struct {
	Halves bool // pairs are (x_i, x_i+n/2); otherwise consecutive values
	Full   bool // the rotated size must be the head size
	// YarnRange says that YaRN's range is read (yarn_beta_fast, yarn_beta_slow), which other architectures leave at 32
	// and 1. BetaFast is what stands for the 32 where a file does not say it; 0 is 32.
	YarnRange bool
	BetaFast  float64
	// YarnLog says that yarn_log_multiplier corrects YaRN's magnitude; MLA has all of that in the scale of its scores.
	YarnLog bool
	MLA     bool
}

// Rope reads the position embedding of heads of size keys, and how positions beyond the trained context are scaled.
func (r *Reader) Rope(s *Spec, size int, o RopeOptions) attn.RopeConfig {
	c := r.PlainRope(s, size, o)
	if r.err == nil {
		r.scaling(s, &c, o)
	}
	return c
}

// PlainRope is Rope without scaling.
func (r *Reader) PlainRope(s *Spec, size int, o RopeOptions) attn.RopeConfig {
	const dims = "rope.dimension_count"
	c := attn.RopeConfig{Halves: o.Halves, Scale: 1, Magnitude: 1, OrigContext: s.Context}
	c.Dims = r.Size(dims, size, 1, MaxWidth)
	c.Base = r.Positive("rope.freq_base", 10000)
	switch {
	case c.Dims%2 != 0 || c.Dims > size:
		r.Fail(dims, "%d is odd or above the head size %d", c.Dims, size)
	case o.Full && c.Dims != size:
		r.Fail(dims, "%d is not the head size %d", c.Dims, size)
	}
	return c
}

// WindowRope is the position embedding of layers with a window where the file's scaling is for the others: of it only
// attn_factor counts, as in llama.cpp.
func (r *Reader) WindowRope(s *Spec, size int, o RopeOptions) attn.RopeConfig {
	c := r.PlainRope(s, size, o)
	c.Magnitude = r.AttnFactor()
	return c
}

// AttnFactor reads what queries and keys are multiplied by.
func (r *Reader) AttnFactor() float32 { return float32(r.Float("rope.scaling.attn_factor", 1)) }

// scaling reads linear and YaRN scaling. A factor of 0 means none, as in llama.cpp.
func (r *Reader) scaling(s *Spec, c *attn.RopeConfig, o RopeOptions) {
	const key = "rope.scaling.factor"
	factor := r.Float(key, r.Float("rope.scale_linear", 0))
	if factor < 0 {
		r.Fail(key, "%v is negative", factor)
		return
	}
	if factor == 0 {
		factor = 1
	}
	c.OrigContext = r.Size("rope.scaling.original_context_length", s.Context, 0, math.MaxInt32)
	if c.OrigContext == 0 {
		c.OrigContext = s.Context
	}
	c.Magnitude = r.AttnFactor()
	switch kind := r.Text("rope.scaling.type", "linear"); kind {
	case "none":
	case "linear", "longrope": // the latter's factors are tensors
		c.Scale = 1 / factor
	case "yarn":
		c.Scale = 1 / factor
		r.yarn(c, factor, o)
	default:
		r.Refuse("rope scaling %q", kind)
	}
}

// keyLogMul is a multiplier of the logarithm in YaRN's magnitude.
const keyLogMul = "rope.scaling.yarn_log_multiplier"

// yarn reads YaRN's range and computes its magnitude, 1 + 0.1·ln(factor).
func (r *Reader) yarn(c *attn.RopeConfig, factor float64, o RopeOptions) {
	c.Yarn, c.BetaFast, c.BetaSlow = true, 32, 1
	if o.YarnRange {
		c.BetaFast = r.Positive("rope.scaling.yarn_beta_fast", cmp.Or(o.BetaFast, 32))
		c.BetaSlow = r.Positive("rope.scaling.yarn_beta_slow", 1)
	}
	magnitude := func(mul float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 1 + 0.1*mul*math.Log(factor)
	}
	m := magnitude(1)
	if o.YarnLog || o.MLA {
		switch mul := r.Float(keyLogMul, 0); {
		case mul == 0:
		case o.MLA && o.YarnLog:
			m /= magnitude(10 * mul) // these files have a tenth of it
		case o.MLA:
			m = 1 // the scale of the scores has it all
		default:
			m /= magnitude(mul)
		}
	}
	c.Magnitude *= float32(m)
}

// Sections reads M-RoPE's sections, of frequencies that rotate by a position each: in images time, height, width and one
// more. Text has the same position for the first three, and 0 for the last: its frequencies don't rotate. interleaved
// says that sections take turns instead of following each other.
func (r *Reader) Sections(c *attn.RopeConfig, interleaved bool) {
	const key = "rope.dimension_sections"
	r.Need(key)
	n, sum := r.sections(), 0
	for _, v := range n {
		sum += v
	}
	if sum == 0 {
		r.Fail(key, "sections of no frequencies")
		return
	}
	factors, still := make([]float32, c.Dims/2), false
	for i := range factors {
		at := i % sum
		rotates := at < n[0]+n[1]+n[2]
		if interleaved {
			rotates = at < 3*n[at%3]
		}
		if factors[i] = 1; !rotates {
			factors[i], still = math.MaxFloat32, true
		}
	}
	if still {
		c.Factors = factors
	}
}

// sections returns the four sizes, 0 for those that the file does not have.
func (r *Reader) sections() (n [4]int) {
	const key = "rope.dimension_sections"
	list, err := r.f.Ints(r.key(key))
	if err != nil || len(list) < 3 {
		r.Fail(key, "want three or four sizes")
		return n
	}
	for i := range min(len(list), len(n)) {
		if list[i] < 0 || list[i] > MaxWidth {
			r.Fail(key, "%d is outside 0 … %d", list[i], MaxWidth)
			return [4]int{}
		}
		n[i] = int(list[i])
	}
	return n
}

// HasSections reports whether a file of an architecture for texts and images has M-RoPE, whose pairs are of halves: the
// first two sections are of some frequencies.
func (r *Reader) HasSections() bool {
	if !r.Has("rope.dimension_sections") {
		return false
	}
	n := r.sections()
	return n[0] > 0 && n[1] > 0
}

// ScoreScale returns 1/√n, the factor of scores of keys of n values.
func ScoreScale(n int) float32 { return float32(1 / math.Sqrt(float64(n))) }
