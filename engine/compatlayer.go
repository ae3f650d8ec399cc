package engine

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// layer adds the tensors of layer i. Matrices are computed when they are written.
func (x *exporter) layer(i int) {
	h, s := x.m.h, x.s
	x.copy(layerTensor(i, "attn_norm.weight"))
	query := x.perHead(x.ld.matrices(layerTensor(i, tensorQuery), x.stack(i, tensorQuery), s.r+s.l, h.keySize))
	value := x.perHead(x.ld.matrices(layerTensor(i, tensorValue), x.stack(i, tensorValue), h.valueSize, s.l))
	enc := x.ld.linear(layerTensor(i, "attn_latent"), s.r+s.l, h.embed, false)
	if x.ld.err != nil {
		return
	}
	w := &x.m.w.layers[i]
	x.add(i, "attn_q.weight", projectionType(w.q), func() []*mat.Dense { return x.queries(w.q, query) }, h.embed, h.heads[0]*(h.keySize+s.r))
	b := x.latentScale(enc, w.attnNorm)
	x.add(i, "attn_kv_a_mqa.weight", ggtype.F32, func() []*mat.Dense { return x.rows(enc, b) }, h.embed, s.l+s.r)
	x.add(i, "attn_kv_a_norm.weight", ggtype.F32, func() []*mat.Dense { return x.norm(b) }, s.l)
	x.add(i, "attn_k_b.weight", ggtype.F16, func() []*mat.Dense { return x.keysOf(query) }, h.keySize, s.l, h.heads[0])
	x.add(i, "attn_v_b.weight", ggtype.F16, func() []*mat.Dense { return denseAll(value) }, s.l, h.valueSize, h.heads[0])
	for _, name := range []string{"attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"} {
		x.copy(layerTensor(i, name+".weight"))
	}
}

// add adds a tensor of layer i that is computed when it is written.
func (x *exporter) add(i int, name string, typ kernel.Type, compute func() []*mat.Dense, shape ...int) {
	name = layerTensor(i, name)
	t := madeTensor(name, typ, nil, shape...)
	x.keep(x.w.AddTensor(name, typ, t.shape, func() ([]byte, error) {
		data, err := encode(typ, compute()...)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		return data, nil
	}))
}

// stack returns how many matrices a tensor of the compressed form holds: one per key/value head or per query head.
func (x *exporter) stack(i int, name string) int {
	t, err := x.ld.tensor(layerTensor(i, name))
	if err == nil && len(t.shape) == 3 && int(t.shape[2]) == x.m.h.heads[i] {
		return x.m.h.heads[i]
	}
	return x.m.h.kvHeads[i]
}

// perHead returns one matrix per query head.
func (x *exporter) perHead(ms []*kernel.Matrix) []*kernel.Matrix {
	heads := x.m.h.heads[0]
	out := make([]*kernel.Matrix, heads)
	for h := range out {
		if len(ms) > 0 {
			out[h] = ms[h*len(ms)/heads]
		}
	}
	return out
}

// projectionType is the type of a projection that takes in new rows: a float type stays, others become Q8_0, which adds
// nothing to their own rounding.
func projectionType(l linear) kernel.Type {
	switch {
	case l.Type == ggtype.F32 || l.Type == ggtype.F16 || l.Type == ggtype.BF16:
		return l.Type
	case l.Cols%32 == 0:
		return ggtype.Q8_0
	}
	return ggtype.F16
}

// queries returns attn_q: per head [without position | rotated].
func (x *exporter) queries(q linear, query []*kernel.Matrix) []*mat.Dense {
	w := dense(q)
	n, r, e := x.m.h.keySize, x.s.r, w.RawMatrix().Cols
	mag := 1.0
	if f := float64(x.m.h.rope.Magnitude); f != 0 {
		mag = f
	}
	out := mat.NewDense(len(query)*(n+r), e, nil)
	for h, m := range query {
		head := w.Slice(h*n, (h+1)*n, 0, e)
		at := h * (n + r)
		out.Slice(at, at+n, 0, e).(*mat.Dense).Copy(head)
		rotated := out.Slice(at+n, at+n+r, 0, e).(*mat.Dense)
		rotated.Mul(dense(linear{m, 1}).Slice(0, r, 0, n), head)
		rotated.Scale(x.scale*mag*mag, rotated)
	}
	return []*mat.Dense{out}
}

// keysOf returns attn_k_b.
func (x *exporter) keysOf(query []*kernel.Matrix) []*mat.Dense {
	out := denseAll(query)
	for i, m := range out {
		out[i] = mat.DenseCopyOf(m.Slice(x.s.r, x.s.r+x.s.l, 0, x.m.h.keySize))
		out[i].Scale(x.scale, out[i])
	}
	return out
}

// denseAll returns the matrices in double precision.
func denseAll(ms []*kernel.Matrix) []*mat.Dense {
	out := make([]*mat.Dense, len(ms))
	for i, m := range ms {
		out[i] = dense(linear{m, 1})
	}
	return out
}

// rows returns attn_kv_a_mqa: latent, scaled by b, then rotated values.
func (x *exporter) rows(enc linear, b float64) []*mat.Dense {
	r, l := x.s.r, x.s.l
	e := dense(enc)
	_, width := e.Dims()
	out := mat.NewDense(r+l, width, nil)
	out.Slice(0, l, 0, width).(*mat.Dense).Scale(b, e.Slice(r, r+l, 0, width))
	out.Slice(l, l+r, 0, width).(*mat.Dense).Copy(e.Slice(0, r, 0, width))
	return []*mat.Dense{out}
}

// norm returns attn_kv_a_norm.
func (x *exporter) norm(b float64) []*mat.Dense {
	out := make([]float64, x.s.l)
	for i := range out {
		out[i] = math.Sqrt(float64(x.m.h.eps)) / b
	}
	return []*mat.Dense{mat.NewDense(1, len(out), out)}
}

// latentError bounds the relative error of latents that the norm may cause: below the rounding of the cache.
const latentError = 1.0 / 4096

// latentScale returns the b with which the norm of latents is linear but for latentError, a power of two. A latent c is
// scaled by (1 + b²·mean(c²)/eps)^(-1/2), and mean(c²) ≤ width·‖E·diag(norm)‖²/L, as the layer's input is a normed vector.
func (x *exporter) latentScale(enc linear, norm []float32) float64 {
	e := dense(enc)
	sum := 0.0
	for i := x.s.r; i < x.s.r+x.s.l; i++ {
		for j, w := range norm {
			v := e.At(i, j) * float64(w)
			sum += v * v
		}
	}
	bound := sum * float64(x.m.h.embed) / float64(x.s.l)
	if !(bound > 0) {
		return 1
	}
	return math.Exp2(math.Floor(math.Log2(2*latentError*float64(x.m.h.eps)/bound) / 2))
}
