// What rows of blocks of 256 weights by one token share; they go one after the other:
//
//	y = Σ_b d[b]·(dw·Σ_g sc[g]·Σ_j c[g,j]·q[g,j] − dmin·Σ_g mn[g]·Σ_j q[g,j])
//
// Everything behind dw and dmin is integers: a group's four partial sums, times its scale, are added up over the whole block.
//
//	R0 dst, R1 w, R2 stride, R3 rows left, R4 q, R5 d, R6 bsums, R7 blocks
//	R8 place in the row, R12–R14 in q, d and bsums, R15 blocks left; R9, R10 further places; R16, R17, R20–R25 scratch
//	V0–V3 codes as they are stored, V4, V5 unpacked; V8–V11 sc; V24–V27 q; V28, V29 sums of groups; V17, V21 sums of the block,
//	V18 those of Σq; V19 d·dw, V20 d; V16 y in the lanes 0 and, to be subtracted, 1; V30, V31 masks

#define ARGSK \
	MOVD dst+0(FP), R0     \
	MOVD w+8(FP), R1       \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R3   \
	MOVD q+32(FP), R4      \
	MOVD d+40(FP), R5      \
	MOVD bsums+48(FP), R6  \
	MOVD blocks+56(FP), R7

// ROWK begins a row.
#define ROWK \
	MOVD R1, R8  \
	MOVD R4, R12 \
	MOVD R5, R13 \
	MOVD R6, R14 \
	MOVD R7, R15 \
	ZERO(V16)

// NEXTROWK stores y and goes on to the next row or returns.
#define NEXTROWK(row) \
	VDUP    V16.S[1], V17.S4 \
	FSUBS   F17, F16, F16    \
	FMOVS.P F16, 4(R0)       \
	ADD     R2, R1           \
	SUBS    $1, R3           \
	BNE     row              \
	RET

// STARTK begins the sums of a block: V19 has dw and dmin as half floats, and gets d·dw and d·dmin.
#define STARTK \
	VLD1R.P 4(R13), [V20.S4] \
	FCVTL(19, 19)            \
	FMUL4(20, 19, 19)        \
	ZERO(V17)                \
	ZERO(V21)

// BEGINK begins those of a block without dmin, whose dw is at p.
#define BEGINK(p) \
	ZERO(V19)          \
	VLD1 (p), V19.H[0] \
	STARTK

// SUMK ends them: it adds (d·dw)·Σ sc·Σ c·q to y. convert makes four floats of integers.
#define SUMK(convert) \
	VADD  V21.S4, V17.S4, V17.S4 \
	VADDV V17.S4, V17            \
	convert(17, 17)              \
	VFMLA V19.S2, V17.S2, V16.S2

// ENDK ends a block with SUMK and goes on to the next block, to the next row, or returns.
#define ENDK(convert, block, row) \
	SUMK(convert)             \
	SUBS $1, R15              \
	BNE  block                \
	NEXTROWK(row)

// WIDEN sets V8–V11 to sc, int32, of which V5 has the first eight as int16, V4 the others. WIDEN16 makes them and V5, V4 of
// int8 in V4, WIDEN8 those in V8, V9 and V5.
#define WIDEN \
	SXTL4S(5, 8)  \
	SXTL24S(5, 9) \
	SXTL4S(4, 10) \
	SXTL24S(4, 11)
#define WIDEN16 \
	SXTL8H(4, 5)  \
	SXTL28H(4, 4) \
	WIDEN
#define WIDEN8 \
	SXTL8H(4, 5) \
	SXTL4S(5, 8) \
	SXTL24S(5, 9)

// SUMS32 sets V18 to partial sums of x·Σq for groups of 32, x eight int16 of vector number n; SUMS16 for groups of 16, x in
// vectors n and m.
#define SUMS32(n) \
	VLD1.P 32(R14), [V6.H8, V7.H8] \
	VADDP  V7.H8, V6.H8, V6.H8     \
	SMULL(6, n, 18)                \
	SMLAL2(6, n, 18)
#define SUMS16(n, m) \
	VLD1.P 32(R14), [V6.H8, V7.H8] \
	SMULL(6, n, 18)                \
	SMLAL2(6, n, 18)               \
	SMLAL(7, m, 18)                \
	SMLAL2(7, m, 18)

// RUN32 adds sc[i]·(V4, V5)·q to sum for the next 32 weights, sc in vector s.
#define RUN32(i, s, sum) \
	VLD1.P 32(R12), [V24.B16, V25.B16] \
	ZERO(V28)                          \
	SDOT(24, 4, 28)                    \
	SDOT(25, 5, 28)                    \
	MLAE(i, s, 28, sum)

// PAIR16 adds sc[i]·a·q and sc[i+1]·b·q for the next 32 weights, a and b the numbers of vectors, sc in vector s.
#define PAIR16(a, b, i, s) \
	VLD1.P 32(R12), [V24.B16, V25.B16] \
	ZERO(V28)                          \
	ZERO(V29)                          \
	SDOT(24, a, 28)                    \
	SDOT(25, b, 29)                    \
	MLAE(i, s, 28, 17)                 \
	MLAE(i+1, s, 29, 21)
