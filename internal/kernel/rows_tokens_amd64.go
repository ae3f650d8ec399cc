//go:build !purego

package kernel

import "sync"

// rowTokens is how many tokens go through a row together, or twice as many.
const rowTokens = 4

// rowsTokens and rowsKTokens are the assembly for rowTokens tokens or twice as many.
type (
	rowsTokens  = func(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, pairs *float32, blocks int)
	rowsKTokens = func(dst *float32, ld int, w *byte, stride, rows int, acts *byte, blocks int)
)

// tokenScales has the scales of tokens side by side, by fours, block after block.
type tokenScales struct{ x []float32 }

var scalePool = sync.Pool{New: func() any { return new(tokenScales) }}

// rows32Tokens makes a kernel of ones that multiply rows in blocks of 32 by one token, by four and, unless that is nil,
// by eight, to the same bits.
//
//go:noinline
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

// rowsKWithTokens makes a kernel of ones that multiply rows in blocks of 256 by one token, by four and by eight, to the
// same bits.
//
//go:noinline
func rowsKWithTokens(one rowsKOne, four, eight rowsKTokens) kernel {
	single := rowsKWith(one)
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		n, blocks := a.alone(panelFrom), a.Cols/kBlock
		if n < rowTokens {
			single(dst, ld, w, stride, rows, a)
			return
		}
		p := blockPool.Get().(*tokenBlocks)
		defer blockPool.Put(p)
		p.fill(a, n/rowTokens*rowTokens, blocks)
		for r := 0; r < rows; r += rowChunk {
			k, t := min(rowChunk, rows-r), 0
			for ; t+2*rowTokens <= n; t += 2 * rowTokens {
				eight(&dst[t*ld+r], ld, &w[r*stride], stride, k, &p.b[t*tokenBlock*blocks], blocks)
			}
			for ; t+rowTokens <= n; t += rowTokens {
				four(&dst[t*ld+r], ld, &w[r*stride], stride, k, &p.b[t*tokenBlock*blocks], blocks)
			}
			for ; t < n; t++ {
				one(&dst[t*ld+r], &w[r*stride], stride, k, &a.k8[t*a.Cols], &a.kd[t*blocks], &a.bsums[t*a.Cols/kGroup], blocks)
			}
		}
	}
}

// tokenBlocks has what blocks of 256 need of the tokens that go through a row together, block after block: their q, their
// sums and their scales. Tokens go by eights and, at the end, by four.
type tokenBlocks struct{ b []byte }

var blockPool = sync.Pool{New: func() any { return new(tokenBlocks) }}

// tokenBlock is how many bytes that is of a token and block.
const tokenBlock = kBlock + kBlock/kGroup*2 + 4

// fill takes the first n tokens, a multiple of rowTokens.
func (p *tokenBlocks) fill(a *Act, n, blocks int) {
	p.b = sized(p.b, n*tokenBlock*blocks)
	q, sums, d, out := asBytes(a.k8), asBytes(a.bsums), asBytes(a.kd), p.b
	for t := 0; t < n; {
		k := min(2*rowTokens, n-t)
		for b := range blocks {
			for _, part := range []struct {
				x    []byte
				size int
			}{{q, kBlock}, {sums, kBlock / kGroup * 2}, {d, 4}} {
				for i := t; i < t+k; i++ {
					out = out[copy(out, part.x[(i*blocks+b)*part.size:][:part.size]):]
				}
			}
		}
		t += k
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
