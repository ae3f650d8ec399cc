package kernel

import "fmt"

// ScoresF16 computes dst[i*ldd+j] = Σ q[i*ldq+c]·k[j*stride+c] over c < d, for i < nq and j < n: nq query rows against
// n rows of a cache in half precision. ldd, ldq and stride are the distances between rows, in elements. A row of the
// cache is converted once for as many query rows as the registers hold, nine at AVX-512, so callers pass all heads that
// share it. Any d is right, multiples of 16 are fast. Nothing outside of the rows is read or written, nothing is
// allocated. It panics when a slice is too short.
func ScoresF16(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
	if nq <= 0 || n <= 0 {
		return
	}
	checkScores(len(dst), ldd, len(q), nq, ldq, len(k), stride, n, d)
	vectors().scores(dst, ldd, q, nq, ldq, k, stride, n, d)
}

// PromptScoresF16 is ScoresF16 for the queries of a prompt's tokens: where the CPU has tiles they are multiplied by
// tiles, however few they are, which leave out 2^-16 of a product's magnitude at most.
func PromptScoresF16(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
	f := vectors().promptScores
	if f == nil || nq <= 0 || n <= 0 {
		ScoresF16(dst, ldd, q, nq, ldq, k, stride, n, d)
		return
	}
	checkScores(len(dst), ldd, len(q), nq, ldq, len(k), stride, n, d)
	f(dst, ldd, q, nq, ldq, k, stride, n, d)
}

// checkScores panics when a slice of ScoresF16 is too short.
func checkScores(dst, ldd, q, nq, ldq, k, stride, n, d int) {
	if d < 0 || short(dst, nq, ldd, n) || short(q, nq, ldq, d) || short(k, n, stride, d) {
		panic(fmt.Sprintf("kernel: scores of %d×%d, depth %d, in slices of %d, %d and %d", nq, n, d, dst, q, k))
	}
}

// WeightedSumF16 adds Σ p[i*ldp+j]·v[j*stride+c] over j < n to out[i*ldo+c], for i < nq and c < d: n rows of a cache in
// half precision weighted nq ways. What ScoresF16 says of distances, speed and slices holds here as well.
func WeightedSumF16(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
	if nq <= 0 || n <= 0 || d <= 0 {
		return
	}
	checkSum(len(out), ldo, len(p), ldp, nq, len(v), stride, n, d)
	vectors().weightedSum(out, ldo, p, ldp, nq, v, stride, n, d)
}

// PromptSumF16 is WeightedSumF16 for the weights of a prompt's tokens, see PromptScoresF16.
func PromptSumF16(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
	f := vectors().promptSum
	if f == nil || nq <= 0 || n <= 0 || d <= 0 {
		WeightedSumF16(out, ldo, p, ldp, nq, v, stride, n, d)
		return
	}
	checkSum(len(out), ldo, len(p), ldp, nq, len(v), stride, n, d)
	f(out, ldo, p, ldp, nq, v, stride, n, d)
}

// checkSum panics when a slice of a weighted sum is too short.
func checkSum(out, ldo, p, ldp, nq, v, stride, n, d int) {
	if short(out, nq, ldo, d) || short(p, nq, ldp, n) || short(v, n, stride, d) {
		panic(fmt.Sprintf("kernel: weighted sum of %d×%d, depth %d, in slices of %d, %d and %d", nq, d, n, out, p, v))
	}
}

// WeightedSumF32 is WeightedSumF16 for rows of floats: the product of a matrix p [nq, n] with a matrix v [n, d], added
// to out.
func WeightedSumF32(out []float32, ldo int, p []float32, ldp, nq int, v []float32, stride, n, d int) {
	if nq <= 0 || n <= 0 || d <= 0 {
		return
	}
	checkSum(len(out), ldo, len(p), ldp, nq, len(v), stride, n, d)
	vectors().weightedSumF32(out, ldo, p, ldp, nq, v, stride, n, d)
}

// short reports whether rows rows of cols elements at distance ld do not fit into have elements.
func short(have, rows, ld, cols int) bool { return ld < 0 || have < (rows-1)*ld+cols }

// chunk is how many columns the generic forms convert at a time.
const chunk = 128

func scoresGeneric(dst []float32, ldd int, q []float32, nq, ldq int, k []uint16, stride, n, d int) {
	var row [chunk]float32
	for j := range n {
		for i := range nq {
			dst[i*ldd+j] = 0
		}
		for c := 0; c < d; c += chunk {
			part := row[:min(chunk, d-c)]
			f16ToF32Generic(part, k[j*stride+c:][:len(part)])
			for i := range nq {
				dst[i*ldd+j] += dotF32(q[i*ldq+c:][:len(part)], part)
			}
		}
	}
}

func weightedSumF16Generic(out []float32, ldo int, p []float32, ldp, nq int, v []uint16, stride, n, d int) {
	var row [chunk]float32
	for j := range n {
		for c := 0; c < d; c += chunk {
			part := row[:min(chunk, d-c)]
			f16ToF32Generic(part, v[j*stride+c:][:len(part)])
			for i := range nq {
				axpyF32(out[i*ldo+c:][:len(part)], p[i*ldp+j], part)
			}
		}
	}
}

func weightedSumF32Generic(out []float32, ldo int, p []float32, ldp, nq int, v []float32, stride, n, d int) {
	for j := range n {
		for i := range nq {
			axpyF32(out[i*ldo:][:d], p[i*ldp+j], v[j*stride:])
		}
	}
}

// dotF32 returns Σ x·y of vectors of one length, in four partial sums.
func dotF32(x, y []float32) float32 {
	var s [4]float32
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s[0] += x[i] * y[i]
		s[1] += x[i+1] * y[i+1]
		s[2] += x[i+2] * y[i+2]
		s[3] += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s[0] += x[i] * y[i]
	}
	return s[0] + s[1] + s[2] + s[3]
}

// axpyF32 adds a·x to y, vectors of one length.
func axpyF32(y []float32, a float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += a * x[i]
	}
}
