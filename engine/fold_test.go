package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Folding is a shorter way to the same rows: encoder · (projection · input + bias), for one block of heads and for several.
func TestFoldIsProjectionThenEncoder(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, bias := range []bool{false, true} {
		model := exactTiny("qwen2")
		model.bias, model.heads, model.kv = bias, 8, 4
		m := loadFile(t, model.build().Write(t), Options{MLA: MLAOff})
		l := &m.w.layers[1]
		for _, blocks := range []int{1, 2, 4} {
			heads := l.geo.KVHeads / blocks
			var enc []*mat.Dense
			for range blocks {
				enc = append(enc, normal(r, 7, heads*(l.geo.KeySize+l.geo.ValueSize)))
			}
			got, gotBias := fold(l, enc)
			if (gotBias != nil) != bias {
				t.Fatalf("bias %v: folded to %v", bias, gotBias)
			}
			x := mat.NewVecDense(model.embed, mat.Col(nil, 0, normal(r, model.embed, 1)))
			want := projected(l, x, enc)
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
func projected(l *layer, x *mat.VecDense, enc []*mat.Dense) []float64 {
	var k, v mat.VecDense
	k.MulVec(dense(l.k), x)
	v.MulVec(dense(l.v), x)
	keys, values := k.RawVector().Data, v.RawVector().Data
	for i := range l.kBias {
		keys[i] += float64(l.kBias[i])
		values[i] += float64(l.vBias[i])
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

// The metric of a head's values is what its part of the output projection makes of them, summed over the heads that share it.
func TestOutputMetric(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	l := &m.w.layers[0]
	r := rand.New(rand.NewPCG(23, 24))
	w := dense(l.o)
	for k := range l.geo.KVHeads {
		s := outputMetric(l, k)
		v := mat.NewVecDense(l.geo.ValueSize, mat.Col(nil, 0, normal(r, l.geo.ValueSize, 1)))
		want := 0.0
		for h := range l.geo.Heads {
			if h/l.geo.Group() != k {
				continue
			}
			var y mat.VecDense
			y.MulVec(w.Slice(0, w.RawMatrix().Rows, h*l.geo.ValueSize, (h+1)*l.geo.ValueSize), v)
			want += mat.Dot(&y, &y)
		}
		if got := mat.Inner(v, s, v); got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("head %d: %v, want %v", k, got, want)
		}
	}
}

// Moments of a block are those of its heads only.
func TestBlockMoments(t *testing.T) {
	model := exactTiny("llama")
	model.heads, model.kv = 8, 4
	m := loadFile(t, model.build().Write(t), Options{MLA: MLAOff})
	l, g := &m.w.layers[0], m.w.layers[0].geo
	kv, q := newGram(g.KVHeads*(g.KeySize+g.ValueSize), 0, new(gramScratch)), newGram(g.Heads*g.KeySize, 0, new(gramScratch))
	for i := range kv.aa {
		kv.aa[i] = float32(i)
	}
	for i := range q.aa {
		q.aa[i] = float32(i)
	}
	c := &converter{m: m}
	for b := range 2 {
		s := c.blockMoments(l, kv, q, b, 2)
		if s.KVHeads != 2 || s.Heads != 4 || len(s.Query) != 4 || len(s.Output) != 2 {
			t.Fatalf("block %d: %d query and %d key heads, %d and %d moments", b, s.Heads, s.KVHeads, len(s.Query), len(s.Output))
		}
		n := g.KeySize
		key, value := 3, 2*n+5 // of the block's first head: a key's value 3 and a value's value 5
		wholeKey, wholeValue := 2*b*n+3, 4*n+2*b*g.ValueSize+5
		if got, want := s.KV.At(value, key), float64(kv.row(wholeValue)[wholeKey]); got != want {
			t.Errorf("block %d: E[value·key] is entry %v, want %v", b, got, want)
		}
		at := (4*b + 1) * n // the block's second query head
		if got, want := s.Query[1].At(4, 2), float64(q.row(at + 4)[at+2]); got != want {
			t.Errorf("block %d: E[q·q] is entry %v, want %v", b, got, want)
		}
	}
}
