package model

import "github.com/latentgo/latentgo/internal/kernel"

// Matrices that files have as one though they are several, with their rows mixed.

// regroup splits a matrix whose rows are groups of sizes[0] + sizes[1] + … rows into one matrix per size, which has the
// rows of all groups. The rows are copied.
func (l Linear) regroup(groups int, sizes ...int) []Linear {
	size := l.RowBytes(l.Cols)
	data, rows := make([][]byte, len(sizes)), make([][]int, len(sizes))
	for at, g := 0, 0; g < groups; g++ {
		for i, n := range sizes {
			data[i] = append(data[i], l.Bytes()[at*size:(at+n)*size]...)
			for k := range n {
				rows[i] = append(rows[i], at+k)
			}
			at += n
		}
	}
	out := make([]Linear, len(sizes))
	for i, n := range sizes {
		out[i] = Linear{newMatrix(l.Type, groups*n, l.Cols, data[i]), l.Scale, l.sums, l.low.pick(groups*n, func(k int) int { return rows[i][k] })}
	}
	return out
}

// joined returns the rows of parts of one matrix, as regroup gave them, as one matrix.
func joined(parts ...Linear) Linear {
	var data []byte
	out, rows := parts[0], 0
	for _, m := range parts {
		data, rows = append(data, m.Bytes()...), rows+m.Rows
	}
	out.Matrix = newMatrix(out.Type, rows, out.Cols, data)
	if out.low != nil {
		out.low = out.low.span(0, parts[0].Rows) // a copy, which grows
		for _, m := range parts[1:] {
			for i := range m.low.factors {
				out.low.factors[i].b = append(out.low.factors[i].b, m.low.factors[i].b...)
			}
		}
	}
	return out
}

func newMatrix(t kernel.Type, rows, cols int, data []byte) *kernel.Matrix {
	m, err := kernel.NewMatrix(t, rows, cols, data)
	if err != nil {
		panic(err) // the rows are another matrix's
	}
	return m
}
