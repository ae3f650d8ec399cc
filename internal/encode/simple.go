package encode

import "encoding/binary"

// The types in blocks of 32 with one scale, for rows with importance. Files q4.go and q5.go of package kernel show the
// layouts.

var trySimple = steps{-1, 0.1, 1.05, false}

func encodeQ4_0(b []byte, x, w []float32) {
	var q [32]byte
	encodeSymmetric(b, &q, 8, x, w)
	putNibbles(b[2:], &q)
}

func encodeQ5_0(b []byte, x, w []float32) {
	var q [32]byte
	encodeSymmetric(b, &q, 16, x, w)
	putFifths(b[2:], &q)
	putNibbles(b[6:], &q)
}

func encodeQ4_1(b []byte, x, w []float32) {
	var q [32]byte
	encodeAffine(b, &q, 15, x, w)
	putNibbles(b[4:], &q)
}

func encodeQ5_1(b []byte, x, w []float32) {
	var q [32]byte
	encodeAffine(b, &q, 31, x, w)
	putFifths(b[4:], &q)
	putNibbles(b[8:], &q)
}

// encodeSymmetric writes d to b and the codes of d·(q-n) to q.
func encodeSymmetric(b []byte, q *[32]byte, n float32, x, w []float32) {
	var g group
	g.set(x, w)
	inv := invert(putHalf(b, g.searchSigned(n, trySimple)))
	for i, v := range x {
		q[i] = byte(int(round(clamp(float32(v*inv), -n, n-1)) + n))
	}
}

// encodeAffine writes d and m to b and the codes of d·q + m to q.
func encodeAffine(b []byte, q *[32]byte, top float32, x, w []float32) {
	var g group
	g.set(x, w)
	d, m := g.searchAffine(top, true, trySimple)
	d, m = putHalf(b, d), putHalf(b[2:], m)
	g.affineCodes(q[:], m, invert(d), top)
}

// putNibbles packs bits 0 to 3 of code j and of code j+16 into byte j.
func putNibbles(b []byte, q *[32]byte) {
	for j := range 16 {
		b[j] = q[j]&15 | q[j+16]<<4
	}
}

// putFifths packs bit 4 of code j into bit j of four bytes.
func putFifths(b []byte, q *[32]byte) {
	bits := uint32(0)
	for j, v := range q {
		bits |= uint32(v>>4&1) << j
	}
	binary.LittleEndian.PutUint32(b, bits)
}
