package quant

import "fmt"

// Dequantize writes the weights of type t in src as float32 to dst: len(dst) weights, a multiple of the type's block, from
// as many bytes as they take; src may be longer. The values are exactly those of the Python package gguf. Errors wrap
// ErrType or ErrShape; then nothing is written.
func Dequantize(dst []float32, t Type, src []byte) error {
	if _, ok := FormOf(t); !ok {
		return fmt.Errorf("dequantize type %v: %w", t, ErrType)
	}
	if elems, _ := t.Block(); len(dst)%elems != 0 || len(src) < t.RowBytes(len(dst)) {
		return fmt.Errorf("dequantize %d weights of type %v from %d bytes: %w", len(dst), t, len(src), ErrShape)
	}
	dequantize(dst, t, src[:t.RowBytes(len(dst))])
	return nil
}

// dequantize is Dequantize of arguments that fit.
func dequantize(dst []float32, t Type, src []byte) {
	form, _ := FormOf(t)
	if form == FormF32 {
		floats(t, dst, src)
		return
	}
	var tl tile
	for len(dst) > 0 {
		n := min(tileCols, len(dst))
		bytes := t.RowBytes(n)
		tl.unpack(t, 0, src[:bytes])
		if form == FormQ8 {
			tl.floats8(dst[:n], t)
		} else {
			tl.floatsK(dst[:n], t)
		}
		dst, src = dst[n:], src[bytes:]
	}
}

// floats8 writes row 0 of a tile of type t, one in blocks of 32. Products are converted, so that no compiler fuses them with
// the sum: the bits are the same everywhere.
func (tl *tile) floats8(dst []float32, t Type) {
	bias, _ := codesOf(t)
	min := hasMin(t)
	for i := range dst {
		v := float32(tl.d[0][i/q8Block] * float32(int32(tl.q[0][i])-bias))
		if min {
			v += tl.m[0][i/q8Block]
		}
		dst[i] = v
	}
}

// floatsK writes row 0 of a tile of type t, one in blocks of 256.
func (tl *tile) floatsK(dst []float32, t Type) {
	bias, _ := codesOf(t)
	for i := range dst {
		g := i / kGroup
		d, m := float32(tl.kd[0]*float32(tl.sc[0][g])), float32(tl.kmin[0]*float32(tl.mn[0][g]))
		dst[i] = float32(d*float32(int32(tl.q[0][i])-bias)) - m
	}
}
