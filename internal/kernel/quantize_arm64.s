//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// The quantisers compute what the generic ones do, bit for bit: q = round(x·id) by adding 3·2^22, which leaves the nearest
// integer, ties to even, in the low bits.
//
// Largest magnitudes are compared as integers, shifted left to lose the sign: a NaN is larger than all numbers.

#define MAGIC $0x4b400000 // 3·2^22
#define TINY $0x02fe0001 // 127/MaxFloat32: the inverse of anything larger is finite
#define SPAN $0x7d01fffe // 0x7f7fffff - TINY: magnitudes of TINY+1 … TINY+SPAN are finite and have an inverse

// LARGEST sets a to the largest of the magnitudes of V0–V7, shifted, and uses V16–V23.
#define LARGEST(a) \
	VSHL  $1, V0.S4, V16.S4       \
	VSHL  $1, V1.S4, V17.S4       \
	VSHL  $1, V2.S4, V18.S4       \
	VSHL  $1, V3.S4, V19.S4       \
	VSHL  $1, V4.S4, V20.S4       \
	VSHL  $1, V5.S4, V21.S4       \
	VSHL  $1, V6.S4, V22.S4       \
	VSHL  $1, V7.S4, V23.S4       \
	VUMAX V17.S4, V16.S4, V16.S4  \
	VUMAX V19.S4, V18.S4, V18.S4  \
	VUMAX V21.S4, V20.S4, V20.S4  \
	VUMAX V23.S4, V22.S4, V22.S4  \
	VUMAX V18.S4, V16.S4, V16.S4  \
	VUMAX V22.S4, V20.S4, V20.S4  \
	VUMAX V20.S4, V16.S4, a.S4

// ROUND16 sets v to 16 int8: round(x·id) of the x in V0–V3; id is in V24, the magic number in V31.
#define ROUND16(v) \
	FMUL4(24, 0, 0)              \
	FMUL4(24, 1, 1)              \
	FMUL4(24, 2, 2)              \
	FMUL4(24, 3, 3)              \
	FADD4(31, 0, 0)              \
	FADD4(31, 1, 1)              \
	FADD4(31, 2, 2)              \
	FADD4(31, 3, 3)              \
	VUZP1 V1.H8, V0.H8, V0.H8    \
	VUZP1 V3.H8, V2.H8, V2.H8    \
	VUZP1 V2.B16, V0.B16, v.B16

// Per block of 32: d = max|x|/127, id = 127/max|x|, q = round(x·id), s = d·Σq; d and id are 0 where max|x| is TINY or less,
// id also where it is infinite or NaN.
//
// func quantQ8NEON(q *int8, d, s, x *float32, blocks int)
TEXT ·quantQ8NEON(SB), NOSPLIT, $0-40
	MOVD  q+0(FP), R0
	MOVD  d+8(FP), R1
	MOVD  s+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  blocks+32(FP), R4
	MOVW  MAGIC, R5
	VDUP  R5, V31.S4
	MOVW  TINY, R6
	MOVW  SPAN, R7
	FMOVS $127.0, F30
	FMOVS ZR, F29
	VMOVI $1, V28.B16

block:
	VLD1.P 64(R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R3), [V4.S4, V5.S4, V6.S4, V7.S4]
	LARGEST(V16)
	UMAXV(16, 16)
	VMOV   V16.S[0], R8
	LSRW   $1, R8, R8
	FMOVS  R8, F25          // max|x|
	FDIVS  F25, F30, F24
	SUBW   R6, R8, R9
	SUBW   $1, R9, R9
	CMPW   R7, R9
	FCSELS LO, F24, F29, F24 // id
	CMPW   R6, R8
	FCSELS HI, F25, F29, F25
	FDIVS  F30, F25, F25    // d
	VDUP   V24.S[0], V24.S4
	ROUND16(V26)
	VMOV   V4.B16, V0.B16
	VMOV   V5.B16, V1.B16
	VMOV   V6.B16, V2.B16
	VMOV   V7.B16, V3.B16
	ROUND16(V27)
	ZERO(V0)
	SDOT(28, 26, 0)
	SDOT(28, 27, 0)
	VADDV  V0.S4, V0
	SCVTF4(0, 0)
	FMULS  F25, F0, F0
	VST1.P [V26.B16, V27.B16], 32(R0)
	FMOVS.P F25, 4(R1)
	FMOVS.P F0, 4(R2)
	SUBS   $1, R4
	BNE    block
	RET

// Per block of 256, m the first x of the largest magnitude: id = -127/m, q = round(x·id), d = 1/id, sums of 16 q. id is 0
// where |m| is TINY or less, infinite or NaN; d then is 0 or, for the latter, NaN.
//
// func quantQ8KNEON(q *int8, d *float32, bsums *int16, x *float32, blocks int)
TEXT ·quantQ8KNEON(SB), NOSPLIT, $0-40
	MOVD  q+0(FP), R0
	MOVD  d+8(FP), R1
	MOVD  bsums+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  blocks+32(FP), R4
	MOVW  MAGIC, R5
	VDUP  R5, V31.S4
	MOVW  TINY, R6
	MOVW  SPAN, R7
	FMOVS $-127.0, F30
	FMOVS ZR, F29
	FMOVS $1.0, F27
	MOVW  $0x7fc00000, R10

block:
	// V25 = max|x| of all lanes
	ZERO(V25)
	MOVD $8, R12
	MOVD R3, R13

largest:
	VLD1.P 64(R13), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R13), [V4.S4, V5.S4, V6.S4, V7.S4]
	LARGEST(V16)
	VUMAX  V16.S4, V25.S4, V25.S4
	SUBS   $1, R12
	BNE    largest
	UMAXV(25, 25)
	VMOV   V25.S[0], R8
	VDUP   R8, V25.S4

	// m: the first 16 values with it among them, then the one
	MOVD R3, R13

find:
	VLD1.P 64(R13), [V0.S4, V1.S4, V2.S4, V3.S4]
	VSHL   $1, V0.S4, V0.S4
	VSHL   $1, V1.S4, V1.S4
	VSHL   $1, V2.S4, V2.S4
	VSHL   $1, V3.S4, V3.S4
	VCMEQ  V25.S4, V0.S4, V0.S4
	VCMEQ  V25.S4, V1.S4, V1.S4
	VCMEQ  V25.S4, V2.S4, V2.S4
	VCMEQ  V25.S4, V3.S4, V3.S4
	VORR   V1.B16, V0.B16, V0.B16
	VORR   V3.B16, V2.B16, V2.B16
	VORR   V2.B16, V0.B16, V0.B16
	UMAXV(0, 0)
	VMOV   V0.S[0], R12
	CBZW   R12, find
	SUB    $64, R13

one:
	MOVWU.P 4(R13), R9
	LSLW    $1, R9, R12
	CMPW    R8, R12
	BNE     one

	FMOVS  R9, F24
	FDIVS  F24, F30, F24
	LSRW   $1, R8, R8
	SUBW   R6, R8, R9
	SUBW   $1, R9, R9
	CMPW   R7, R9
	BHS    noscale
	FDIVS  F24, F27, F25
	B      scaled

noscale:
	FMOVS  ZR, F24
	CMPW   R6, R8
	CSELW  HI, R10, ZR, R9
	FMOVS  R9, F25

scaled:
	VDUP    V24.S[0], V24.S4
	FMOVS.P F25, 4(R1)
	MOVD    $16, R12

round:
	VLD1.P 64(R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	ROUND16(V26)
	VST1.P [V26.B16], 16(R0)
	SADDLV(26, 26)
	VST1.P V26.H[0], 2(R2)
	SUBS   $1, R12
	BNE    round
	SUBS   $1, R4
	BNE    block
	RET

// func sums32NEON(z *float32, q *int8, groups int)
TEXT ·sums32NEON(SB), NOSPLIT, $0-24
	MOVD  z+0(FP), R0
	MOVD  q+8(FP), R1
	MOVD  groups+16(FP), R2
	VMOVI $1, V31.B16

group:
	VLD1.P  32(R1), [V0.B16, V1.B16]
	ZERO(V2)
	SDOT(31, 0, 2)
	SDOT(31, 1, 2)
	VADDV   V2.S4, V2
	SCVTF4(2, 2)
	FMOVS.P F2, 4(R0)
	SUBS    $1, R2
	BNE     group
	RET

// func sums16NEON(z *float32, q *int8, groups int)
TEXT ·sums16NEON(SB), NOSPLIT, $0-24
	MOVD  z+0(FP), R0
	MOVD  q+8(FP), R1
	MOVD  groups+16(FP), R2
	VMOVI $1, V31.B16

group:
	VLD1.P  16(R1), [V0.B16]
	ZERO(V2)
	SDOT(31, 0, 2)
	VADDV   V2.S4, V2
	SCVTF4(2, 2)
	FMOVS.P F2, 4(R0)
	SUBS    $1, R2
	BNE     group
	RET
