//go:build (amd64 || arm64) && !purego

package kernel

// rowChunk is how many rows go through all tokens before the next ones: few enough to stay in the first-level cache.
const rowChunk = 32

// rows32One is the assembly that multiplies rows in blocks of 32 by one token.
type rows32One = func(dst *float32, w *byte, stride, rows int, q *int8, d, s *float32, blocks int)

// rows32With makes a kernel of one that multiplies rows in blocks of 32 by one token: the rows of a batch that are
// alone. It is not inlined, nor are its like: each of their calls, one per type and level, would have a kernel's code of
// its own.
//
//go:noinline
func rows32With(rows32 rows32One) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks, n := a.Cols/q8Block, a.alone(panelFrom)
		chunk := rows
		if n > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range n {
				b := t * blocks
				rows32(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.q8[b*q8Block], &a.d[b], &a.s[b], blocks)
			}
		}
	}
}

// rowsKOne is the assembly that multiplies rows in blocks of 256 by one token.
type rowsKOne = func(dst *float32, w *byte, stride, rows int, q *int8, d *float32, bsums *int16, blocks int)

// rowsKWith makes a kernel of one that multiplies rows in blocks of 256 by one token: the rows of a batch that are
// alone.
//
//go:noinline
func rowsKWith(rowsK rowsKOne) kernel {
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		blocks, n := a.Cols/kBlock, a.alone(panelFrom)
		chunk := rows
		if n > 1 {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t := range n {
				b := t * blocks
				rowsK(&dst[t*ld+r], &w[r*stride], stride, min(chunk, rows-r), &a.k8[b*kBlock], &a.kd[b], &a.bsums[b*kBlock/kGroup], blocks)
			}
		}
	}
}

// floatsWith makes a kernel for type t, F16, BF16 or F32, of ones that take columns in multiples of step; the others
// are added in Go.
func floatsWith(kernels dotKernels, t Type, step int) kernel {
	_, size := t.Block()
	return func(dst []float32, ld int, w []byte, stride, rows int, a *Act) {
		head := a.Cols - a.Cols%step
		chunk := rows
		if a.N > len(kernels) {
			chunk = rowChunk
		}
		for r := 0; r < rows; r += chunk {
			for t, n := 0, 0; t < a.N; t += n {
				n = rowGroup(a.N-t, len(kernels))
				kernels[n-1](&dst[t*ld+r], ld, &a.x[t*a.Cols], a.Cols, &w[r*stride], stride, min(chunk, rows-r), head)
			}
		}
		if head < a.Cols {
			floatTail(t, dst, ld, w[head*size:], stride, rows, a, head)
		}
	}
}

// floatTail adds the products of the columns from head on, fewer than 8; w begins with them.
func floatTail(t Type, dst []float32, ld int, w []byte, stride, rows int, a *Act, head int) {
	_, size := t.Block()
	var buf [8]float32
	tail := buf[:a.Cols-head]
	for r := range rows {
		floats(t, tail, w[r*stride:][:len(tail)*size])
		for t := range a.N {
			dst[t*ld+r] += dotFloats(tail, a.x[t*a.Cols+head:][:len(tail)])
		}
	}
}
