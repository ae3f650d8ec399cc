package encode

import "encoding/binary"

// The types in blocks of 32 with one scale, for rows with importance. Files q4.go and q5.go of package kernel show the
// layouts.

// trySimple are the factors at which scales are tried.
var trySimple = steps(-1, 0.1, 1.05)

var (
	codesQ4_0 = signedCodes(8, trySimple, false)
	codesQ5_0 = signedCodes(16, trySimple, false)
)

func encodeQ4_0(b []byte, x, w []float32) { encodeSymmetric(b, &codesQ4_0, x, w, putNibbles) }

func encodeQ5_0(b []byte, x, w []float32) {
	encodeSymmetric(b, &codesQ5_0, x, w, putNibblesAndFifths)
}

func encodeQ4_1(b []byte, x, w []float32) { encodeAffine(b, 15, x, w, putNibbles) }

func encodeQ5_1(b []byte, x, w []float32) { encodeAffine(b, 31, x, w, putNibblesAndFifths) }

// encodeSymmetric writes blocks with a scale: d, and the codes of d·(q-n) as put writes them.
func encodeSymmetric(b []byte, c *symmetric, x, w []float32, put func(b []byte, q *[32]byte)) {
	var g groups
	g.set(x, w, 32)
	ds := g.search(c)
	n := len(x) / 32
	size := len(b) / n
	var shift, inv lanes
	for l := range n {
		inv[l] = invert(putHalf(b[l*size:], ds[l]))
	}
	var q [block]byte
	g.codes(q[:], &shift, &inv, c.low, c.top)
	for l := range n {
		put(b[l*size+2:], (*[32]byte)(q[32*l:]))
	}
}

// encodeAffine writes blocks with a scale and a minimum: d, m, and the codes of d·q + m as put writes them.
func encodeAffine(b []byte, top float32, x, w []float32, put func(b []byte, q *[32]byte)) {
	var g groups
	g.set(x, w, 32)
	ds, ms := g.searchAffine(top, true, trySimple)
	n := len(x) / 32
	size := len(b) / n
	var inv lanes
	for l := range n {
		inv[l] = invert(putHalf(b[l*size:], ds[l]))
		ms[l] = putHalf(b[l*size+2:], ms[l])
	}
	var q [block]byte
	g.codes(q[:], &ms, &inv, 0, top)
	for l := range n {
		put(b[l*size+4:], (*[32]byte)(q[32*l:]))
	}
}

// putNibblesAndFifths writes bits 4 of the codes and then the others.
func putNibblesAndFifths(b []byte, q *[32]byte) {
	putFifths(b, q)
	putNibbles(b[4:], q)
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
