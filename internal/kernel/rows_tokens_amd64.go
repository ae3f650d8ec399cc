//go:build !purego

package kernel

import "sync"

// rowTokens is how many tokens go through a row together.
const rowTokens = 4

// rowsTokens is the assembly for rowTokens tokens.
type rowsTokens = func(dst *float32, ld int, w *byte, stride, rows int, q *int8, ldq int, pairs *float32, blocks int)

// tokenPairs has the scales d and s of tokens as rowsTokens wants them.
type tokenPairs struct{ x []float32 }

var pairPool = sync.Pool{New: func() any { return new(tokenPairs) }}

// rows32Tokens makes a kernel of ones that multiply rows in blocks of 32 by one token and by four, to the same bits.
func rows32Tokens(one func(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int), four rowsTokens) kernel {
	single := rows32With(one)
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		n, blocks := a.alone(panelFrom), a.Cols/q8Block
		if n < rowTokens {
			single(dst, ld, w, stride, rows, a)
			return
		}
		p := pairPool.Get().(*tokenPairs)
		defer pairPool.Put(p)
		together := n / rowTokens * rowTokens
		p.fill(a, together, blocks)
		for r := 0; r < rows; r += rowChunk {
			k := min(rowChunk, rows-r)
			for t := 0; t < together; t += rowTokens {
				four(&dst[t*ld+r], ld, &w[r*stride], stride, k, &a.q8[t*a.Cols], a.Cols, &p.x[2*t*blocks], blocks)
			}
			for t := together; t < n; t++ {
				b := t * blocks
				one(&dst[t*ld+r], &w[r*stride], stride, k, &a.q8[b*q8Block], &a.d[b], &a.s[b], blocks)
			}
		}
	}
}

// fill interleaves the scales of n tokens: by fours, block after block, d and s of each.
func (p *tokenPairs) fill(a *Act, n, blocks int) {
	p.x = sized(p.x, 2*n*blocks)
	for t := range n {
		d, s := a.d[t*blocks:][:blocks], a.s[t*blocks:][:blocks]
		out := p.x[t/rowTokens*rowTokens*2*blocks+t%rowTokens*2:]
		for b := range d {
			out[2*rowTokens*b], out[2*rowTokens*b+1] = d[b], s[b]
		}
	}
}
