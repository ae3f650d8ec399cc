package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// conv is a causal convolution over time, each channel by itself: y_t[c] = b[c] + Σ_k w[k][c] · x_{t-K+1+k}[c].
// It remembers the K-1 newest inputs, [K-1][channels].
type conv struct {
	size, channels int
	weight         []float32 // [size][channels]
	bias           []float32 // or nil
}

// conv loads "<name>.weight" [size, channels], fastest dimension first, and its bias where the file has it or must have
// it.
func (ld *Loader) conv(name string, size, channels int, bias, required bool) *conv {
	c := &conv{size: size, channels: channels}
	w := ld.floats(name+".weight", ld.flat(name+".weight", size, channels)...)
	if bias {
		c.bias = ld.vector(name+".bias", channels, required)
	}
	if ld.err == nil {
		c.weight = make([]float32, len(w))
		kernel.Transpose(c.weight, channels, w, size, channels, size)
	}
	return c
}

// flat returns [size, channels], or [size, 1, channels] where a tensor has that shape.
func (ld *Loader) flat(name string, size, channels int) []int {
	if t, err := ld.tensor(name); err == nil && len(t.Shape) > 2 && t.Shape[1] == 1 {
		return []int{size, 1, channels}
	}
	return []int{size, channels}
}

// stateSize returns the values that the convolution remembers.
func (c *conv) stateSize() int { return (c.size - 1) * c.channels }

// convInput are the inputs of a segment: its rows, stride values apart, and what came before, [size-1][channels].
type convInput struct {
	rows, before []float32
	stride       int
}

// at returns channels from c0 on of token t, which may be one before the segment.
func (c *conv) at(in convInput, t, c0, n int) []float32 {
	if t < 0 {
		return in.before[(t+c.size-1)*c.channels+c0:][:n]
	}
	return in.rows[t*in.stride+c0:][:n]
}

// token writes the outputs of channels c0 … c0+len(dst)-1 at token t of a segment; tmp is as long as dst.
func (c *conv) token(dst, tmp []float32, in convInput, t, c0 int) {
	n := len(dst)
	vek32.Mul_Into(dst, c.weight[c0:][:n], c.at(in, t-c.size+1, c0, n))
	for k := 1; k < c.size; k++ {
		vek32.Mul_Into(tmp, c.weight[k*c.channels+c0:][:n], c.at(in, t-c.size+1+k, c0, n))
		vek32.Add_Inplace(dst, tmp)
	}
	if c.bias != nil {
		vek32.Add_Inplace(dst, c.bias[c0:][:n])
	}
}

// keep writes channels c0 … c1-1 of the newest inputs after n tokens to after, which may be what in has before them.
func (c *conv) keep(after []float32, in convInput, n, c0, c1 int) {
	for k := range c.size - 1 {
		copy(after[k*c.channels+c0:][:c1-c0], c.at(in, n-c.size+1+k, c0, c1-c0))
	}
}

// activated is token followed by SiLU.
func (c *conv) activated(x *mixScratch, dst []float32, in convInput, t, c0 int) {
	c.token(dst, sized(&x.tmp, len(dst)), in, t, c0)
	x.silu(dst, dst)
}
