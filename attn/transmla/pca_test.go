package transmla

import (
	"math"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"gonum.org/v1/gonum/mat"
)

// The balance makes keys and values weigh the same, times what the options say, and is 1 where one of them is missing.
func TestBalance(t *testing.T) {
	kv := mat.NewSymDense(2, []float64{4, 0, 0, 9}) // a key of energy 4, a value of energy 9
	joint := mat.NewDense(2, 2, []float64{1, 0, 0, 2})
	for _, balance := range []float64{1, 0.5, 3} {
		c := &compressor{m: &Moments{KV: kv}, o: CompressOptions{KeyWeight: balance}, n: 2}
		if got, want := c.keyWeight(joint, 1), balance*math.Sqrt(36.0/4); math.Abs(got-want) > 1e-12 {
			t.Errorf("balance %v: factor %v, want %v", balance, got, want)
		}
		if got := c.keyWeight(joint, 0); got != 1 {
			t.Errorf("no keys: factor %v", got)
		}
		if got := c.keyWeight(mat.NewDense(2, 2, []float64{0, 0, 0, 2}), 1); got != 1 {
			t.Errorf("keys without energy: factor %v", got)
		}
	}
}

// More weight on keys makes scores better and values worse.
func TestBalanceTradesKeysForValues(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 6, KVHeads: 3, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 200)
	errorsAt := func(balance float64) (scores, values float64) {
		c := s.compress(t, CompressOptions{L: 16, Context: 1, KeyWeight: balance})
		for pos := range 40 {
			for h := range s.Heads {
				want, _ := s.plain(pos, h, never)
				got, _ := s.latent(c, pos, h)
				scores += (got[pos] - want[pos]) * (got[pos] - want[pos])
			}
			for g, v := range c.Value {
				var row, back mat.VecDense
				row.MulVec(c.Encode, mat.NewVecDense(len(s.z[pos]), append([]float64(nil), s.z[pos]...)))
				back.MulVec(v, &row)
				for i := range s.ValueSize {
					d := back.AtVec(i) - s.z[pos][s.KVHeads*s.KeySize+g*s.ValueSize+i]
					values += d * d
				}
			}
		}
		return scores, values
	}
	s1, v1 := errorsAt(0.2)
	s2, v2 := errorsAt(5)
	if !(s2 < s1) || !(v1 < v2) {
		t.Errorf("weights 0.2 and 5 on keys: errors of scores %.3g, %.3g, of values %.3g, %.3g", s1, s2, v1, v2)
	}
}

// The latent is the best of its size: in the metric in which it was found no other projection of that rank does better.
func TestLatentIsTheBestOfItsRank(t *testing.T) {
	s := newTestLayer(t, attn.Geometry{Heads: 2, KVHeads: 1, KeySize: 8, ValueSize: 8}, attn.RopeConfig{Dims: 8, Base: 100}, 100)
	c := compressorOf(t, s, CompressOptions{R: 8, L: 4, Context: 64})
	c.choose()
	joint := mat.NewDense(8, c.n, nil)
	if _, err := c.weighValues(joint, 0); err != nil {
		t.Fatal(err)
	}
	m := moment(joint, s.moments.KV)
	basis, values, err := principal(m, 4)
	if err != nil {
		t.Fatal(err)
	}
	kept := mat.Trace(moment(mat.DenseCopyOf(basis.T()), m))
	want := values[0] + values[1] + values[2] + values[3]
	if math.Abs(kept-want) > 1e-9*want {
		t.Errorf("basis keeps %v, the largest eigenvalues are worth %v", kept, want)
	}
	axes := 0.0 // the four best of the model's own dimensions
	for i := range 4 {
		axes += m.At(i, i)
	}
	if !(kept >= axes) {
		t.Errorf("the basis keeps %v, four plain dimensions %v", kept, axes)
	}
}
