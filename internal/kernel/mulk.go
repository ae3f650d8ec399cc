package kernel

// The generic kernels of the types in blocks of 256.

func mulQ2_K(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(Q2_K, dst, ld, w, stride, rows, a)
}
func mulQ3_K(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(Q3_K, dst, ld, w, stride, rows, a)
}
func mulQ4_K(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(Q4_K, dst, ld, w, stride, rows, a)
}
func mulQ5_K(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(Q5_K, dst, ld, w, stride, rows, a)
}
func mulQ6_K(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(Q6_K, dst, ld, w, stride, rows, a)
}
func mulIQ4_XS(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ4_XS, dst, ld, w, stride, rows, a)
}
func mulIQ1_S(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ1_S, dst, ld, w, stride, rows, a)
}
func mulIQ1_M(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ1_M, dst, ld, w, stride, rows, a)
}
func mulIQ2_XXS(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ2_XXS, dst, ld, w, stride, rows, a)
}
func mulIQ2_XS(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ2_XS, dst, ld, w, stride, rows, a)
}
func mulIQ2_S(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ2_S, dst, ld, w, stride, rows, a)
}
func mulIQ3_XXS(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ3_XXS, dst, ld, w, stride, rows, a)
}
func mulIQ3_S(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(IQ3_S, dst, ld, w, stride, rows, a)
}
func mulTQ1_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(TQ1_0, dst, ld, w, stride, rows, a)
}
func mulTQ2_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8K(TQ2_0, dst, ld, w, stride, rows, a)
}

// mulQ8K multiplies tile after tile: y = Σ_b d_a·(d·Σ_g sc·Σ (w-bias)·q − dmin·Σ_g mn·Σ q) over the blocks b and their
// groups of 16 g. Everything behind d_a is integers but d and dmin.
func mulQ8K(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	var tl tile
	_, bytes := t.Block()
	for r := 0; r < rows; r += tileRows {
		n := min(tileRows, rows-r)
		for b := range a.Cols / kBlock {
			for i := range n {
				tl[i].unpackK(t, w[(r+i)*stride+b*bytes:][:bytes])
			}
			tl.mulK(t, dst[r:], ld, n, b, a)
		}
	}
}

// mulK adds the products of n rows of the tile with block b of all tokens to dst; it sets dst when b is 0.
func (tl *tile) mulK(t Type, dst []float32, ld, n, b int, a *Act) {
	var p packed
	var sums [kBlock / kGroup]int32
	bias, bits := codesOf(t)
	min := hasMin(t)
	for tok := range a.N {
		o := tok*(a.Cols/kBlock) + b
		p.pack(a.k8[o*kBlock:][:kBlock])
		d := a.kd[o]
		dst := dst[tok*ld:][:n]
		for i := range dst {
			p.dot(&sums, &tl[i].q, len(sums), bits)
			v := float32(tl[i].kd*d) * float32(p.scaleK(&sums, &tl[i].sc, bias))
			if min {
				v -= float32(tl[i].kmin*d) * float32(dotInts(&tl[i].mn, &p.sum))
			}
			if b > 0 {
				v += dst[i]
			}
			dst[i] = v
		}
	}
}

// scaleK returns Σ_g sc·Σ (w-bias)·x.
func (p *packed) scaleK(sums, sc *[kBlock / kGroup]int32, bias int32) int32 {
	v := int32(0)
	for g, sc := range sc {
		v += sc * (sums[g] - bias*p.sum[g])
	}
	return v
}

// dotInts returns Σ_g x·y.
func dotInts(x, y *[kBlock / kGroup]int32) int32 {
	v := int32(0)
	for g, x := range x {
		v += x * y[g]
	}
	return v
}
