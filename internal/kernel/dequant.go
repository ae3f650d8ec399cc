package kernel

import "fmt"

// Dequantize writes the weights of type t in src as float32 to dst: len(dst) weights, a multiple of the type's block,
// from as many bytes as they take; src may be longer. The values are exactly those of the Python package gguf. Errors
// wrap ErrType or ErrShape; then nothing is written.
func Dequantize(dst []float32, t Type, src []byte) error {
	if _, ok := ActTypeOf(t); !ok {
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
	actType, _ := ActTypeOf(t)
	if actType == ActF32 {
		floats(t, dst, src)
		return
	}
	var row tileRow
	for len(dst) > 0 {
		n := min(tileCols, len(dst))
		bytes := t.RowBytes(n)
		row.unpack(t, src[:bytes])
		if actType == ActQ8 {
			row.floats8(dst[:n], t)
		} else {
			row.floatsK(dst[:n], t)
		}
		dst, src = dst[n:], src[bytes:]
	}
}

// floats8 writes a row of type t, one in blocks of 32.
func (r *tileRow) floats8(dst []float32, t Type) {
	bias, _ := codesOf(t)
	if hasMin(t) {
		codeFloats(dst, r.q[:len(dst)], r.d[:], r.m[:], bias)
	} else {
		codeFloats(dst, r.q[:len(dst)], r.d[:], nil, bias)
	}
}

// codeFloatsGeneric converts products, so that no compiler fuses them with the sum: the bits are the same everywhere.
func codeFloatsGeneric(dst []float32, q []byte, d, m []float32, bias int32) {
	for b := 0; b*q8Block < len(dst); b++ {
		d, q := d[b], q[b*q8Block:][:q8Block]
		block := dst[b*q8Block:][:len(q)]
		if m == nil {
			for i, c := range q {
				block[i] = d * float32(int32(c)-bias)
			}
			continue
		}
		m := m[b]
		for i, c := range q {
			block[i] = float32(d*float32(int32(c)-bias)) + m
		}
	}
}

// floatsK writes a row of type t, one in blocks of 256.
func (r *tileRow) floatsK(dst []float32, t Type) {
	bias, _ := codesOf(t)
	var d, m [tileCols / kGroup]float32
	for g := range d {
		d[g], m[g] = r.kd*float32(r.sc[g]), r.kmin*float32(r.mn[g])
	}
	codeFloatsK(dst, r.q[:len(dst)], d[:], m[:], bias)
}

func codeFloatsKGeneric(dst []float32, q []byte, d, m []float32, bias int32) {
	for g := 0; g*kGroup < len(dst); g++ {
		d, m, q := d[g], m[g], q[g*kGroup:][:kGroup]
		group := dst[g*kGroup:][:len(q)]
		for i, c := range q {
			group[i] = float32(d*float32(int32(c)-bias)) - m
		}
	}
}
