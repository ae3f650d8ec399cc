package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Every type's weights have mean 0 and the spread that was asked for, from narrow to wide matrices.
func TestSpread(t *testing.T) {
	types := []ggtype.Type{ggtype.F32, ggtype.F16, ggtype.BF16}
	for typ := range makers {
		types = append(types, typ)
	}
	const n = 1 << 16
	weights := make([]float32, n)
	for _, typ := range types {
		for _, cols := range []float64{64, 8192} {
			sigma := 1 / math.Sqrt(cols)
			b := make([]byte, typ.RowBytes(n))
			fill(b, typ, rand.NewPCG(1, 2), sigma)
			if err := kernel.Dequantize(weights, typ, b); err != nil {
				t.Fatal(err)
			}
			mean, spread := moments(weights)
			if !(math.Abs(mean) < 0.03*sigma) || !(math.Abs(spread/sigma-1) < 0.03) {
				t.Errorf("%v: mean %.3f σ, deviation %.3f σ", typ, mean/sigma, spread/sigma)
			}
		}
	}
}

// Nor may any column have a mean of its own: scales must not depend on the codes of one place in the block.
func TestColumnsAreCentred(t *testing.T) {
	const blocks = 1 << 12
	for typ := range makers {
		elems, size := typ.Block()
		b := make([]byte, blocks*size)
		fill(b, typ, rand.NewPCG(3, 4), 1)
		sums, w := make([]float64, elems), make([]float32, elems)
		for i := range blocks {
			if err := kernel.Dequantize(w, typ, b[i*size:]); err != nil {
				t.Fatal(err)
			}
			for j, v := range w {
				sums[j] += float64(v)
			}
		}
		for j, s := range sums {
			// The mean of so many has a standard deviation of 1/64.
			if mean := s / blocks; !(math.Abs(mean) < 5.5/64) {
				t.Errorf("%v: weight %d of a block has mean %.3f σ", typ, j, mean)
			}
		}
	}
}

// moments returns mean and standard deviation.
func moments(x []float32) (mean, spread float64) {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(x))
	return sum / n, math.Sqrt(squares/n - sum*sum/n/n)
}

func TestNormalTails(t *testing.T) {
	r := rand.NewPCG(5, 6)
	beyond := [4]float64{}
	const n = 1 << 16
	for range n {
		for i := range beyond {
			if math.Abs(normal(r)) > float64(i) {
				beyond[i]++
			}
		}
	}
	for i, want := range []float64{1, 0.317, 0.0455, 0.0027} {
		if got := beyond[i] / n; math.Abs(got-want) > 0.02 {
			t.Errorf("%.4f of the numbers are beyond %d, want about %.4f", got, i, want)
		}
	}
}

func TestQ8HasNoLowestCode(t *testing.T) {
	b := make([]byte, ggtype.Q8_0.RowBytes(1<<14))
	fill(b, ggtype.Q8_0, rand.NewPCG(7, 8), 1)
	for ; len(b) > 0; b = b[34:] {
		for _, q := range b[2:34] {
			if int8(q) == -128 {
				t.Fatal("code -128")
			}
		}
	}
}

func BenchmarkFill(b *testing.B) {
	buf := make([]byte, 1<<20/144/34*144*34)
	for _, typ := range []ggtype.Type{ggtype.Q4_0, ggtype.Q8_0, ggtype.Q4_K, ggtype.F16} {
		b.Run(typ.String(), func(b *testing.B) {
			r := rand.NewPCG(0, 0)
			b.SetBytes(int64(len(buf)))
			for range b.N {
				fill(buf, typ, r, 0.02)
			}
		})
	}
}
