package quant_test

import (
	"fmt"

	"github.com/latentgo/latentgo/quant"
)

// A matrix of two rows is encoded as Q8_0 and multiplied by a vector.
func ExampleMatrix_MulVec() {
	weights := make([]float32, 2*32)
	for c := range 32 {
		weights[c], weights[32+c] = 1, float32(c)
	}
	data := make([]byte, quant.Q8_0.RowBytes(len(weights)))
	if err := quant.Quantize(data, quant.Q8_0, weights); err != nil {
		fmt.Println(err)
		return
	}
	w, err := quant.NewMatrix(quant.Q8_0, 2, 32, data)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := make([]float32, 32)
	x[1], x[31] = 1, -1
	y := make([]float32, 2)
	if err := w.MulVec(y, x); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f\n", y)
	// Output: [0.0 -30.0]
}

// One block of 32 four-bit weights: the scale 0.5 as a half float, then the codes.
func ExampleDequantize() {
	block := append([]byte{0x00, 0x38}, "\x80\x91\xa2\xb3\xc4\xd5\xe6\xf7\x88\x88\x88\x88\x88\x88\x88\x88"...)
	weights := make([]float32, 32)
	if err := quant.Dequantize(weights, quant.Q4_0, block); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(weights[:8])
	fmt.Println(weights[16:24])
	// Output:
	// [-4 -3.5 -3 -2.5 -2 -1.5 -1 -0.5]
	// [0 0.5 1 1.5 2 2.5 3 3.5]
}

// How much smaller a row of 4,096 weights gets.
func ExampleType() {
	for _, t := range []quant.Type{quant.F16, quant.Q8_0, quant.Q4_K} {
		fmt.Println(t, t.RowBytes(4096))
	}
	// Output:
	// F16 8192
	// Q8_0 4352
	// Q4_K 2304
}
