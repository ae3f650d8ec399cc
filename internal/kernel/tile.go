package kernel

const (
	tileRows = 32  // weight rows unpacked together
	tileCols = 256 // and columns of them
)

// tile is a piece of a weight matrix unpacked to bytes with its scales: what the generic kernels multiply. Unpacking
// costs little beside a product, and is shared by all tokens of a batch.
type tile [tileRows]tileRow

// tileRow is a row of it, and what Dequantize reads.
type tileRow struct {
	q [tileCols]byte // codes; a weight's integer is the code minus the type's bias

	// Types in blocks of 32: w = d·(q-bias) + m, per block.
	d, m [tileCols / q8Block]float32

	// Types in blocks of 256: w = kd·sc·(q-bias) - kmin·mn, sc and mn per 16 weights.
	kd, kmin float32
	sc, mn   [tileCols / kGroup]int32
}

// unpack fills the row from whole blocks of type t, at most tileCols weights. It is a switch, not a table of functions:
// through a function value the row would escape to the heap.
func (r *tileRow) unpack(t Type, w []byte) {
	q, d, m := &r.q, &r.d, &r.m
	switch t {
	case Q4_0:
		unpackQ4_0(q, d, w)
	case Q4_1:
		unpackQ4_1(q, d, m, w)
	case Q5_0:
		unpackQ5_0(q, d, w)
	case Q5_1:
		unpackQ5_1(q, d, m, w)
	case Q8_0:
		unpackQ8_0(q, d, w)
	case IQ4_NL:
		unpackIQ4_NL(q, d, w)
	case MXFP4:
		unpackMXFP4(q, d, w)
	case Q1_0:
		unpackQ1_0(q, d, w)
	case Q2_0:
		unpackQ2_0(q, d, w)
	default:
		r.unpackK(t, w)
	}
}

// unpackK is unpack for the types in blocks of 256: one block.
func (r *tileRow) unpackK(t Type, w []byte) {
	q, sc, mn := &r.q, &r.sc, &r.mn
	switch t {
	case Q2_K:
		r.kd, r.kmin = unpackQ2_K(q, sc, mn, w)
	case Q3_K:
		r.kd = unpackQ3_K(q, sc, w)
	case Q4_K:
		r.kd, r.kmin = unpackQ4_K(q, sc, mn, w)
	case Q5_K:
		r.kd, r.kmin = unpackQ5_K(q, sc, mn, w)
	case Q6_K:
		r.kd = unpackQ6_K(q, sc, w)
	case IQ4_XS:
		r.kd = unpackIQ4_XS(q, sc, w)
	case TQ1_0:
		r.kd = unpackTQ1_0(q, sc, w)
	case TQ2_0:
		r.kd = unpackTQ2_0(q, sc, w)
	default:
		r.kd = unpackIQ(t, q, sc, w)
	}
}

// unpackIQ is unpackK for the types of lattice points.
func unpackIQ(t Type, q *[tileCols]byte, sc *[tileCols / kGroup]int32, w []byte) float32 {
	switch t {
	case IQ1_S:
		return unpackIQ1_S(q, sc, w)
	case IQ1_M:
		return unpackIQ1_M(q, sc, w)
	case IQ2_XXS:
		return unpackIQ2_XXS(q, sc, w)
	case IQ2_XS:
		return unpackIQ2_XS(q, sc, w)
	case IQ2_S:
		return unpackIQ2_S(q, sc, w)
	case IQ3_XXS:
		return unpackIQ3_XXS(q, sc, w)
	}
	return unpackIQ3_S(q, sc, w)
}

// codesOf returns what is to be subtracted from the codes of t as unpacked, and how many bits they have.
func codesOf(t Type) (bias int32, bits int) {
	switch t {
	case TQ1_0, TQ2_0, Q1_0, Q2_0:
		return 1, 2
	case IQ1_S, IQ1_M:
		return biasIQ1, 5
	case IQ2_XXS, IQ2_XS, IQ2_S:
		return biasIQ2, 7
	case IQ3_XXS:
		return biasIQ3XXS, 7
	case IQ3_S:
		return biasIQ3S, 5
	case Q3_K:
		return 4, 3
	case Q4_0:
		return 8, 4
	case Q5_0:
		return 16, 5
	case Q6_K:
		return 32, 6
	case MXFP4:
		return -fp4Min, 5
	case Q8_0, IQ4_NL, IQ4_XS:
		return 128, 8
	case Q5_1, Q5_K:
		return 0, 5
	}
	return 0, 4
}

// hasMin reports whether the weights of t have an offset: m, or kmin·mn.
func hasMin(t Type) bool {
	switch t {
	case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K:
		return true
	}
	return false
}
