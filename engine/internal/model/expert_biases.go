package model

import "github.com/latentgo/latentgo/internal/kernel"

// expertBiases are those of a mixture's router [experts] and of its matrices [experts, rows]; nil where it has none.
type expertBiases struct{ router, gate, up, down []float32 }

// expertBiases loads the biases of n experts of width ff; all must be there.
func (ld *Loader) expertBiases(name func(string) string, n, ff, width int) expertBiases {
	return expertBiases{
		router: ld.vector(name("ffn_gate_inp.bias"), n, true),
		gate:   ld.vectors(name("ffn_gate_exps.bias"), n, ff),
		up:     ld.vectors(name("ffn_up_exps.bias"), n, ff),
		down:   ld.vectors(name("ffn_down_exps.bias"), n, width),
	}
}

// vectors loads count times n weights as float32.
func (ld *Loader) vectors(name string, count, n int) []float32 {
	t, b := ld.find(name, n, count)
	if ld.err != nil {
		return nil
	}
	v := make([]float32, count*n)
	ld.fail(t, kernel.Dequantize(v, t.Type, b))
	return v
}
