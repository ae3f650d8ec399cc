package kernel

import (
	"encoding/binary"
	"math"
)

// The generic kernels of the types whose activations stay float32. Each piece of a row is converted once for all
// tokens.

func mulF32(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulFloat(F32, dst, ld, w, stride, rows, a)
}
func mulF16(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulFloat(F16, dst, ld, w, stride, rows, a)
}
func mulBF16(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulFloat(BF16, dst, ld, w, stride, rows, a)
}

// mulFloat multiplies row after row in pieces of 256 columns.
func mulFloat(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	var buf [tileCols]float32
	_, size := t.Block()
	for r := range rows {
		for c := 0; c < a.Cols; c += tileCols {
			n := min(tileCols, a.Cols-c)
			f := floatView(t, buf[:n], w[r*stride+c*size:][:n*size])
			for t := range a.N {
				v := dotFloat(f, a.x[t*a.Cols+c:][:n])
				if c > 0 {
					v += dst[t*ld+r]
				}
				dst[t*ld+r] = v
			}
		}
	}
}

// floatView returns the weights in w as floats: w itself where it is that already, else decoded to buf.
func floatView(t Type, buf []float32, w []byte) []float32 {
	if t == F32 {
		if f, ok := asFloats(w); ok {
			return f
		}
	}
	floats(t, buf, w)
	return buf
}

// floats decodes len(f) weights of type F32, F16 or BF16 from w.
func floats(t Type, f []float32, w []byte) {
	switch t {
	case F32:
		w = w[:4*len(f)]
		for i := range f {
			f[i] = math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:]))
		}
	case F16:
		decodeHalves(f, w)
	case BF16:
		decodeBfloats(f, w)
	}
}

// dotFloatGeneric returns Σ x·y in four partial sums; the lengths are equal.
func dotFloatGeneric(x, y []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(x) >= 8 && len(y) >= 8 {
		s0 += x[0]*y[0] + x[4]*y[4]
		s1 += x[1]*y[1] + x[5]*y[5]
		s2 += x[2]*y[2] + x[6]*y[6]
		s3 += x[3]*y[3] + x[7]*y[7]
		x, y = x[8:], y[8:]
	}
	return dotFloats(x, y) + ((s0 + s1) + (s2 + s3))
}
