package kernel

import (
	"math/rand/v2"
	"syscall"
	"testing"
)

// guarded returns n bytes that end at a page without access.
func guarded(t *testing.T, n int) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	size := (n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("no mapping: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Skipf("no guard page: %v", err)
	}
	return mem[size-n : size : size]
}

// TestMulReadsNoFurther puts the weights at the end of a mapping: a kernel that reads behind the last block faults.
func TestMulReadsNoFurther(t *testing.T) {
	forLevels(t, func(t *testing.T) {
		for _, typ := range allTypes {
			t.Run(typ.String(), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(41, uint64(typ)))
				elems, size := typ.Block()
				for _, blocks := range []int{1, 2, 3, 5} {
					for _, n := range []int{1, 2, 4, 9} {
						rows := 1 + rng.IntN(20)
						w := guarded(t, rows*blocks*size)
						copy(w, weightBlocks(rng, typ, rows*blocks, false))
						m, err := NewMatrix(typ, rows, blocks*elems, w)
						if err != nil {
							t.Fatal(err)
						}
						var a Act
						a.Reset(activations(rng, n*m.Cols, false), n, m.Cols)
						a.Quantize(m.ActType(), 0, n)
						m.Mul(make([]float32, n*rows), rows, &a, 0, rows)
						m.Row(make([]float32, m.Cols), rows-1)
					}
				}
			})
		}
	})
}
