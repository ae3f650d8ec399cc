package model

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// The highest scores are picked, of equal ones the first, whatever their signs.
func TestPickerTop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b picker
	for _, n := range []int{1, 2, 7, 300} {
		for _, k := range []int{1, 2, n/2 + 1, n} {
			if k > n {
				continue
			}
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.IntN(40)-20) / 8
			}
			order := make([]int32, n)
			for i := range order {
				order[i] = int32(i)
			}
			slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(x[j], x[i]) })
			want := slices.Sorted(slices.Values(order[:k]))
			got := make([]int32, k)
			if b.top(got, x); !slices.Equal(got, want) {
				t.Errorf("%d of %d: %v, want %v", k, n, got, want)
			}
		}
	}
}
