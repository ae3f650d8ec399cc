//go:build !amd64 || purego

package kernel

// dotFloat returns Σ x·y of equal lengths.
func dotFloat(x, y []float32) float32 { return dotFloatGeneric(x, y) }

// codeFloats sets dst[i] = d[b]·(q[i]-bias) + m[b] in blocks of 32, which dst is a multiple of; without m, it adds
// nothing.
func codeFloats(dst []float32, q []byte, d, m []float32, bias int32) {
	codeFloatsGeneric(dst, q, d, m, bias)
}

// codeFloatsK sets dst[i] = d[g]·(q[i]-bias) - m[g] in groups of 16, which dst is a multiple of.
func codeFloatsK(dst []float32, q []byte, d, m []float32, bias int32) {
	codeFloatsKGeneric(dst, q, d, m, bias)
}

// decodeHalves decodes len(f) half floats from w.
func decodeHalves(f []float32, w []byte) { decodeHalvesGeneric(f, w) }
