package main

import (
	"slices"
	"testing"
)

func TestMeasure(t *testing.T) {
	list := blocks(3, 1<<20)
	if len(list) != 3 || slices.Contains(list[1], 0) {
		t.Fatal("blocks are not ones")
	}
	r := measure(list, 4)
	if !(r.Median > 0.01) || !(r.Best >= r.Median) || r.Best > 10_000 {
		t.Errorf("%+v GB/s", r)
	}
}
