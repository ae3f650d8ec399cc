package kernel

import "math"

// roundMagic added to a float of magnitude below 2^22 leaves its nearest integer, ties to even, in the low mantissa
// bits: the low byte is the int8.
const roundMagic = 3 << 22

// tiny is the magnitude below which 127/x overflows; a block that holds nothing larger becomes zero.
const tiny = 127 / float32(math.MaxFloat32)

// quantQ8 is the generic kernelSet.quantQ8: per block of 32, d = max|x|/127, q = round(x·127/max|x|), s = d·Σq.
func quantQ8(q []int8, d, s, x []float32) {
	for b := range d {
		x, q := (*[q8Block]float32)(x[b*q8Block:]), (*[q8Block]int8)(q[b*q8Block:])
		amax := absMax(x[:])
		id, sum := inverse(127, amax), int32(0)
		for j, v := range x {
			i := int8(math.Float32bits(float32(v*id) + roundMagic))
			q[j], sum = i, sum+int32(i)
		}
		if id == 0 && amax <= tiny {
			amax = 0
		}
		d[b] = amax / 127
		s[b] = d[b] * float32(sum)
	}
}

// quantQ8K is the generic kernelSet.quantQ8K: per block of 256, with m the first value of the largest magnitude, sign
// included, q = round(-127·x/m), d = -m/127 and the sums of 16 q each. (ggml's way: the largest becomes -127.)
func quantQ8K(q []int8, d []float32, bsums []int16, x []float32) {
	for b := range d {
		x, q := (*[kBlock]float32)(x[b*kBlock:]), (*[kBlock]int8)(q[b*kBlock:])
		m := signedMax(x[:])
		id := inverse(-127, m)
		d[b] = 0
		if id != 0 {
			d[b] = 1 / id
		} else if m != m || m > 1 || m < -1 {
			d[b] = float32(math.NaN())
		}
		sums := (*[kBlock / kGroup]int16)(bsums[b*kBlock/kGroup:])
		for g := range sums {
			x, q := (*[kGroup]float32)(x[g*kGroup:]), (*[kGroup]int8)(q[g*kGroup:])
			sum := int32(0)
			for j, v := range x {
				i := int8(math.Float32bits(float32(v*id) + roundMagic))
				q[j], sum = i, sum+int32(i)
			}
			sums[g] = int16(sum)
		}
	}
}

// inverse returns c/m for a block's largest value m, 0 where the block has no finite scale: m tiny, infinite or NaN.
func inverse(c, m float32) float32 {
	if a := float32(math.Abs(float64(m))); a > tiny && a <= math.MaxFloat32 {
		return c / m
	}
	return 0
}

// absMax returns the largest magnitude in x; a NaN is larger than all numbers, by its bits.
func absMax(x []float32) float32 {
	var m0, m1, m2, m3 uint32
	for ; len(x) >= 4; x = x[4:] {
		m0 = max(m0, math.Float32bits(x[0])<<1)
		m1 = max(m1, math.Float32bits(x[1])<<1)
		m2 = max(m2, math.Float32bits(x[2])<<1)
		m3 = max(m3, math.Float32bits(x[3])<<1)
	}
	for _, v := range x {
		m0 = max(m0, math.Float32bits(v)<<1)
	}
	return math.Float32frombits(max(m0, m1, m2, m3) >> 1)
}

// signedMax returns the first value of the largest magnitude in x; a NaN is larger than all numbers.
func signedMax(x []float32) float32 {
	m := math.Float32bits(absMax(x))
	for _, v := range x {
		if math.Float32bits(v)&^(1<<31) == m {
			return v
		}
	}
	return 0
}

// groupSumsGeneric is the generic kernelSet.sums.
func groupSumsGeneric(z []float32, q []int8, group int) {
	for i := range z {
		sum := int32(0)
		for _, v := range q[i*group:][:group] {
			sum += int32(v)
		}
		z[i] = float32(sum)
	}
}
