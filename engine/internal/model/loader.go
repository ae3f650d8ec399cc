package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Loader finds tensors by name, those of a conversion first, and keeps the first error. It remembers what was asked
// for: a tensor that nobody asks for belongs to another architecture than the one that runs, and is an error.
type Loader struct {
	f        *gguf.File
	over     map[string]*Tensor // replace f's tensors or come on top of them; may be nil
	spec     *Spec
	ropes    []ropePlan
	plain    bool // attention stays plain GQA, see Options.PlainGQA
	watch    Watch
	adapters []lora.Scaled
	changed  map[*lora.Pair]bool // tensors that adapters change and that were asked for
	asked    map[string]bool
	coded    bool                     // a layer has calibrated codes
	scaled   func(name string) string // whose scale counts for a matrix, see LayerSpec.OwnScales; nil for its own
	err      error
}

func (ld *Loader) fail(t *Tensor, err error) {
	if ld.err == nil && err != nil {
		ld.err = fmt.Errorf("%s: tensor %q: %w", ld.f.Name(), t.Name, err)
	}
}

// failLayer keeps an error of layer i.
func (ld *Loader) failLayer(i int, err error) {
	if ld.err == nil && err != nil {
		ld.err = fmt.Errorf("%s: layer %d: %w", ld.f.Name(), i, err)
	}
}

// has reports whether there is a tensor; from then on it counts as asked for.
func (ld *Loader) has(name string) bool {
	_, err := ld.tensor(name)
	return err == nil
}

// ignore counts projections as asked for that a conversion has replaced.
func (ld *Loader) ignore(names ...string) {
	for _, n := range names {
		for _, kind := range []string{".weight", ".scale", ".input_scale"} {
			ld.asked[n+kind] = true
		}
	}
}

// suffixed returns "<name>.weight", or name where the file has only that: files of Falcon H1 write a norm so.
func (ld *Loader) suffixed(name string) string {
	if full := name + ".weight"; ld.has(full) || !ld.has(name) {
		return full
	}
	return name
}

func (ld *Loader) tensor(name string) (*Tensor, error) {
	ld.asked[name] = true
	if t, ok := ld.over[name]; ok {
		return t, nil
	}
	t, err := ld.f.Tensor(name)
	if err != nil {
		return nil, err
	}
	return FileTensor(t), nil
}

// find returns the tensor and its bytes when its shape is [dims…], fastest dimension first.
func (ld *Loader) find(name string, dims ...int) (*Tensor, []byte) {
	if ld.err != nil {
		return nil, nil
	}
	t, err := ld.tensor(name)
	if err != nil {
		ld.err = err
		return nil, nil
	}
	if !sameShape(t.Shape, dims) {
		ld.fail(t, fmt.Errorf("shape %v, want %v: %w", t.Shape, dims, ErrInvalid))
		return nil, nil
	}
	b, err := t.Bytes()
	ld.fail(t, err)
	return t, b
}

// matrix loads weights [rows, cols].
func (ld *Loader) matrix(name string, rows, cols int) *kernel.Matrix {
	t, b := ld.find(name, cols, rows)
	if ld.err != nil {
		return nil
	}
	m, err := kernel.NewMatrix(t.Type, rows, cols, b)
	ld.fail(t, err)
	return m
}

// matrices loads n matrices [rows, cols] that one tensor holds.
func (ld *Loader) matrices(name string, n, rows, cols int) []*kernel.Matrix {
	t, b := ld.find(name, cols, rows, n)
	out := make([]*kernel.Matrix, n)
	for i := range out {
		if ld.err != nil {
			return nil
		}
		size := len(b) / n
		m, err := kernel.NewMatrix(t.Type, rows, cols, b[i*size:(i+1)*size])
		ld.fail(t, err)
		out[i] = m
	}
	return out
}

// linear loads "<name>.weight" and the scale that quantisers such as NVFP4's leave in "<name>.scale", which does not
// count unless scaled: llama.cpp ignores it in some places, and the same file should give the same text in both.
func (ld *Loader) linear(name string, rows, cols int, scaled bool) Linear {
	full := name + ".weight"
	l := Linear{ld.matrix(full, rows, cols), 1, ld.watch.of(full, 1, cols)[0], ld.adapted(full, 1, rows, cols)[0]}
	if ld.scaled != nil {
		name = ld.scaled(name)
	}
	ld.has(name + ".input_scale") // of activations in 4 bits, which are in 8 here
	if s := ld.vector(name+".scale", 1, false); s != nil && scaled {
		l.Scale = s[0]
	}
	ld.checkScale(name, l.Scale)
	return l
}

// linears loads n matrices [rows, cols] from "<name>.weight", and a scale for each; see linear.
func (ld *Loader) linears(name string, n, rows, cols int, scaled bool) []Linear {
	ms := ld.matrices(name+".weight", n, rows, cols)
	ld.has(name + ".input_scale")
	scales := ld.vector(name+".scale", n, false)
	out := make([]Linear, len(ms))
	sums, low := ld.watch.of(name+".weight", n, cols), ld.adapted(name+".weight", n, rows, cols)
	for i, m := range ms {
		out[i] = Linear{m, 1, sums[i], low[i]}
		if scaled && scales != nil {
			out[i].Scale = scales[i]
			ld.checkScale(name, scales[i])
		}
	}
	return out
}

// checkScale refuses a scale that is not a number or 0.
func (ld *Loader) checkScale(name string, scale float32) {
	if f := float64(scale); ld.err == nil && (f == 0 || math.IsNaN(f) || math.IsInf(f, 0)) {
		ld.err = fmt.Errorf("%s: tensor %q: scale %v: %w", ld.f.Name(), name+".scale", f, ErrInvalid)
	}
}

// vector loads n weights as float32; nil when the tensor is missing and not required.
func (ld *Loader) vector(name string, n int, required bool) []float32 {
	if !required && !ld.has(name) {
		return nil
	}
	return ld.floats(name, n)
}

// floats loads a tensor of the shape given as float32.
func (ld *Loader) floats(name string, dims ...int) []float32 {
	t, b := ld.find(name, dims...)
	if ld.err != nil {
		return nil
	}
	n := 1
	for _, d := range dims {
		n *= d
	}
	v := make([]float32, n)
	ld.fail(t, kernel.Dequantize(v, t.Type, b))
	return v
}

// required makes an error of a tensor that is missing though the architecture can't do without it.
func (ld *Loader) required() {
	for _, name := range ld.spec.Required {
		rest, each := strings.CutPrefix(name, "blk.*.")
		if !each {
			ld.require(name)
			continue
		}
		for i := range ld.spec.Layers {
			ld.require(LayerName(i, rest))
		}
	}
}

func (ld *Loader) require(name string) {
	if _, err := ld.f.Tensor(name); ld.err == nil && ld.over[name] == nil {
		ld.err = err
	}
}

// leftovers makes an error of tensors that nobody has asked for.
func (ld *Loader) leftovers() {
	if ld.err != nil {
		return
	}
	var names []string
	for _, t := range ld.f.Tensors() {
		if !ld.asked[t.Name] && !ld.skips(t.Name) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	more := ""
	if n := len(names) - 3; n > 0 {
		names, more = names[:3], fmt.Sprintf(" and %d more", n)
	}
	ld.err = fmt.Errorf(`%s: architecture %q has no tensor "%s"%s, the file may be of another: %w`,
		ld.f.Name(), ld.spec.Arch, strings.Join(names, `", "`), more, ErrUnsupported)
}

// skips reports whether a tensor belongs to a layer that does not run, or to what a decoder has no use for.
func (ld *Loader) skips(name string) bool {
	for i := range ld.spec.Skipped {
		if strings.HasPrefix(name, LayerName(len(ld.spec.Layers)+i, "")) {
			return true
		}
	}
	return slices.Contains(ld.spec.Unused, name)
}

// LayerName returns the full name of a layer's tensor.
func LayerName(i int, name string) string { return fmt.Sprintf("blk.%d.%s", i, name) }
