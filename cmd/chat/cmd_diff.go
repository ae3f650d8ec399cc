package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/quant"
)

// diffCmd is `chat diff A B`: how two files differ in metadata and tensors, and with a text in what they predict. Exit
// code 1 says that they do.
type diffCmd struct {
	jsonFlag
	threadsFlag

	A       string `arg:"" type:"nonempty" placeholder:"A" help:"The one model, as for -m of other commands."`
	B       string `arg:"" type:"nonempty" placeholder:"B" help:"The other model."`
	File    string `short:"f" type:"nonempty" placeholder:"FILE" help:"A text: also tell how differently they continue it; a .json file holds token ids."`
	Ctx     int    `short:"c" name:"ctx" aliases:"ctx-size" default:"256" placeholder:"N" help:"Tokens of a window of the text (default ${default})."`
	Windows int    `default:"40" placeholder:"N" help:"Windows at most; 0 is the whole text (default ${default})."`
}

// Validate implements kong's hook.
func (c *diffCmd) Validate() error {
	if err := checkWindows(c.Ctx, c.Windows); err != nil {
		return err
	}
	return c.threadsFlag.Validate()
}

// difference is one line of `chat diff`.
type difference struct {
	What string `json:"what"` // key or tensor
	Name string `json:"name"`
	A    string `json:"a,omitempty"` // value, or type and shape; empty if it is only in B
	B    string `json:"b,omitempty"`
	// RMSE is the root of the mean squared difference of weights, Share that over the root of the mean square of A's.
	RMSE  *float64 `json:"rmse,omitempty"`
	Share *float64 `json:"relative,omitempty"`
}

// diffReport is what `chat diff --json` prints.
type diffReport struct {
	A           string       `json:"a"`
	B           string       `json:"b"`
	Differences []difference `json:"differences"`
	Text        *comparison  `json:"text,omitempty"` // what they predict of a text
}

// errFilesDiffer ends `chat diff` for files that differ.
var errFilesDiffer = errors.New("the files differ")

// Run implements kong's command.
func (c *diffCmd) Run(a *app) error {
	fa, err := a.openGGUF(c.A)
	if err != nil {
		return err
	}
	defer fa.Close()
	fb, err := a.openGGUF(c.B)
	if err != nil {
		return err
	}
	defer fb.Close()
	d := diffReport{A: fa.Name(), B: fb.Name(), Differences: diffKeys(fa, fb)}
	err = fa.Guard(func() error {
		return fb.Guard(func() error {
			list, err := a.diffTensors(fa, fb)
			d.Differences = append(d.Differences, list...)
			return err
		})
	})
	if err != nil {
		return err
	}
	if c.File != "" {
		if d.Text, err = c.text(a); err != nil {
			return err
		}
	}
	if c.JSON {
		err = a.printJSON(d)
	} else {
		a.printDifferences(d)
	}
	if err == nil && len(d.Differences) > 0 {
		err = fmt.Errorf("%s, %s: %w", c.A, c.B, errFilesDiffer)
	}
	return err
}

// text compares what the models predict of the text.
func (c *diffCmd) text(a *app) (*comparison, error) {
	cmp := &comparer{a: a, ctx: c.Ctx}
	defer cmp.close()
	for _, name := range []string{c.A, c.B} {
		if err := cmp.load(name, &engine.Options{Threads: c.count(a)}); err != nil {
			return nil, err
		}
	}
	ids, windows, err := cmp.cut("diff", c.File, c.Windows)
	if err != nil {
		return nil, err
	}
	return cmp.run(ids, windows)
}

// openGGUF fetches and opens a model's file.
func (a *app) openGGUF(name string) (*gguf.File, error) {
	path, err := a.fetch(name, models.Options{})
	if err != nil {
		return nil, err
	}
	return gguf.Open(path)
}

// diffKeys compares metadata.
func diffKeys(a, b *gguf.File) []difference {
	list := []difference{}
	for _, key := range a.Keys() {
		va, _ := a.Value(key)
		vb, ok := b.Value(key)
		switch {
		case !ok:
			list = append(list, difference{What: "key", Name: key, A: describeValue(va)})
		case !sameValue(va, vb):
			list = append(list, difference{What: "key", Name: key, A: describeValue(va), B: describeValue(vb)})
		}
	}
	for _, key := range b.Keys() {
		if vb, _ := b.Value(key); !a.Has(key) {
			list = append(list, difference{What: "key", Name: key, B: describeValue(vb)})
		}
	}
	return list
}

// describeValue renders a value with its kind.
func describeValue(v gguf.Value) string {
	if v.Kind() == gguf.KindArray {
		return v.String()
	}
	return v.Kind().String() + " " + v.String()
}

// sameValue reports whether two values are the same, in the same kind.
func sameValue(a, b gguf.Value) bool {
	if a.Kind() != b.Kind() || a.Elem() != b.Elem() || a.Len() != b.Len() {
		return false
	}
	return bytes.Equal(fmt.Appendf(nil, "%#v", a.Any()), fmt.Appendf(nil, "%#v", b.Any()))
}

// diffTensors compares tensors, weight by weight where they have the same shape.
func (a *app) diffTensors(fa, fb *gguf.File) ([]difference, error) {
	bar := newBar(a.stderr, int64(len(fa.Tensors())), "comparing", inLayers)
	defer bar.Clear() //nolint:errcheck // only the screen
	var list []difference
	for _, ta := range fa.Tensors() {
		_ = bar.Add(1)
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
		tb, err := fb.Tensor(ta.Name)
		if err != nil {
			list = append(list, difference{What: "tensor", Name: ta.Name, A: describeTensor(ta)})
			continue
		}
		d, err := diffTensor(ta, tb)
		if err != nil {
			return nil, err
		}
		if d != nil {
			list = append(list, *d)
		}
		fa.Release()
		fb.Release()
	}
	for _, tb := range fb.Tensors() {
		if _, err := fa.Tensor(tb.Name); err != nil {
			list = append(list, difference{What: "tensor", Name: tb.Name, B: describeTensor(tb)})
		}
	}
	return list, nil
}

// describeTensor renders type and shape.
func describeTensor(t *gguf.Tensor) string { return t.Type.String() + " " + shape(t.Shape) }

// diffTensor compares two tensors of a name; nil says that they are the same.
func diffTensor(a, b *gguf.Tensor) (*difference, error) {
	d := &difference{What: "tensor", Name: a.Name, A: describeTensor(a), B: describeTensor(b)}
	if !slices.Equal(a.Shape, b.Shape) {
		return d, nil
	}
	x, err := a.Bytes()
	if err != nil {
		return nil, err
	}
	y, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	if a.Type == b.Type && bytes.Equal(x, y) {
		return nil, nil
	}
	var err2, size float64
	const piece = 1 << 12 // a multiple of every block
	u, v := make([]float32, piece), make([]float32, piece)
	for at := 0; at < int(a.Elements()); at += piece {
		n := min(piece, int(a.Elements())-at)
		if quant.Dequantize(u[:n], a.Type, x[a.Type.RowBytes(at):]) != nil || quant.Dequantize(v[:n], b.Type, y[b.Type.RowBytes(at):]) != nil {
			return d, nil // other types, such as tables of integers, are only told apart
		}
		for i := range n {
			e := float64(u[i] - v[i])
			err2, size = err2+e*e, size+float64(u[i])*float64(u[i])
		}
	}
	rmse := math.Sqrt(err2 / float64(a.Elements()))
	share := rmse / math.Sqrt(size/float64(a.Elements()))
	if !math.IsNaN(rmse) && !math.IsInf(rmse, 0) {
		d.RMSE = &rmse
	}
	if !math.IsNaN(share) && !math.IsInf(share, 0) {
		d.Share = &share
	}
	return d, nil
}

// printDifferences writes a line for each, and a table of what the models predict.
func (a *app) printDifferences(d diffReport) {
	for _, x := range d.Differences {
		switch {
		case x.B == "":
			a.printf("- %s %s: %s\n", x.What, human.Line(x.Name), human.Line(x.A))
		case x.A == "":
			a.printf("+ %s %s: %s\n", x.What, human.Line(x.Name), human.Line(x.B))
		default:
			a.printf("~ %s %s: %s → %s", x.What, human.Line(x.Name), human.Line(x.A), human.Line(x.B))
			if x.RMSE != nil && x.Share != nil {
				a.printf(", rmse %.3g, %.2f %%", *x.RMSE, 100**x.Share)
			}
			a.printf("\n")
		}
	}
	if d.Text != nil {
		d.Text.print(a, true)
	}
}
