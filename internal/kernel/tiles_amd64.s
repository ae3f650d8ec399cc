//go:build !purego

#include "textflag.h"

// Products of AMX tiles, whose instructions Go's assembler does not know: Intel 64 and IA-32 Architectures Software
// Developer's Manual, volume 2, has their encodings.
//
//	T0 T1   sums of tokens  0 … 15 with rows 0 … 15 and 16 … 31     T4   tokens  0 … 15, 32 columns     T6   rows  0 … 15
//	T2 T3   sums of tokens 16 … 31                                  T5   tokens 16 … 31                 T7   rows 16 … 31
//
// Tiles are configured and released within a call: between calls a goroutine may move to another thread.

// tileShapes configures eight tiles of 16 rows of 64 bytes: palette 1, the bytes of a row at 16, the rows at 48.
DATA tileShapes<>+0(SB)/8, $1
DATA tileShapes<>+8(SB)/8, $0
DATA tileShapes<>+16(SB)/8, $0x0040004000400040
DATA tileShapes<>+24(SB)/8, $0x0040004000400040
DATA tileShapes<>+32(SB)/8, $0
DATA tileShapes<>+40(SB)/8, $0
DATA tileShapes<>+48(SB)/8, $0x1010101010101010
DATA tileShapes<>+56(SB)/8, $0
GLOBL tileShapes<>(SB), RODATA|NOPTR, $64

// func tiles32AMX(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int)
TEXT ·tiles32AMX(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ ld+8(FP), DX
	SHLQ $2, DX
	MOVQ x+16(FP), R8
	MOVQ step+24(FP), R9
	SHLQ $1, R9
	MOVQ w+32(FP), R10
	MOVQ groups+48(FP), R12
	MOVQ add+56(FP), R13
	LEAQ tileShapes<>(SB), AX
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0x00 // LDTILECFG  (AX)
	MOVQ $64, CX  // between tokens
	MOVQ $128, AX // between pairs of columns of weights

group:
	MOVQ DX, SI
	SHLQ $4, SI
	ADDQ DI, SI
	TESTQ R13, R13
	JZ    clear
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x04; BYTE $0x17 // TILELOADD  (DI)(DX*1), T0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x4c; BYTE $0x17; BYTE $0x40 // TILELOADD  64(DI)(DX*1), T1
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x14; BYTE $0x16 // TILELOADD  (SI)(DX*1), T2
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x5c; BYTE $0x16; BYTE $0x40 // TILELOADD  64(SI)(DX*1), T3
	JMP multiply

clear:
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc0 // TILEZERO   T0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc8 // TILEZERO   T1
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xd0 // TILEZERO   T2
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xd8 // TILEZERO   T3

multiply:
	MOVQ R8, SI
	MOVQ R10, BX
	MOVQ steps+40(FP), R11

step:
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x24; BYTE $0x0e // TILELOADD  (SI)(CX*1), T4
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x34; BYTE $0x03 // TILELOADD  (BX)(AX*1), T6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x4a; BYTE $0x5c; BYTE $0xc4 // TDPBF16PS  T6, T4, T0: T0 += T4·T6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x7c; BYTE $0x03; BYTE $0x40 // TILELOADD  64(BX)(AX*1), T7
	BYTE $0xc4; BYTE $0xe2; BYTE $0x42; BYTE $0x5c; BYTE $0xcc // TDPBF16PS  T7, T4, T1: T1 += T4·T7
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0xac; BYTE $0x0e; BYTE $0x00; BYTE $0x04; BYTE $0x00; BYTE $0x00 // TILELOADD  1024(SI)(CX*1), T5
	BYTE $0xc4; BYTE $0xe2; BYTE $0x4a; BYTE $0x5c; BYTE $0xd5 // TDPBF16PS  T6, T5, T2: T2 += T5·T6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x42; BYTE $0x5c; BYTE $0xdd // TDPBF16PS  T7, T5, T3: T3 += T5·T7
	ADDQ R9, SI
	ADDQ $2048, BX
	DECQ R11
	JNZ  step

	MOVQ DX, SI
	SHLQ $4, SI
	ADDQ DI, SI
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x04; BYTE $0x17 // TILESTORED T0, (DI)(DX*1)
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x4c; BYTE $0x17; BYTE $0x40 // TILESTORED T1, 64(DI)(DX*1)
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x14; BYTE $0x16 // TILESTORED T2, (SI)(DX*1)
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x5c; BYTE $0x16; BYTE $0x40 // TILESTORED T3, 64(SI)(DX*1)
	ADDQ $2048, R8
	MOVQ DX, SI
	SHLQ $5, SI
	ADDQ SI, DI
	DECQ R12
	JNZ  group
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0xc0 // TILERELEASE
	RET

// func tiles16AMX(dst *float32, ld int, x *uint16, step int, w *uint16, steps, groups, add int)
TEXT ·tiles16AMX(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ ld+8(FP), DX
	SHLQ $2, DX
	MOVQ x+16(FP), R8
	MOVQ step+24(FP), R9
	SHLQ $1, R9
	MOVQ w+32(FP), R10
	MOVQ groups+48(FP), R12
	MOVQ add+56(FP), R13
	LEAQ tileShapes<>(SB), AX
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0x00 // LDTILECFG  (AX)
	MOVQ $64, CX  // between tokens
	MOVQ $128, AX // between pairs of columns of weights

group:
	TESTQ R13, R13
	JZ    clear
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x04; BYTE $0x17 // TILELOADD  (DI)(DX*1), T0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x4c; BYTE $0x17; BYTE $0x40 // TILELOADD  64(DI)(DX*1), T1
	JMP multiply

clear:
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc0 // TILEZERO   T0
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $0xc8 // TILEZERO   T1

multiply:
	MOVQ R8, SI
	MOVQ R10, BX
	MOVQ steps+40(FP), R11

step:
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x24; BYTE $0x0e // TILELOADD  (SI)(CX*1), T4
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x34; BYTE $0x03 // TILELOADD  (BX)(AX*1), T6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x4a; BYTE $0x5c; BYTE $0xc4 // TDPBF16PS  T6, T4, T0: T0 += T4·T6
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $0x7c; BYTE $0x03; BYTE $0x40 // TILELOADD  64(BX)(AX*1), T7
	BYTE $0xc4; BYTE $0xe2; BYTE $0x42; BYTE $0x5c; BYTE $0xcc // TDPBF16PS  T7, T4, T1: T1 += T4·T7
	ADDQ R9, SI
	ADDQ $2048, BX
	DECQ R11
	JNZ  step

	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x04; BYTE $0x17 // TILESTORED T0, (DI)(DX*1)
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $0x4c; BYTE $0x17; BYTE $0x40 // TILESTORED T1, 64(DI)(DX*1)
	ADDQ $1024, R8
	MOVQ DX, SI
	SHLQ $4, SI
	ADDQ SI, DI
	DECQ R12
	JNZ  group
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0xc0 // TILERELEASE
	RET
