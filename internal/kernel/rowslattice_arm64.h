// What rows of lattice points share: points come from their table, at R9, one load each. Their numbers are made of bytes and
// some more bits.

// ZIPPED sets R22–R25 to 16 numbers of 16 bits: the bytes of low, and above them those of high.
#define ZIPPED(low, high) \
	VZIP1 high.B16, low.B16, V2.B16 \
	VZIP2 high.B16, low.B16, V3.B16 \
	VMOV  V2.D[0], R22              \
	VMOV  V2.D[1], R23              \
	VMOV  V3.D[0], R24              \
	VMOV  V3.D[1], R25

// NUMBERS4 takes the numbers of four points from r, so many bits of every 16.
#define NUMBERS4(r, bits) \
	UBFX $0, r, $bits, R16  \
	UBFX $16, r, $bits, R17 \
	UBFX $32, r, $bits, R20 \
	UBFX $48, r, $bits, R21

// POINTS8 sets V4 and V5 to four points of eight coordinates.
#define POINTS8 \
	FMOVD (R9)(R16<<3), F4 \
	FMOVD (R9)(R17<<3), F0 \
	FMOVD (R9)(R20<<3), F5 \
	FMOVD (R9)(R21<<3), F1 \
	VMOV  V0.D[0], V4.D[1] \
	VMOV  V1.D[0], V5.D[1]
