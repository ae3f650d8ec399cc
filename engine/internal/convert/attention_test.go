package convert

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/convert/regression"
	"github.com/latentgo/latentgo/engine/internal/convert/statistics"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Folding is a shorter way to the same rows: encoder · (projection · input + bias), for one block of heads and for
// several.
func TestFoldIsProjectionThenEncoder(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, bias := range []bool{false, true} {
		tiny := gguftest.TinyFloat("qwen2")
		tiny.Bias, tiny.Heads, tiny.KVHeads = bias, 8, 4
		p, _ := converttest.Plain(t, tiny.Build()).Layer(1).Projections()
		for _, blocks := range []int{1, 2, 4} {
			heads := p.KVHeads / blocks
			var enc []*mat.Dense
			for range blocks {
				enc = append(enc, normal(r, 7, heads*(p.KeySize+p.ValueSize)))
			}
			got, gotBias := fold(p, enc)
			if (gotBias != nil) != bias {
				t.Fatalf("bias %v: folded to %v", bias, gotBias)
			}
			x := mat.NewVecDense(tiny.Width, mat.Col(nil, 0, normal(r, tiny.Width, 1)))
			want := projected(p, x, enc)
			row := new(mat.VecDense)
			row.MulVec(got, x)
			for i, w := range want {
				v := row.AtVec(i)
				if bias {
					v += gotBias[i]
				}
				if d := v - w; d > 1e-9 || d < -1e-9 {
					t.Errorf("%d blocks, bias %v: row value %d is %v, want %v", blocks, bias, i, v, w)
				}
			}
		}
	}
}

// projected returns the rows of an input by way of keys and values.
func projected(p model.Projections, x *mat.VecDense, enc []*mat.Dense) []float64 {
	var k, v mat.VecDense
	k.MulVec(tensors.Dense(p.K), x)
	v.MulVec(tensors.Dense(p.V), x)
	keys, values := k.RawVector().Data, v.RawVector().Data
	for i := range p.KBias {
		keys[i] += float64(p.KBias[i])
		values[i] += float64(p.VBias[i])
	}
	var out []float64
	nk, nv := len(keys)/len(enc), len(values)/len(enc)
	for b, e := range enc {
		z := slices.Concat(keys[b*nk:(b+1)*nk], values[b*nv:(b+1)*nv])
		var row mat.VecDense
		row.MulVec(e, mat.NewVecDense(len(z), z))
		out = append(out, row.RawVector().Data...)
	}
	return out
}

// The metric of a head's values is what its part of the output projection makes of them, summed over the heads that
// share it.
func TestOutputMetric(t *testing.T) {
	p, _ := converttest.Plain(t, gguftest.TinyFloat("llama").Build()).Layer(0).Projections()
	r := rand.New(rand.NewPCG(23, 24))
	w := tensors.Dense(p.O)
	for k := range p.KVHeads {
		s := tensors.OutputMetrics(p)[k]
		v := mat.NewVecDense(p.ValueSize, mat.Col(nil, 0, normal(r, p.ValueSize, 1)))
		want := 0.0
		for h := range p.Heads {
			if h/p.Group() != k {
				continue
			}
			var y mat.VecDense
			y.MulVec(w.Slice(0, w.RawMatrix().Rows, h*p.ValueSize, (h+1)*p.ValueSize), v)
			want += mat.Dot(&y, &y)
		}
		if got := mat.Inner(v, s, v); got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("head %d: %v, want %v", k, got, want)
		}
	}
}

// numbered returns equations whose entries all differ.
func numbered(n int) *regression.NormalEquations {
	e := regression.New(n, 0, new(regression.Scratch))
	for r := range n {
		for c := range e.Row(r) {
			e.Row(r)[c] = float32(r*n + c)
		}
	}
	return e
}

// normal returns a matrix of random single-precision values.
func normal(r *rand.Rand, rows, cols int) *mat.Dense {
	m := mat.NewDense(rows, cols, nil)
	for i := range rows {
		for j := range cols {
			m.Set(i, j, float64(float32(r.NormFloat64())))
		}
	}
	return m
}

// Moments of a block are those of its heads only.
func TestBlockMoments(t *testing.T) {
	tiny := gguftest.TinyFloat("llama")
	tiny.Heads, tiny.KVHeads = 8, 4
	g, _ := converttest.Plain(t, tiny.Build()).Layer(0).Projections()
	kv, q := numbered(g.KVHeads*(g.KeySize+g.ValueSize)), numbered(g.Heads*g.KeySize)
	for b := range 2 {
		s := blockMoments(g, &statistics.Moments{KV: kv, Query: q}, tensors.OutputMetrics(g), b, 2)
		if s.KVHeads != 2 || s.Heads != 4 || len(s.Query) != 4 || len(s.Output) != 2 {
			t.Fatalf("block %d: %d query and %d key heads, %d and %d moments", b, s.Heads, s.KVHeads, len(s.Query), len(s.Output))
		}
		n := g.KeySize
		key, value := 3, 2*n+5 // of the block's first head: a key's value 3 and a value's value 5
		wholeKey, wholeValue := 2*b*n+3, 4*n+2*b*g.ValueSize+5
		if got, want := s.KV.At(value, key), float64(kv.Row(wholeValue)[wholeKey]); got != want {
			t.Errorf("block %d: E[value·key] is entry %v, want %v", b, got, want)
		}
		at := (4*b + 1) * n // the block's second query head
		if got, want := s.Query[1].At(4, 2), float64(q.Row(at + 4)[at+2]); got != want {
			t.Errorf("block %d: E[q·q] is entry %v, want %v", b, got, want)
		}
	}
}
