package kernel

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"
)

// atFence returns n values of T whose last byte is the last one (after) or whose first byte is the first one (before)
// that may be touched: the next page beyond is not accessible, so that reading past the end stops the test. Where pages
// cannot be protected the values come from the heap.
func atFence[T any](t testing.TB, n int, after bool) []T {
	t.Helper()
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	page := os.Getpagesize()
	inner := max(1, (size+page-1)/page) * page
	mem, ok := protectedMap(t, inner)
	if !ok {
		return make([]T, n)
	}
	b := mem[page : page+inner]
	if after {
		b = b[inner-size:]
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// fenced returns a copy of x at a fence.
func fenced[T any](t testing.TB, x []T, after bool) []T {
	t.Helper()
	y := atFence[T](t, len(x), after)
	copy(y, x)
	return y
}

// TestFence shows that the fence is there.
func TestFence(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no protected pages on " + runtime.GOOS)
	}
	for _, after := range []bool{false, true} {
		x := atFence[float32](t, 5, after)
		for i := range x {
			x[i] = 1
		}
		at := unsafe.Add(unsafe.Pointer(&x[0]), -4)
		if after {
			at = unsafe.Add(unsafe.Pointer(&x[4]), 4)
		}
		if !faults(func() { sink = *(*byte)(at) }) {
			t.Errorf("no fault beyond the fence, after=%v", after)
		}
	}
}

var sink byte

// faults reports whether f touches memory that it may not.
func faults(f func()) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() != nil }()
	f()
	return false
}
