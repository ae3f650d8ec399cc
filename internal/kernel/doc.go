// Package kernel multiplies by quantised matrices: y[t,r] = Σ_c W[r,c]·x[t,c], with W in one of ggml's block formats.
//
// A weight of a block format is an affine function of a small integer:
//
//	32-blocks   w = d·q           Q4_0 Q5_0 Q8_0 IQ4_NL MXFP4
//	            w = d·q + m       Q4_1 Q5_1
//	256-blocks  w = d·sc·q        Q3_K Q6_K IQ4_XS
//	            w = d·sc·q − dmin·mn   Q2_K Q4_K Q5_K
//
// with d, m, dmin half floats (MXFP4: a power of two) per block and sc, mn small integers per 16 or 32 weights. The
// activations x are quantised to int8 too, per 32 or 256 values (see [ActType] and [Act]), so that the products and
// most of the sums are integer arithmetic; F32, F16 and BF16 weights take the activations as they are.
//
// The way of a batch of activations through a layer is
//
//	act.Reset(x, n, cols)          // once per input
//	act.Quantize(actType, lo, hi)  // rows split over workers, then a barrier
//	w.Mul(dst, ld, &act, r0, r1)   // weight rows split over workers
//
// The same [Act] serves any number of matrices. Every kernel has a pure-Go form; amd64 and arm64 have SIMD forms,
// chosen by what the CPU can do. Who only wants numbers out of a file needs [Dequantize], and nothing else here.
//
// Formats and rounding follow llama.cpp (ggml-common.h, ggml-quants.c).
package kernel
