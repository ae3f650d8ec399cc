// Package tensors reads the matrices that a conversion works on, from a file or from what has been made so far, and
// encodes those that it makes.
package tensors

import (
	"encoding/binary"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/hugepage"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Map holds tensors that a conversion made, by name.
type Map map[string]*model.Tensor

// Add adds a tensor; dims are fastest first.
func (m Map) Add(name string, typ kernel.Type, data []byte, dims ...int) {
	m[name] = model.NewTensor(name, typ, data, dims...)
}

// Set is a file's tensors, replaced and added to by those of a Map.
type Set struct {
	File *gguf.File
	Made Map
}

// Find returns a tensor.
func (s Set) Find(name string) (*model.Tensor, error) {
	if t, ok := s.Made[name]; ok {
		return t, nil
	}
	t, err := s.File.Tensor(name)
	if err != nil {
		return nil, err
	}
	return model.FileTensor(t), nil
}

// Matrices reads a tensor [cols, rows] or [cols, rows, n], fastest dimension first, as n matrices.
func (s Set) Matrices(name string) ([]*kernel.Matrix, error) {
	t, err := s.Find(name)
	if err != nil {
		return nil, err
	}
	dims := append(slices.Clone(t.Shape), 1, 1)
	cols, rows, n := int(dims[0]), int(dims[1]), int(dims[2])
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	out := make([]*kernel.Matrix, n)
	size := len(b) / n
	for i := range out {
		if out[i], err = kernel.NewMatrix(t.Type, rows, cols, b[i*size:(i+1)*size]); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return out, nil
}

// Ints reads a tensor of 32-bit integers.
func (s Set) Ints(name string) ([]int32, error) {
	t, err := s.Find(name)
	if err != nil {
		return nil, err
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	if t.Type != ggtype.I32 {
		return nil, fmt.Errorf("tensor %q: type %v, want I32: %w", name, t.Type, model.ErrInvalid)
	}
	out := make([]int32, len(b)/4)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

// Dense returns a matrix in double precision, [rows, cols].
func Dense(l model.Linear) *mat.Dense {
	d := mat.NewDense(l.Rows, l.Cols, nil)
	row := make([]float32, l.Cols)
	for r := range l.Rows {
		l.Row(row, r)
		for j, v := range row {
			d.Set(r, j, float64(v*l.Scale))
		}
	}
	return d
}

// DenseAll is Dense for several without a scale.
func DenseAll(ms []*kernel.Matrix) []*mat.Dense {
	out := make([]*mat.Dense, len(ms))
	for i, m := range ms {
		out[i] = Dense(model.Linear{Matrix: m, Scale: 1})
	}
	return out
}

// Encode writes matrices one after the other as type t.
func Encode(t kernel.Type, ms ...*mat.Dense) ([]byte, error) {
	var out []byte
	for _, m := range ms {
		rows, cols := m.Dims()
		x := make([]float32, rows*cols)
		for i := range rows {
			for j := range cols {
				x[i*cols+j] = float32(m.At(i, j))
			}
		}
		data, err := EncodeFloats(t, x, cols)
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return out, nil
}

// EncodeFloats writes rows of cols values as type t.
func EncodeFloats(t kernel.Type, x []float32, cols int) ([]byte, error) {
	b := hugepage.Make[byte](t.RowBytes(cols) * (len(x) / cols))
	return b, kernel.Quantize(b, t, x)
}

// EncoderType returns the type of what makes rows of n inputs, in a model whose projections have type t: it costs
// nothing beside theirs.
func EncoderType(t kernel.Type, n int) kernel.Type {
	if n%32 != 0 || t == ggtype.F32 || t == ggtype.F16 || t == ggtype.BF16 {
		return ggtype.F16
	}
	return ggtype.Q8_0
}

// Writable returns the type itself, or for types without an encoder the smallest one that loses no more.
func Writable(t kernel.Type) kernel.Type {
	switch t {
	case ggtype.F32, ggtype.F16, ggtype.BF16, ggtype.Q4_0, ggtype.Q4_1, ggtype.Q5_0, ggtype.Q5_1, ggtype.Q8_0:
		return t
	case ggtype.Q5_K:
		return ggtype.Q5_1
	case ggtype.Q6_K, ggtype.Q8_K:
		return ggtype.Q8_0
	}
	return ggtype.Q4_1
}

// OutputMetrics returns Σ W_Oᵀ W_O over the query heads that share each key/value head: what errors of its values cost.
// A norm before W_O counts by its weights, not by what it divides by, which is the same for all heads.
func OutputMetrics(p model.Projections) []*mat.SymDense {
	v := p.ValueSize
	w := Dense(p.O)
	rows, _ := w.Dims()
	if p.Sub != nil {
		w.Apply(func(_, j int, x float64) float64 { return x * float64(p.Sub[j]) }, w)
	}
	out := make([]*mat.SymDense, p.KVHeads)
	for k := range out {
		out[k] = mat.NewSymDense(v, nil)
		for h := k * p.Group(); h < (k+1)*p.Group(); h++ {
			var t mat.SymDense
			t.SymOuterK(1, w.Slice(0, rows, h*v, (h+1)*v).T())
			out[k].AddSym(out[k], &t)
		}
	}
	return out
}

// LatentMetric returns Σ (W_O V)ᵀ W_O V over the query heads: what errors of latents cost as those of values.
func LatentMetric(p model.RowProjections) *mat.SymDense {
	w := Dense(p.O)
	rows, cols := w.Dims()
	v := cols / p.Heads
	out := mat.NewSymDense(p.ValueSize, nil)
	for h, up := range DenseAll(p.Value) {
		var through mat.Dense
		through.Mul(w.Slice(0, rows, h*v, (h+1)*v), up)
		var t mat.SymDense
		t.SymOuterK(1, through.T())
		out.AddSym(out, &t)
	}
	return out
}
