package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// blockFloatInputs are 33 blocks of many magnitudes, some that are not finite among them, and a part of a block.
func blockFloatInputs() []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 33*BlockFloatBlock+7)
	for i := range x {
		x[i] = float32(r.NormFloat64() * math.Exp2(float64(i/BlockFloatBlock-20)))
	}
	clear(x[:BlockFloatBlock])
	for i := range 4 { // ties, and the largest mantissa
		x[40*(i+1)] = float32(math.Exp2(float64(i-4))) * 127.5 / 128
	}
	x[20*BlockFloatBlock+3] = float32(math.Inf(1))
	x[21*BlockFloatBlock+4] = float32(math.NaN())
	x[22*BlockFloatBlock+5] = math.MaxFloat32
	return x
}

// The kernels of all levels give the reference's bytes and halves.
func TestBlockFloat(t *testing.T) {
	x := blockFloatInputs()
	blocks := (len(x) + BlockFloatBlock - 1) / BlockFloatBlock
	padded := make([]float32, blocks*BlockFloatBlock)
	copy(padded, x)
	want := make([]byte, blocks*BlockFloatSize)
	toBlockFloatGeneric(want, padded)
	halves := make([]uint16, len(padded))
	blockFloatToF16Generic(halves, want)
	forLevels(t, func(t *testing.T) {
		got, h := make([]byte, len(want)+1), make([]uint16, len(halves)+1)
		got[len(want)], h[len(halves)] = 0xaa, 0xaaaa
		ToBlockFloat(got, x)
		if !slices.Equal(got[:len(want)], want) || got[len(want)] != 0xaa {
			t.Errorf("blocks differ from the reference's, or bytes behind were written")
		}
		BlockFloatToF16(h, got[:len(want)])
		if !slices.Equal(h[:len(halves)], halves) || h[len(halves)] != 0xaaaa {
			t.Errorf("halves differ from the reference's, or some behind were written")
		}
	})
}

// Rounding is to half a step of a 63rd of the largest magnitude at most, what is not finite stays so, and blocks are
// rounded to themselves.
func TestBlockFloatRounds(t *testing.T) {
	x := blockFloatInputs()
	x = x[:len(x)/BlockFloatBlock*BlockFloatBlock]
	b, h, y := make([]byte, len(x)/BlockFloatBlock*BlockFloatSize), make([]uint16, len(x)), make([]float32, len(x))
	ToBlockFloat(b, x)
	BlockFloatToF16(h, b)
	F16ToF32(y, h)
	for at := 0; at < len(x); at += BlockFloatBlock {
		most := 0.0
		for _, v := range x[at:][:BlockFloatBlock] {
			most = max(most, math.Abs(float64(v)))
		}
		if !(most < 60000) { // NaN, and what is beyond half floats
			if !slices.ContainsFunc(y[at:][:BlockFloatBlock], func(v float32) bool { return math.IsInf(float64(v), 0) }) {
				t.Errorf("block %d: nothing tells that its largest value is %v", at/BlockFloatBlock, most)
			}
			continue
		}
		bound := max(most/64, math.Exp2(leastBlockFloat)) // half a step, and another for 127.5 and more, which become 127
		for i, v := range x[at:][:BlockFloatBlock] {
			if d := math.Abs(float64(y[at+i] - v)); !(d <= bound) {
				t.Errorf("%v became %v; the largest is %v", v, y[at+i], most)
			}
		}
		again := make([]byte, BlockFloatSize)
		ToBlockFloat(again, y[at:][:BlockFloatBlock])
		if !slices.Equal(again, b[at/BlockFloatBlock*BlockFloatSize:][:BlockFloatSize]) {
			t.Errorf("block %d becomes another when it is rounded again", at/BlockFloatBlock)
		}
	}
}
