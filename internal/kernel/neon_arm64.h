// Instructions that Go's assembler does not know, by their encodings, and what several kernels share. Arguments are register
// numbers in the order of Go's assembler: the destination is the last one, m and n are Rm and Rn of the Arm manual. Where the
// order of the operands matters the result is written beside the name.

// SDOT Vd.4S, Vn.16B, Vm.16B: each lane of d grows by the sum of its four products of int8.
#define SDOT(m, n, d) WORD $(0x4E809400 | (m)<<16 | (n)<<5 | (d))
// SDOT Vd.4S, Vn.16B, Vm.4B[i]: all lanes of n times the same four bytes of m.
#define SDOTE(i, m, n, d) WORD $(0x4F80E000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// SMMLA Vd.4S, Vn.16B, Vm.16B: n and m are two rows of eight int8 each, d grows by their four products: those of row 0 of n
// with both rows of m, then those of row 1.
#define SMMLA(m, n, d) WORD $(0x4E80A400 | (m)<<16 | (n)<<5 | (d))

// MLA Vd.4S, Vn.4S, Vm.S[i]: integers, d += n·m[i].
#define MLAE(i, m, n, d) WORD $(0x6F800000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))
// SMULL, SMLAL, SMLAL2 Vd.4S, Vn.8H, Vm.8H: d = n·m of the lower lanes, d += n·m of the lower ones, of the upper ones.
#define SMULL(m, n, d) WORD $(0x0E60C000 | (m)<<16 | (n)<<5 | (d))
#define SMLAL(m, n, d) WORD $(0x0E608000 | (m)<<16 | (n)<<5 | (d))
#define SMLAL2(m, n, d) WORD $(0x4E608000 | (m)<<16 | (n)<<5 | (d))
// SSHLL, SSHLL2 with a shift of 0: the lower or upper lanes sign-extended to twice their size.
#define SXTL8H(n, d) WORD $(0x0F08A400 | (n)<<5 | (d))
#define SXTL28H(n, d) WORD $(0x4F08A400 | (n)<<5 | (d))
#define SXTL4S(n, d) WORD $(0x0F10A400 | (n)<<5 | (d))
#define SXTL24S(n, d) WORD $(0x4F10A400 | (n)<<5 | (d))
// MUL Vd.16B, Vn.16B, Vm.16B: the lower halves of products.
#define MUL16B(m, n, d) WORD $(0x4E209C00 | (m)<<16 | (n)<<5 | (d))
// CMHI Vd.16B, Vn.16B, Vm.16B: all ones where the byte of n is larger than that of m.
#define CMHI16B(m, n, d) WORD $(0x6E203400 | (m)<<16 | (n)<<5 | (d))
// MUL, SSHR #15 Vd.8H: the lower halves of products, all bits as the sign.
#define MUL8H(m, n, d) WORD $(0x4E609C00 | (m)<<16 | (n)<<5 | (d))
#define SSHR15(n, d) WORD $(0x4F110400 | (n)<<5 | (d))
// SMAX Vd.4S, Vn.4S, Vm.4S: the larger int32.
#define SMAX4(m, n, d) WORD $(0x4EA06400 | (m)<<16 | (n)<<5 | (d))
// SADDLV Hd, Vn.16B: the sum of 16 int8.
#define SADDLV(n, d) WORD $(0x4E303800 | (n)<<5 | (d))
// UMAXV Sd, Vn.4S: the largest of four uint32.
#define UMAXV(n, d) WORD $(0x6EB0A800 | (n)<<5 | (d))

// Four floats: n+m, n-m, n·m, n/m, neighbours added (those of n first), the larger, the smaller; a NaN wins.
#define FADD4(m, n, d) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))
#define FSUB4(m, n, d) WORD $(0x4EA0D400 | (m)<<16 | (n)<<5 | (d))
#define FMUL4(m, n, d) WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))
#define FDIV4(m, n, d) WORD $(0x6E20FC00 | (m)<<16 | (n)<<5 | (d))
#define FADDP4(m, n, d) WORD $(0x6E20D400 | (m)<<16 | (n)<<5 | (d))
#define FMAX4(m, n, d) WORD $(0x4E20F400 | (m)<<16 | (n)<<5 | (d))
#define FMIN4(m, n, d) WORD $(0x4EA0F400 | (m)<<16 | (n)<<5 | (d))
// FNEG, FRINTN (to nearest, ties to even), FCVTZS (to int32), SCVTF (from int32) Vd.4S.
#define FNEG4(n, d) WORD $(0x6EA0F800 | (n)<<5 | (d))
#define FRINTN4(n, d) WORD $(0x4E218800 | (n)<<5 | (d))
#define FCVTZS4(n, d) WORD $(0x4EA1B800 | (n)<<5 | (d))
#define SCVTF4(n, d) WORD $(0x4E21D800 | (n)<<5 | (d))
// The same from quarters and eighths: SCVTF with 2 or 3 bits of fraction.
#define QUARTERS4(n, d) WORD $(0x4F3EE400 | (n)<<5 | (d))
#define EIGHTHS4(n, d) WORD $(0x4F3DE400 | (n)<<5 | (d))
// SSHR Vd.4S, Vn.4S, #1.
#define SSHR1(n, d) WORD $(0x4F3F0400 | (n)<<5 | (d))

// FCVTL, FCVTL2 Vd.4S: the lower or upper four half floats of n as floats. FCVTN, FCVTN2: floats as half floats, rounded to
// nearest, ties to even, into the lower or upper half of d.
#define FCVTL(n, d) WORD $(0x0E217800 | (n)<<5 | (d))
#define FCVTL2(n, d) WORD $(0x4E217800 | (n)<<5 | (d))
#define FCVTN(n, d) WORD $(0x0E216800 | (n)<<5 | (d))
#define FCVTN2(n, d) WORD $(0x4E216800 | (n)<<5 | (d))

// USHL Vd.16B, Vn.16B, Vm.16B, Vd.8H and Vd.4S: the lanes of n shifted left by those of m, right where they are negative.
#define USHL16B(m, n, d) WORD $(0x6E204400 | (m)<<16 | (n)<<5 | (d))
#define USHL8H(m, n, d) WORD $(0x6E604400 | (m)<<16 | (n)<<5 | (d))
#define USHL4S(m, n, d) WORD $(0x6EA04400 | (m)<<16 | (n)<<5 | (d))
// BIC Vd.16B, Vn.16B, Vm.16B: n &^ m.
#define BIC16B(m, n, d) WORD $(0x4E601C00 | (m)<<16 | (n)<<5 | (d))

// ZERO clears a vector.
#define ZERO(v) VEOR v.B16, v.B16, v.B16

// SPREAD sets the bytes of a and b to all ones where a bit of the lowest 32 of v is set, else to 0; b may be v. V13 takes each
// of the first two bytes eight times, V14 the next two, V15 has the bit to test in each lane.
#define SPREAD(v, a, b) \
	VTBL   V13.B16, [v.B16], a.B16  \
	VTBL   V14.B16, [v.B16], b.B16  \
	VCMTST V15.B16, a.B16, a.B16    \
	VCMTST V15.B16, b.B16, b.B16

#define SPREADCONSTANTS \
	VMOVQ $0x0000000000000000, $0x0101010101010101, V13 \
	VMOVQ $0x0202020202020202, $0x0303030303030303, V14 \
	VMOVQ $0x8040201008040201, $0x8040201008040201, V15

// POINTERS4 sets a, b, c, d to the first four of count rows that begin at first, stride bytes apart; where there are fewer,
// the last one stands for the others.
#define POINTERS4(first, stride, count, a, b, c, d) \
	MOVD first, a             \
	ADD  stride, a, b         \
	CMP  $2, count            \
	CSEL LT, a, b, b          \
	ADD  stride, b, c         \
	CMP  $3, count            \
	CSEL LT, b, c, c          \
	ADD  stride, c, d         \
	CMP  $4, count            \
	CSEL LT, c, d, d

// STORE4 writes the first min(count, 4) floats of v from p on; it moves p, and needs two labels.
#define STORE4(v, count, p, few, done) \
	CMP    $4, count          \
	BLT    few                \
	VST1   [v.S4], (p)        \
	B      done               \
few:                          \
	VST1.P v.S[0], 4(p)       \
	CMP    $2, count          \
	BLT    done               \
	VST1.P v.S[1], 4(p)       \
	BEQ    done               \
	VST1.P v.S[2], 4(p)       \
done:
