package statistics

import (
	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/internal/pool"
)

// centre takes means out of second moments. Keys with large biases have means whose square is a million times what
// differs from token to token: single precision has no room for both in a sum. So the values are shifted by a pivot,
// their mean over the first tokens, before anything is summed up.
type centre struct {
	m      *Moments
	which  []int     // columns to be centred
	keys   int       // columns that may be
	width  int       // columns
	pivot  []float32 // [width], nil before the first tokens
	ones   []float32
	tokens int
}

func newCentre(m *Moments, width, keys int, centred func(i int) bool) *centre {
	c := &centre{m: m, keys: keys, width: width}
	for i := range keys {
		if centred != nil && centred(i) {
			c.which = append(c.which, i)
		}
	}
	return c
}

// shift takes the pivot from n rows of z and returns as many ones. All workers call it; it ends with a barrier.
func (c *centre) shift(w *pool.Worker, z []float32, n int) []float32 {
	w.Barrier() // all rows are written
	if w.ID == 0 {
		c.tokens += n
		for len(c.ones) < n {
			c.ones = append(c.ones, 1)
		}
		if c.pivot == nil {
			c.pivot = pivot(z, n, c.width, c.which)
		}
	}
	w.Barrier()
	lo, hi := w.Share(n)
	for t := lo; t < hi && len(c.which) > 0; t++ {
		vek32.Sub_Inplace(z[t*c.width:][:c.width], c.pivot)
	}
	w.Barrier()
	return c.ones[:n]
}

// pivot returns the means of some columns of n rows, 0 for the others.
func pivot(z []float32, n, width int, which []int) []float32 {
	out := make([]float32, width)
	for t := range n {
		for _, i := range which {
			out[i] += z[t*width+i] / float32(n)
		}
	}
	return out
}

// finish takes what the pivot has left of the means from the moments: E[(a - ā)b] = E[ab] - ā·b̄.
func (c *centre) finish() {
	c.m.Mean = make([]float32, c.keys)
	if len(c.which) == 0 || c.tokens == 0 {
		return
	}
	centred, n := make([]bool, c.width), float32(c.tokens)
	for _, i := range c.which {
		centred[i] = true
		c.m.Mean[i] = c.pivot[i] + c.m.KV.Right(i)[0]/n
	}
	for r := range c.width {
		row := c.m.KV.Row(r)
		for i := range row {
			if centred[r] || centred[i] {
				row[i] -= c.m.KV.Right(r)[0] / n * c.m.KV.Right(i)[0]
			}
		}
	}
}
