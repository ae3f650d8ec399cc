package kernel

import (
	"fmt"
	"math/bits"

	"github.com/viterin/vek/vek32"
)

// Hadamard multiplies x by an orthonormal matrix that spreads each value over all: the Walsh-Hadamard matrix, divided
// by the root of its size. Where len(x) is no power of two it is the product of two, of the largest power of two at the
// beginning and then at the end. Undo multiplies by the inverse.
func Hadamard(x []float32, undo bool) {
	n := len(x)
	if n == 0 {
		panic("kernel: Hadamard of nothing")
	}
	p := 1 << (bits.Len(uint(n)) - 1)
	switch {
	case p == n:
		hadamard(x)
	case undo:
		hadamard(x[n-p:])
		hadamard(x[:p])
	default:
		hadamard(x[:p])
		hadamard(x[n-p:])
	}
}

// hadamard takes a power of two.
func hadamard(x []float32) {
	n := len(x)
	if n&(n-1) != 0 {
		panic(fmt.Sprintf("kernel: Hadamard of %d values", n))
	}
	vectors().hadamard(x)
	vek32.MulNumber_Inplace(x, rootOfPower(n))
}

// rootOfPower returns 1/√n of a power of two.
func rootOfPower(n int) float32 {
	f := float32(1)
	for ; n >= 4; n /= 4 {
		f /= 2
	}
	if n == 2 {
		f *= 0.70710678
	}
	return f
}

func hadamardGeneric(x []float32) {
	for h := 1; h < len(x); h *= 2 {
		for at := 0; at < len(x); at += 2 * h {
			a, b := x[at:at+h], x[at+h:at+2*h]
			for i, v := range a {
				a[i], b[i] = v+b[i], v-b[i]
			}
		}
	}
}
