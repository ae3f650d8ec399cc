package model

import "github.com/latentgo/latentgo/internal/kernel"

// Matrices that files have as one though they are several, with their rows mixed.

// regroup splits a matrix whose rows are groups of sizes[0] + sizes[1] + … rows into one matrix per size, which has the
// rows of all groups. The rows are copied.
func (l Linear) regroup(groups int, sizes ...int) []Linear {
	size := l.RowBytes(l.Cols)
	data := make([][]byte, len(sizes))
	for at, g := 0, 0; g < groups; g++ {
		for i, n := range sizes {
			data[i] = append(data[i], l.Bytes()[at*size:(at+n)*size]...)
			at += n
		}
	}
	out := make([]Linear, len(sizes))
	for i, n := range sizes {
		out[i] = Linear{newMatrix(l.Type, groups*n, l.Cols, data[i]), l.Scale, l.sums}
	}
	return out
}

// joined returns the rows of matrices of one type and width as one matrix.
func joined(ms ...*kernel.Matrix) *kernel.Matrix {
	var data []byte
	rows := 0
	for _, m := range ms {
		data, rows = append(data, m.Bytes()...), rows+m.Rows
	}
	return newMatrix(ms[0].Type, rows, ms[0].Cols, data)
}

func newMatrix(t kernel.Type, rows, cols int, data []byte) *kernel.Matrix {
	m, err := kernel.NewMatrix(t, rows, cols, data)
	if err != nil {
		panic(err) // the rows are another matrix's
	}
	return m
}
