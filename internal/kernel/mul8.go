package kernel

// The generic kernels of the types in blocks of 32.

func mulQ4_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q4_0, dst, ld, w, stride, rows, a)
}
func mulQ4_1(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q4_1, dst, ld, w, stride, rows, a)
}
func mulQ5_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q5_0, dst, ld, w, stride, rows, a)
}
func mulQ5_1(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q5_1, dst, ld, w, stride, rows, a)
}
func mulQ8_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q8_0, dst, ld, w, stride, rows, a)
}
func mulIQ4_NL(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(IQ4_NL, dst, ld, w, stride, rows, a)
}
func mulMXFP4(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(MXFP4, dst, ld, w, stride, rows, a)
}
func mulQ1_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q1_0, dst, ld, w, stride, rows, a)
}
func mulQ2_0(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	mulQ8(Q2_0, dst, ld, w, stride, rows, a)
}

// mulQ8 multiplies tile after tile: y = Σ_b d_w·d_a·Σ (w-bias)·q + m·s_a over the blocks b. The columns of a tile are
// the outer loop of a group of rows, so that a piece of the activations is packed once for tileRows rows.
func mulQ8(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act) {
	var tl tile
	elems, bytes := t.Block()
	for r := 0; r < rows; r += tileRows {
		n := min(tileRows, rows-r)
		for c := 0; c < a.Cols; c += tileCols {
			cols := min(tileCols, a.Cols-c)
			for i := range n {
				tl[i].unpack(t, w[(r+i)*stride+c/elems*bytes:][:cols/elems*bytes])
			}
			tl.mul8(t, dst[r:], ld, n, c, cols, a)
		}
	}
}

// mul8 adds the products of n rows of the tile with columns c … c+cols-1 of all tokens to dst; it sets dst when c is 0.
func (tl *tile) mul8(t Type, dst []float32, ld, n, c, cols int, a *Act) {
	var p packed
	var sums [tileCols / kGroup]int32
	bias, bits := codesOf(t)
	min := hasMin(t)
	for tok := range a.N {
		o := tok*a.Cols + c
		p.pack(a.q8[o:][:cols])
		d, s := a.d[o/q8Block:][:cols/q8Block], a.s[o/q8Block:][:cols/q8Block]
		dst := dst[tok*ld:][:n]
		for i := range dst {
			p.dot(&sums, &tl[i].q, cols/kGroup, bits)
			v := p.scale8(&sums, &tl[i].d, d, bias)
			if min {
				v += dotFloats(tl[i].m[:], s)
			}
			if c > 0 {
				v += dst[i]
			}
			dst[i] = v
		}
	}
}

// scale8 returns Σ_b dw·d·(Σ (w-bias)·x) over len(d) blocks of two groups each.
func (p *packed) scale8(sums *[tileCols / kGroup]int32, dw *[tileCols / q8Block]float32, d []float32, bias int32) float32 {
	v := float32(0)
	for b := range min(len(d), len(dw)) {
		sum := sums[2*b] + sums[2*b+1] - bias*(p.sum[2*b]+p.sum[2*b+1])
		v += float32(dw[b]*d[b]) * float32(sum)
	}
	return v
}

// dotFloats returns Σ m·s over len(s) values.
func dotFloats(m, s []float32) float32 {
	v := float32(0)
	m = m[:len(s)]
	for i, s := range s {
		v += m[i] * s
	}
	return v
}
