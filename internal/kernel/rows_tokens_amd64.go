//go:build !purego

package kernel

import "sync"

// rowTokens is how many tokens go through a row together, or twice as many.
const rowTokens = 4

// rowsTokens is the assembly for rowTokens tokens or twice as many, rowsKTokens that for rowTokens.
type (
	rowsTokens  = func(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, pairs *float32, blocks int)
	rowsKTokens = func(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, d *float32, bsums *int16, ldsums, blocks int)
)

// tokenScales has the scales of tokens side by side, by fours, block after block.
type tokenScales struct{ x []float32 }

var scalePool = sync.Pool{New: func() any { return new(tokenScales) }}

// rows32Tokens makes a kernel of ones that multiply rows in blocks of 32 by one token, by four and, unless that is nil,
// by eight, to the same bits.
func rows32Tokens(one rows32One, four, eight rowsTokens) kernel {
	single := rows32With(one)
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		n, blocks := a.alone(panelFrom), a.Cols/q8Block
		if n < rowTokens {
			single(dst, ld, w, stride, rows, a)
			return
		}
		p := scalePool.Get().(*tokenScales)
		defer scalePool.Put(p)
		p.pairs(a, n/rowTokens*rowTokens, blocks)
		for r := 0; r < rows; r += rowChunk {
			k, t := min(rowChunk, rows-r), 0
			for ; eight != nil && t+2*rowTokens <= n; t += 2 * rowTokens {
				eight(&dst[t*ld+r], ld, &w[r*stride], stride, k, &a.q8[t*a.Cols], a.Cols, &p.x[2*t*blocks], blocks)
			}
			for ; t+rowTokens <= n; t += rowTokens {
				four(&dst[t*ld+r], ld, &w[r*stride], stride, k, &a.q8[t*a.Cols], a.Cols, &p.x[2*t*blocks], blocks)
			}
			for ; t < n; t++ {
				b := t * blocks
				one(&dst[t*ld+r], &w[r*stride], stride, k, &a.q8[b*q8Block], &a.d[b], &a.s[b], blocks)
			}
		}
	}
}

// rowsKWithTokens makes a kernel of ones that multiply rows in blocks of 256 by one token and by four, to the same bits.
func rowsKWithTokens(one rowsKOne, four rowsKTokens) kernel {
	single := rowsKWith(one)
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		n, blocks := a.alone(panelFrom), a.Cols/kBlock
		if n < rowTokens {
			single(dst, ld, w, stride, rows, a)
			return
		}
		p := scalePool.Get().(*tokenScales)
		defer scalePool.Put(p)
		together, sums := n/rowTokens*rowTokens, a.Cols/kGroup
		p.singles(a, together, blocks)
		for r := 0; r < rows; r += rowChunk {
			k := min(rowChunk, rows-r)
			for t := 0; t < together; t += rowTokens {
				four(&dst[t*ld+r], ld, &w[r*stride], stride, k, &a.k8[t*a.Cols], a.Cols, &p.x[t*blocks], &a.bsums[t*sums], sums, blocks)
			}
			for t := together; t < n; t++ {
				one(&dst[t*ld+r], &w[r*stride], stride, k, &a.k8[t*a.Cols], &a.kd[t*blocks], &a.bsums[t*sums], blocks)
			}
		}
	}
}

// pairs fills in d and s of n tokens, each token's side by side.
func (p *tokenScales) pairs(a *Act, n, blocks int) {
	p.x = sized(p.x, 2*n*blocks)
	for t := range n {
		d, s := a.d[t*blocks:][:blocks], a.s[t*blocks:][:blocks]
		out := p.x[t/rowTokens*rowTokens*2*blocks+t%rowTokens*2:]
		for b := range d {
			out[2*rowTokens*b], out[2*rowTokens*b+1] = d[b], s[b]
		}
	}
}

// singles fills in the d of n tokens.
func (p *tokenScales) singles(a *Act, n, blocks int) {
	p.x = sized(p.x, n*blocks)
	for t := range n {
		out := p.x[t/rowTokens*rowTokens*blocks+t%rowTokens:]
		for b, d := range a.kd[t*blocks:][:blocks] {
			out[rowTokens*b] = d
		}
	}
}
