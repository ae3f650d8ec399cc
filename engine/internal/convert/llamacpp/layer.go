package llamacpp

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// layer adds the tensors of layer i. Matrices are computed when they are written.
func (x *exporter) layer(i int) {
	a, s, width := x.attn, x.shape, x.spec.Width
	x.copy(model.LayerName(i, "attn_norm.weight"))
	query, value := x.stack(i, model.TensorQuery, a.Heads), x.stack(i, model.TensorValue, a.Heads)
	enc := x.stack(i, model.TensorEncode, 1)
	if x.err != nil {
		return
	}
	p, _ := x.m.Layer(i).Projections()
	b, heads := x.latentScale(enc[0], p.Norm), a.Heads*(a.KeySize+s.R)
	x.add(i, "attn_q.weight", projectionType(p.Q), func() []*mat.Dense { return x.queries(p.Q, query) }, width, heads)
	x.add(i, "attn_kv_a_mqa.weight", ggtype.F32, func() []*mat.Dense { return x.rows(enc[0], b) }, width, s.L+s.R)
	x.add(i, "attn_kv_a_norm.weight", ggtype.F32, func() []*mat.Dense { return x.norm(b) }, s.L)
	x.add(i, "attn_k_b.weight", ggtype.F16, func() []*mat.Dense { return x.keysOf(query) }, a.KeySize, s.L, a.Heads)
	x.add(i, "attn_v_b.weight", ggtype.F16, func() []*mat.Dense { return tensors.DenseAll(value) }, s.L, a.ValueSize, a.Heads)
	for _, name := range []string{"attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"} {
		x.copy(model.LayerName(i, name+".weight"))
	}
}

// stack returns n matrices of a tensor of the compressed form; when it has fewer, heads share them.
func (x *exporter) stack(i int, name string, n int) []*kernel.Matrix {
	ms, err := x.set.Matrices(model.LayerName(i, name))
	if x.keep(err); x.err != nil {
		return nil
	}
	out := make([]*kernel.Matrix, n)
	for h := range out {
		out[h] = ms[h*len(ms)/n]
	}
	return out
}

// projectionType is the type of a projection that takes in new rows: a float type stays, others become Q8_0, which adds
// nothing to their own rounding.
func projectionType(l model.Linear) kernel.Type {
	switch {
	case l.Type == ggtype.F32 || l.Type == ggtype.F16 || l.Type == ggtype.BF16:
		return l.Type
	case l.Cols%32 == 0:
		return ggtype.Q8_0
	}
	return ggtype.F16
}

// queries returns attn_q: per head [without position | rotated].
func (x *exporter) queries(q model.Linear, query []*kernel.Matrix) []*mat.Dense {
	w := tensors.Dense(q)
	n, r, e := x.attn.KeySize, x.shape.R, w.RawMatrix().Cols
	mag := 1.0
	if f := float64(x.spec.Ropes[0].Magnitude); f != 0 {
		mag = f
	}
	out := mat.NewDense(len(query)*(n+r), e, nil)
	for h, m := range tensors.DenseAll(query) {
		head := w.Slice(h*n, (h+1)*n, 0, e)
		at := h * (n + r)
		out.Slice(at, at+n, 0, e).(*mat.Dense).Copy(head)
		rotated := out.Slice(at+n, at+n+r, 0, e).(*mat.Dense)
		rotated.Mul(m.Slice(0, r, 0, n), head)
		rotated.Scale(x.scale*mag*mag, rotated)
	}
	return []*mat.Dense{out}
}

// keysOf returns attn_k_b.
func (x *exporter) keysOf(query []*kernel.Matrix) []*mat.Dense {
	out := tensors.DenseAll(query)
	for i, m := range out {
		out[i] = mat.DenseCopyOf(m.Slice(x.shape.R, x.shape.R+x.shape.L, 0, x.attn.KeySize))
		out[i].Scale(x.scale, out[i])
	}
	return out
}

// rows returns attn_kv_a_mqa: latent, scaled by b, then rotated values.
func (x *exporter) rows(enc *kernel.Matrix, b float64) []*mat.Dense {
	r, l := x.shape.R, x.shape.L
	e := dense(enc)
	_, width := e.Dims()
	out := mat.NewDense(r+l, width, nil)
	out.Slice(0, l, 0, width).(*mat.Dense).Scale(b, e.Slice(r, r+l, 0, width))
	out.Slice(l, l+r, 0, width).(*mat.Dense).Copy(e.Slice(0, r, 0, width))
	return []*mat.Dense{out}
}

func dense(m *kernel.Matrix) *mat.Dense { return tensors.Dense(model.Linear{Matrix: m, Scale: 1}) }

// norm returns attn_kv_a_norm.
func (x *exporter) norm(b float64) []*mat.Dense {
	out := make([]float64, x.shape.L)
	for i := range out {
		out[i] = math.Sqrt(float64(x.spec.Eps)) / b
	}
	return []*mat.Dense{mat.NewDense(1, len(out), out)}
}

// latentError bounds the relative error of latents that the norm may cause: below the rounding of the cache.
const latentError = 1.0 / 4096

// latentScale returns the b with which the norm of latents is linear but for latentError, a power of two. A latent c is
// scaled by (1 + b²·mean(c²)/eps)^(-1/2), and mean(c²) ≤ width·‖E·diag(norm)‖²/L, as the layer's input is a normed
// vector.
func (x *exporter) latentScale(enc *kernel.Matrix, norm []float32) float64 {
	e := dense(enc)
	sum := 0.0
	for i := x.shape.R; i < x.shape.Row(); i++ {
		for j, w := range norm {
			v := e.At(i, j) * float64(w)
			sum += v * v
		}
	}
	bound := sum * float64(x.spec.Width) / float64(x.shape.L)
	if !(bound > 0) {
		return 1
	}
	return math.Exp2(math.Floor(math.Log2(2*latentError*float64(x.spec.Eps)/bound) / 2))
}
