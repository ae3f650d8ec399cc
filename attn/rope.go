package attn

import (
	"fmt"
	"math"
)

// RopeConfig describes a rotary position embedding (arXiv 2104.09864) and its scaling. Frequency i of n/2 is
// Base^(-2i/n) / Factors[i], then scaled linearly or by YaRN (arXiv 2309.00071).
type RopeConfig struct {
	Dims    int       // n: rotated values per head, even, > 0; values behind them pass through
	Base    float64   // > 0, 10,000 in the original
	Halves  bool      // pairs are (x_i, x_i+n/2) as in GPT-NeoX; otherwise (x_2i, x_2i+1)
	Factors []float32 // per pair, divides the frequency (rope_freqs of Llama 3); nil means ones
	Fixed   bool      // nothing rotates, whatever the position (NoPE): all angles are 0
	Scale   float64   // positions are multiplied by it: 1/factor of linear scaling; 0 means 1

	Yarn        bool    // interpolate low frequencies only, between BetaFast and BetaSlow rotations in OrigContext
	OrigContext int     // trained context before scaling
	BetaFast    float64 // 32 in the paper
	BetaSlow    float64 // 1 in the paper
	Magnitude   float32 // cosine and sine are multiplied by it (attention temperature); 0 means 1
}

// Rope rotates query and key heads by their position. It is immutable and safe for concurrent use.
type Rope struct {
	dims   int
	halves bool
	freqs  []float64 // radians per position, one per pair
	mag    float64
}

// NewRope checks c and computes the frequencies.
func NewRope(c RopeConfig) (*Rope, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := &Rope{dims: c.Dims, halves: c.Halves, freqs: make([]float64, c.Dims/2), mag: 1}
	if c.Magnitude != 0 {
		r.mag = float64(c.Magnitude)
	}
	lo, hi := c.yarnRange()
	for i := range r.freqs {
		f := math.Pow(c.Base, -2*float64(i)/float64(c.Dims))
		if c.Factors != nil {
			f /= float64(c.Factors[i])
		}
		if !c.Fixed {
			r.freqs[i] = c.scaled(f, i, lo, hi)
		}
	}
	return r, nil
}

func (c *RopeConfig) check() error {
	switch {
	case c.Dims <= 0 || c.Dims%2 != 0:
		return fmt.Errorf("rope size %d is not a positive even number", c.Dims)
	case !(c.Base > 0) || math.IsInf(c.Base, 0):
		return fmt.Errorf("rope base %v is not a positive number", c.Base)
	case !(c.Scale >= 0) || math.IsInf(c.Scale, 0):
		return fmt.Errorf("rope scale %v is not a positive number", c.Scale)
	case c.Factors != nil && len(c.Factors) < c.Dims/2:
		return fmt.Errorf("rope factors: %d for %d frequencies", len(c.Factors), c.Dims/2)
	case c.Yarn && (c.OrigContext <= 0 || !(c.BetaFast > 0) || !(c.BetaSlow > 0)):
		return fmt.Errorf("yarn: original context %d, beta fast %v, beta slow %v must be positive", c.OrigContext, c.BetaFast, c.BetaSlow)
	}
	for i, f := range c.Factors {
		if f == 0 || math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return fmt.Errorf("rope factor %d is %v", i, f)
		}
	}
	return nil
}

// yarnRange returns the pair numbers between which YaRN goes from extrapolation to interpolation: those that rotate
// BetaFast and BetaSlow times within the original context.
func (c *RopeConfig) yarnRange() (lo, hi float64) {
	if !c.Yarn {
		return 0, 0
	}
	dim := func(rotations float64) float64 {
		return float64(c.Dims) * math.Log(float64(c.OrigContext)/(rotations*2*math.Pi)) / (2 * math.Log(c.Base))
	}
	return max(0, math.Floor(dim(c.BetaFast))), min(float64(c.Dims-1), math.Ceil(dim(c.BetaSlow)))
}

// scaled applies linear or YaRN scaling to frequency f of pair i.
func (c *RopeConfig) scaled(f float64, i int, lo, hi float64) float64 {
	scale := c.Scale
	if scale == 0 {
		scale = 1
	}
	if !c.Yarn {
		return f * scale
	}
	ramp := 1 - min(1, max(0, (float64(i)-lo)/max(0.001, hi-lo)))
	return f*scale*(1-ramp) + f*ramp
}

// Dims returns the rotated values per head.
func (r *Rope) Dims() int { return r.dims }

// Freqs returns the angle in radians per position of each pair. The slice must not be changed.
func (r *Rope) Freqs() []float64 { return r.freqs }

// Magnitude returns what cosines and sines are multiplied by, 1 unless the configuration says otherwise.
func (r *Rope) Magnitude() float64 { return r.mag }

// Table writes cosine and sine of every pair at a position: dst [Dims] = cos, sin, cos, sin, …
func (r *Rope) Table(dst []float32, pos int) {
	for i, f := range r.freqs {
		s, c := math.Sincos(f * float64(pos))
		dst[2*i], dst[2*i+1] = float32(c*r.mag), float32(s*r.mag)
	}
}

// Rotate rotates one head in place by a Table.
func (r *Rope) Rotate(x, table []float32) {
	if r.halves {
		rotateHalves(x[:r.dims], table)
		return
	}
	table = table[:r.dims]
	x = x[:len(table)]
	for i := 0; i+1 < len(x); i += 2 {
		c, s := table[i], table[i+1]
		a, b := x[i], x[i+1]
		x[i], x[i+1] = a*c-b*s, a*s+b*c
	}
}

func rotateHalves(x, table []float32) {
	lo, hi := x[:len(x)/2], x[len(x)/2:]
	for i, a := range lo {
		c, s := table[2*i], table[2*i+1]
		b := hi[i]
		lo[i], hi[i] = a*c-b*s, a*s+b*c
	}
}

// Unrotate undoes Rotate with the same table, up to rounding.
func (r *Rope) Unrotate(x, table []float32) {
	f := float32(1 / (r.mag * r.mag))
	for i := range r.freqs {
		a, b := r.Pair(i)
		c, s := f*table[2*i], f*table[2*i+1]
		x[a], x[b] = x[a]*c+x[b]*s, x[b]*c-x[a]*s
	}
}

// Pair returns which two values of a head pair i rotates.
func (r *Rope) Pair(i int) (a, b int) {
	if r.halves {
		return i, i + r.dims/2
	}
	return 2 * i, 2*i + 1
}
