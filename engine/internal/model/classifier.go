package model

import (
	"fmt"
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Classifier says that a model may have a head that scores a text, as rerankers do: a dense layer (cls), a norm behind
// it (cls.norm) and an output (cls.output), each where the file has it.
type Classifier struct {
	Pooling Pooling // the row that the head gets: PoolMean, PoolFirst or PoolLast
	GELU    bool    // the activation behind the dense layer, tanh otherwise
	Softmax bool    // the numbers of the classes become probabilities
}

// classifier is the head with its weights.
type classifier struct {
	spec       Classifier
	dense, out *headMatrix // or nil
	norm       *normWeights
}

// headMatrix is a matrix [rows, cols] of floats with a bias, or nil.
type headMatrix struct {
	rows, cols int
	w, bias    []float32
}

// classifier loads what the file has of the head.
func (ld *Loader) classifier(s Classifier) *classifier {
	c := &classifier{spec: s, dense: ld.headMatrix("cls", ld.spec.Width)}
	width := ld.spec.Width
	if c.dense != nil {
		width = c.dense.rows
	}
	if ld.has("cls.norm.weight") {
		c.norm = ld.norm("cls.norm", width)
	}
	c.out = ld.headMatrix("cls.output", width)
	return c
}

// headMatrix loads "<name>.weight" with as many rows as it has, and its bias where the file has one; nil without a
// weight.
func (ld *Loader) headMatrix(name string, cols int) *headMatrix {
	if !ld.has(name + ".weight") {
		ld.has(name + ".bias")
		return nil
	}
	t, err := ld.tensor(name + ".weight")
	if err != nil || ld.err != nil {
		return nil
	}
	n := t.Elements()
	if n == 0 || n%uint64(cols) != 0 || n > MaxWidth*uint64(cols) || t.Shape[0] != uint64(cols) {
		ld.fail(t, fmt.Errorf("shape %v is not [%d, classes]: %w", t.Shape, cols, ErrInvalid))
		return nil
	}
	m := &headMatrix{rows: int(n) / cols, cols: cols}
	b, err := t.Bytes()
	if err == nil {
		m.w = make([]float32, n)
		err = kernel.Dequantize(m.w, t.Type, b)
	}
	ld.fail(t, err)
	m.bias = ld.vector(name+".bias", m.rows, false)
	return m
}

// mul returns m·x + bias.
func (m *headMatrix) mul(x []float32) []float32 {
	out := make([]float32, m.rows)
	for r := range out {
		out[r] = dot(m.w[r*m.cols:][:m.cols], x)
	}
	addBias(out, m.bias, 0, 1)
	return out
}

// Classified returns which row the classification head gets: PoolMean, PoolFirst or PoolLast. The error wraps
// ErrUnsupported for a model without a head.
func (m *Model) Classified() (Pooling, error) {
	if c := m.head; c != nil && (c.dense != nil || c.out != nil) {
		return c.spec.Pooling, nil
	}
	return PoolNone, fmt.Errorf("%s: no classification head (tensors cls and cls.output): %w", m.file.Name(), ErrUnsupported)
}

// Classify returns what the head makes of that row, which may change: one number for a reranker, else one per class.
func (m *Model) Classify(x []float32) []float32 {
	c := m.head
	if c.dense != nil {
		x = c.dense.mul(x)
		if c.spec.GELU {
			GELU.apply(x, make([]float32, len(x)))
		} else {
			for i, v := range x {
				x[i] = float32(math.Tanh(float64(v)))
			}
		}
		if c.norm != nil {
			c.norm.apply(x, x)
		}
	}
	if c.out != nil {
		x = c.out.mul(x)
	}
	if c.spec.Softmax {
		sum := logprob.LogSum(make([]float32, len(x)), x)
		for i, v := range x {
			x[i] = float32(math.Exp(float64(v) - sum))
		}
	}
	return x
}
