// Package codes finds out how a model's keys and values are best kept in few bits: a transform for each head that makes
// components of its vectors independent, in the metric of what errors cost, and as many bits for each as they are worth
// (reverse water-filling: T. M. Cover, J. A. Thomas, Elements of Information Theory, 10.3.3).
package codes

import (
	"math"
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
)

// A uniform quantiser of normally distributed values with 2^bits levels, the best step for it in standard deviations,
// and what is left of the variance (J. Max, Quantizing for Minimum Distortion, 1960).
var quantizer = [attention.MaxCodeBits + 1]struct{ step, rest float64 }{
	0: {0, 1},
	1: {1.596, 0.3634},
	2: {0.9957, 0.1188},
	3: {0.5860, 0.03744},
	4: {0.3352, 0.01154},
	5: {0.1881, 0.003495},
	6: {0.1041, 0.001041},
	7: {0.0569, 0.0003035},
	8: {0.0308, 0.0000869},
}

// choices are the bits that a component may have. Seven would take three parts.
var choices = []int{8, 6, 5, 4, 3, 2, 1, 0}

// maxSteps bounds the blocks of components that have the same number of bits.
const maxSteps = 8

// shape is a way to give components bits, the first the most.
type shape struct {
	bits []int // 0 are not there
	size int   // bits of a vector, padding included
}

// shapes returns all ways for vectors of n values, as keys or as values.
func shapes(n int, values bool) []shape {
	block := max(8, (n+maxSteps-1)/maxSteps)
	block = (block + 7) / 8 * 8
	var out []shape
	var add func(bits []int, from int)
	add = func(bits []int, from int) {
		if len(bits) == n {
			kept := slices.Clone(bits)
			for len(kept) > 0 && kept[len(kept)-1] == 0 {
				kept = kept[:len(kept)-1]
			}
			if len(kept) == 0 {
				return
			}
			out = append(out, shape{kept, attention.CodedBits(kept, values)})
			return
		}
		for i := from; i < len(choices); i++ {
			next := bits
			for range min(block, n-len(bits)) {
				next = append(next, choices[i])
			}
			add(next, i)
		}
	}
	add(make([]int, 0, n), 0)
	return out
}

// option is a shape and what its errors cost.
type option struct {
	*shape
	cost float64
}

// options returns the shapes that are best for components with these variances, weighed by what they cost: none is
// both larger and worse than another.
func options(all []shape, variance []float32) []option {
	list := make([]option, len(all))
	for i := range all {
		list[i] = option{&all[i], 0}
		for c, v := range variance {
			b := 0
			if c < len(all[i].bits) {
				b = all[i].bits[c]
			}
			list[i].cost += float64(v) * quantizer[b].rest
		}
	}
	slices.SortStableFunc(list, func(a, b option) int {
		if a.size != b.size {
			return a.size - b.size
		}
		return int(math.Copysign(1, a.cost-b.cost))
	})
	var out []option
	for _, o := range list {
		if len(out) == 0 || o.cost < out[len(out)-1].cost {
			out = append(out, o)
		}
	}
	return out
}

// allocate chooses one option of each list, so that sizes times heads come to at most budget bits and costs to least:
// the sum of both, at the price of a bit that just fits. It returns nil when nothing fits.
func allocate(lists [][]option, heads []int, budget int) []option {
	at := func(price float64) ([]option, int) {
		var chosen []option
		size := 0
		for i, list := range lists {
			best := list[0]
			for _, o := range list {
				if o.cost+price*float64(o.size*heads[i]) < best.cost+price*float64(best.size*heads[i]) {
					best = o
				}
			}
			chosen, size = append(chosen, best), size+best.size*heads[i]
		}
		return chosen, size
	}
	low, high := 1e-15, 1e9
	for range 120 {
		price := math.Sqrt(low * high)
		if _, size := at(price); size > budget {
			low = price
		} else {
			high = price
		}
	}
	chosen, size := at(high)
	if size > budget {
		return nil
	}
	return chosen
}
