package model

import (
	"fmt"
	"strings"
	"sync"

	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// lowRank is what adapters add to the products of a matrix: Σ s · B · (A · x). A·x is computed once for a batch, by
// whichever worker needs it first, and kept until there is another one.
type lowRank struct {
	factors []factors

	mu     sync.Mutex
	act    *kernel.Act // of which the products are
	number uint64      // of its batch
	inner  [][]float32 // [factors][rows of the batch, rank]
}

// factors are the two matrices of an adapter.
type factors struct {
	rank int
	a    *kernel.Matrix // [rank, cols] in F32
	b    []float32      // [rows, rank], multiplied by the scale
}

// add adds rows r0 … r1-1 of the products with a to dst.
func (l *lowRank) add(dst []float32, ld int, a *kernel.Act, r0, r1 int) {
	inner := l.products(a)
	for i, f := range l.factors {
		for t := range a.N {
			x, out := inner[i][t*f.rank:][:f.rank], dst[t*ld:]
			for r := r0; r < r1; r++ {
				sum := float32(0)
				for k, b := range f.b[r*f.rank:][:f.rank] {
					sum += b * x[k]
				}
				out[r] += sum
			}
		}
	}
}

// products returns A·x of all factors. The slices do not change any more.
func (l *lowRank) products(a *kernel.Act) [][]float32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.act == a && l.number == a.Number() {
		return l.inner
	}
	inner := make([][]float32, len(l.factors))
	for i, f := range l.factors {
		inner[i] = make([]float32, a.N*f.rank)
		f.a.Mul(inner[i], f.rank, a, 0, f.rank)
	}
	l.act, l.number, l.inner = a, a.Number(), inner
	return inner
}

// pick returns what adapters add to a matrix of n of the rows: row i is row from(i).
func (l *lowRank) pick(n int, from func(i int) int) *lowRank {
	if l == nil {
		return nil
	}
	out := &lowRank{}
	for _, f := range l.factors {
		b := make([]float32, 0, n*f.rank)
		for i := range n {
			b = append(b, f.b[from(i)*f.rank:][:f.rank]...)
		}
		out.factors = append(out.factors, factors{f.rank, f.a, b})
	}
	return out
}

// span is the rows from r on.
func (l *lowRank) span(r, n int) *lowRank { return l.pick(n, func(i int) int { return r + i }) }

// adapted returns what the adapters add to n matrices of a tensor, nil for each where they add nothing.
func (ld *Loader) adapted(tensor string, n, rows, cols int) []*lowRank {
	out := make([]*lowRank, n)
	for _, a := range ld.adapters {
		for _, p := range a.Pairs {
			if p.Tensor != tensor || ld.err != nil {
				continue
			}
			if err := p.Fits(n, rows, cols); err != nil {
				ld.err = fmt.Errorf("%s: %w", a.Name, err)
				return out
			}
			ld.changed[p] = true
			for i := range out {
				if out[i] == nil {
					out[i] = &lowRank{}
				}
				out[i].factors = append(out[i].factors, newFactors(p, i, a.Scale*p.Scale))
			}
		}
	}
	return out
}

// newFactors copies matrix number i of a pair.
func newFactors(p *lora.Pair, i int, scale float32) factors {
	data := make([]byte, 4*p.Rank*p.Cols)
	if err := kernel.Quantize(data, ggtype.F32, p.A[i*p.Rank*p.Cols:][:p.Rank*p.Cols]); err != nil {
		panic(err) // the sizes are right by construction
	}
	f := factors{p.Rank, newMatrix(ggtype.F32, p.Rank, p.Cols, data), make([]float32, p.Rows*p.Rank)}
	for k, v := range p.B[i*p.Rows*p.Rank:][:p.Rows*p.Rank] {
		f.b[k] = scale * v
	}
	return f
}

// unchanged makes an error of a tensor that an adapter changes and nobody has asked for as a matrix of products.
func (ld *Loader) unchanged() {
	for _, a := range ld.adapters {
		for _, p := range a.Pairs {
			if ld.err == nil && !ld.changed[p] {
				why := "the model has no such tensor"
				if _, err := ld.f.Tensor(p.Tensor); err == nil {
					why = "it can be merged with the model, but not be added while that runs"
				}
				ld.err = fmt.Errorf("%s: tensor %q: %s: %w", a.Name, strings.TrimSuffix(p.Tensor, ".weight"), why, lora.ErrModel)
			}
		}
	}
}
