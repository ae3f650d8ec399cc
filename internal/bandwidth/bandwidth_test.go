package bandwidth

import (
	"slices"
	"testing"
)

func TestMeasure(t *testing.T) {
	list := blocks(3, 1<<20)
	if len(list) != 3 || len(list[1]) != 1<<20 || slices.Contains(list[1], 0) {
		t.Fatal("blocks are not ones")
	}
	rates := Measure(3, 1<<20, 4)
	if len(rates) != 4 {
		t.Fatalf("%d rates of 4 repetitions", len(rates))
	}
	for _, r := range rates {
		if !(r > 0) {
			t.Errorf("%v GB/s", r)
		}
	}
}
