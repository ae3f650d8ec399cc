//go:build !purego

package kernel

import "unsafe"

// panelTypesLattice are the types of lattice points and the ternary ones, at AVX2 and above: unpacked by the generic
// code, multiplied as int8 by the kernels of AVX2, single tokens too. Those with a scale per 16 weights and more than 6
// bits, IQ2_XS and IQ2_S, have no kernel that fits.
var panelTypesLattice = []panelType{
	{typ: IQ1_S, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeIQ1S]},
	{typ: IQ2_XXS, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeIQ2XXS]},
	{typ: IQ3_XXS, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeIQ3XXS]},
	{typ: IQ3_S, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeIQ3S]},
	{typ: TQ1_0, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeTQ1]},
	{typ: TQ2_0, group: 32, gemm: &gemmK8AVX2, unpackK: unpackSigned[typeTQ2]},
}

// constType is a type as a type parameter: through a function value that knows it, the row that is unpacked would
// escape to the heap.
type constType interface{ typ() Type }

type (
	typeIQ1S   struct{}
	typeIQ2XXS struct{}
	typeIQ3XXS struct{}
	typeIQ3S   struct{}
	typeTQ1    struct{}
	typeTQ2    struct{}
)

func (typeIQ1S) typ() Type   { return IQ1_S }
func (typeIQ2XXS) typ() Type { return IQ2_XXS }
func (typeIQ3XXS) typ() Type { return IQ3_XXS }
func (typeIQ3S) typ() Type   { return IQ3_S }
func (typeTQ1) typ() Type    { return TQ1_0 }
func (typeTQ2) typ() Type    { return TQ2_0 }

// unpackSigned is panelType.unpackK for a type with a scale per 32 weights: codes become int8, M is 0.
func unpackSigned[T constType](codes *byte, dm *float32, stride, toM int, w *byte, blocks int) {
	var t T
	typ := t.typ()
	_, size := typ.Block()
	b, _ := codesOf(typ)
	bias := uint64(b) * ones
	const groups = kBlock / q8Block
	src, dst := unsafe.Slice(w, blocks*size), unsafe.Slice(codes, blocks*kBlock)
	scales := unsafe.Slice(dm, (blocks*groups-1)*stride+toM+1)
	var row tileRow
	for i := range blocks {
		row.unpackK(typ, src[i*size:][:size])
		for j := 0; j < kBlock; j += 8 {
			// Codes are below 128, biases above 0: the highest bit keeps bytes from borrowing.
			store8(dst[i*kBlock+j:], (load8(row.q[j:])|topBits)-bias^topBits)
		}
		for g := range groups {
			at := (i*groups + g) * stride
			scales[at], scales[at+toM] = row.kd*float32(row.sc[2*g]), 0
		}
	}
}
