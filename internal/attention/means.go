package attention

import (
	"fmt"

	"github.com/viterin/vek/vek32"
)

// CarryMeans lets rows hold keys without their means, which are [kept] in the order of BlockRope for each key/value
// head: compressed keys are means + K_g c, and a score gets the query's product with the means, once per block of
// positions. Biases of keys, which may be a thousand times as large as what differs from token to token, then take no
// part in what is rounded. It is called before the window is used.
func (r *RecentWindow) CarryMeans(means [][]float32) error {
	if len(means) != len(r.keys) {
		return fmt.Errorf("means of %d key heads, want %d", len(means), len(r.keys))
	}
	for _, m := range means {
		if len(m) != r.keptSize() {
			return fmt.Errorf("means of %d values of a key, want %d", len(m), r.keptSize())
		}
	}
	r.means = means
	return nil
}

// addMeans adds what rows of n expanded keys of head k leave out.
func (r *RecentWindow) addMeans(dst []float32, ldd, k, n int) {
	if r.means == nil {
		return
	}
	for i := range n {
		vek32.Add_Inplace(dst[i*ldd:][:r.keptSize()], r.means[k])
	}
}

// row returns the place of head h's query for a position.
func (t *projected) row(h, pos int) int { return h*t.blocks + pos/t.block - t.first }

// addConstants adds the queries' products with the means to the scores of heads with n positions from pos on, which lie
// in one block.
func (t *projected) addConstants(dst []float32, ldd, heads, pos, n int) {
	for h := range heads {
		vek32.AddNumber_Inplace(dst[h*ldd:][:n], t.constants[t.row(h, pos)])
	}
}

// baseConstants computes what of the products with the means of keys does not depend on the position.
func (l *Layer) baseConstants(dst []float32, hs headRange, q []float32) {
	r := l.recent
	if r.means == nil {
		return
	}
	clear(dst)
	dims, width := r.rope.rope.Dims(), l.r+r.d
	for h := range hs.len() {
		mean := r.means[(hs.lo+h)/(l.Heads/len(r.keys))]
		dst[h] = dot(q[h*width+l.r+dims:(h+1)*width], mean[dims-2*r.rope.first:])
	}
}

// dot returns the product of x with as many values of y.
func dot(x, y []float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return vek32.Dot(x, y[:len(x)])
}
