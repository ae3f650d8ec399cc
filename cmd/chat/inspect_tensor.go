package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/quant"
)

// bins is how many bars a histogram has.
const bins = 16

// tensorStats describe the weights of one tensor: what `chat inspect --tensor NAME --json` prints.
type tensorStats struct {
	inspectedTensor
	Min       float64   `json:"min"`
	Max       float64   `json:"max"`
	Mean      float64   `json:"mean"`
	RMS       float64   `json:"rms"`   // root of the mean square
	Zeros     uint64    `json:"zeros"` // weights that are 0
	Bad       uint64    `json:"not_finite"`
	Histogram [bins]int `json:"histogram"` // of equal width from min to max
}

// inspectTensor prints what the weights of a tensor are like.
func (a *app) inspectTensor(f *gguf.File, name string, asJSON bool) error {
	t, err := f.Tensor(name)
	if err != nil {
		return err
	}
	s := tensorStats{inspectedTensor: inspectedTensor{t.Name, t.Type.String(), t.Shape, t.Size(), t.Offset, t.Part}, Min: math.Inf(1), Max: math.Inf(-1)}
	if err := f.Guard(func() error { return s.read(t) }); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	if asJSON {
		return a.printJSON(s)
	}
	s.print(a.out)
	return nil
}

// read goes over the weights twice: for their range, and for the histogram.
func (s *tensorStats) read(t *gguf.Tensor) error {
	var sum, squares float64
	n := uint64(0)
	err := eachWeight(t, func(v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			s.Bad++
			return
		}
		if v == 0 {
			s.Zeros++
		}
		n++
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
		sum, squares = sum+v, squares+v*v
	})
	if err != nil {
		return err
	}
	if n == 0 {
		s.Min, s.Max = 0, 0
		return nil
	}
	s.Mean, s.RMS = sum/float64(n), math.Sqrt(squares/float64(n))
	return eachWeight(t, func(v float64) {
		if i := (v - s.Min) / (s.Max - s.Min) * bins; s.Max > s.Min && i >= 0 && !math.IsInf(v, 0) {
			s.Histogram[min(int(i), bins-1)]++
		}
	})
}

// eachWeight calls fn with all weights of a tensor.
func eachWeight(t *gguf.Tensor, fn func(v float64)) error {
	data, err := t.Bytes()
	if err != nil {
		return err
	}
	const piece = 1 << 12 // a multiple of every block
	x := make([]float32, piece)
	for at := 0; at < int(t.Elements()); at += piece {
		n := min(piece, int(t.Elements())-at)
		if err := quant.Dequantize(x[:n], t.Type, data[t.Type.RowBytes(at):]); err != nil {
			return err
		}
		for _, v := range x[:n] {
			fn(float64(v))
		}
	}
	return nil
}

// print writes the statistics for people, a bar per bin.
func (s *tensorStats) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s  %s  %s  %s\n", human.Line(s.Name), s.Type, shape(s.Shape), human.Size(int64(s.Size)))
	_, _ = fmt.Fprintf(w, "  from %.4g to %.4g, mean %.3g, root mean square %.4g, %d zeros", s.Min, s.Max, s.Mean, s.RMS, s.Zeros)
	if s.Bad > 0 {
		_, _ = fmt.Fprintf(w, ", %d NOT FINITE", s.Bad)
	}
	_, _ = fmt.Fprintln(w)
	most := 1
	for _, n := range s.Histogram {
		most = max(most, n)
	}
	for i, n := range s.Histogram {
		if s.Max > s.Min {
			from := s.Min + (s.Max-s.Min)*float64(i)/bins
			_, _ = fmt.Fprintf(w, "  %10.4g  %10d  %s\n", from, n, strings.Repeat("█", (n*40+most-1)/most))
		}
	}
}

// printTree writes tensors by the parts of their names, with what each branch takes: blk, its layers, what is in them.
func printTree(w io.Writer, f *gguf.File) {
	root := &branch{}
	for _, t := range f.Tensors() {
		b := root
		b.bytes += t.Size()
		for _, part := range strings.Split(t.Name, ".") {
			b = b.child(part)
			b.bytes += t.Size()
		}
		b.tensor = t
	}
	for _, c := range root.children {
		c.print(w, 0)
	}
}

// branch is a part of a tensor's name with all that follow it.
type branch struct {
	name     string
	bytes    uint64
	tensor   *gguf.Tensor // that ends here, or nil
	children []*branch
	index    map[string]*branch
}

// child returns the branch of a part, in the order in which parts come first.
func (b *branch) child(part string) *branch {
	if c, ok := b.index[part]; ok {
		return c
	}
	if b.index == nil {
		b.index = map[string]*branch{}
	}
	c := &branch{name: part}
	b.index[part] = c
	b.children = append(b.children, c)
	return c
}

// print writes the branch; parts without a choice stand on one line.
func (b *branch) print(w io.Writer, depth int) {
	name := b.name
	for b.tensor == nil && len(b.children) == 1 {
		b = b.children[0]
		name += "." + b.name
	}
	_, _ = fmt.Fprintf(w, "%s%s  %s", strings.Repeat("  ", depth), human.Line(name), human.Size(int64(b.bytes)))
	if t := b.tensor; t != nil {
		_, _ = fmt.Fprintf(w, "  %s  %s", t.Type, shape(t.Shape))
	} else {
		_, _ = fmt.Fprintf(w, "  (%s)", strconv.Itoa(len(b.children)))
	}
	_, _ = fmt.Fprintln(w)
	for _, c := range b.children {
		c.print(w, depth+1)
	}
}
