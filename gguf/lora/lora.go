// Package lora reads low-rank adapters and merges them with models.
//
// An adapter changes matrices by products of two small ones:
//
//	W' = W + s · B · A      A is [rank, columns], B is [rows, rank], s = scale · alpha / rank
//
// Its file is a GGUF file of general.type "adapter" with two tensors for each matrix that it changes, NAME.lora_a and
// NAME.lora_b, and adapter.lora.alpha; where that is missing or 0, s = scale. llama.cpp's convert_lora_to_gguf.py and
// package gguf/huggingface make such files of adapters in PEFT's form.
//
// Package merged below gives models with adapters worked in. The engine may also add the products while a model runs.
package lora

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/kernel"
)

var (
	// ErrFormat is wrapped by errors about a file that is no adapter, or a damaged one.
	ErrFormat = errors.New("not a valid adapter")

	// ErrUnsupported is wrapped by errors about adapters that change what can't be changed here.
	ErrUnsupported = errors.New("adapter not supported")

	// ErrModel is wrapped by errors about an adapter that belongs to another model.
	ErrModel = errors.New("the adapter is for another model")
)

// Adapter is an adapter in memory. It does not change.
type Adapter struct {
	Name  string // of its file
	Print string // gguf.File.Fingerprint of it
	Arch  string // general.architecture of the model
	Pairs []*Pair
}

// Pair is what an adapter has for a tensor of a model.
type Pair struct {
	Tensor           string    // its name
	Matrices         int       // that the tensor holds, 1 but for experts
	Rows, Cols, Rank int       // of each
	A                []float32 // [matrices, rank, cols]
	B                []float32 // [matrices, rows, rank]
	Scale            float32   // alpha / rank
}

// Scaled is an adapter and how much of it a model gets: 1 is all, 0 none.
type Scaled struct {
	*Adapter
	Scale float32
}

// Open reads the adapter at path; see Read.
func Open(path string) (*Adapter, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	a, err := Read(f)
	return a, errors.Join(err, f.Close())
}

// Read reads an adapter. f may be closed afterwards. Errors wrap ErrFormat or ErrUnsupported.
func Read(f *gguf.File) (*Adapter, error) {
	a, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return a, nil
}

func read(f *gguf.File) (*Adapter, error) {
	for _, k := range [][2]string{{"general.type", "adapter"}, {"adapter.type", "lora"}} {
		if s, err := f.String(k[0]); err != nil || s != k[1] {
			return nil, fmt.Errorf("%w: %s is %q, not %q", ErrFormat, k[0], s, k[1])
		}
	}
	if f.Has("adapter.alora.invocation_tokens") {
		return nil, fmt.Errorf("%w: it works from certain tokens on only (adapter.alora.invocation_tokens)", ErrUnsupported)
	}
	a := &Adapter{Name: f.Name()}
	var err error
	if a.Arch, err = f.String("general.architecture"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	alpha := float32(0)
	if f.Has("adapter.lora.alpha") {
		x, err := f.Float("adapter.lora.alpha")
		if err != nil || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("%w: adapter.lora.alpha is no number", ErrFormat)
		}
		alpha = float32(x)
	}
	for _, t := range f.Tensors() {
		name, ok := strings.CutSuffix(t.Name, ".lora_a")
		if !ok {
			if err := a.check(f, t.Name); err != nil {
				return nil, err
			}
			continue
		}
		b, err := f.Tensor(name + ".lora_b")
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w: there is no %s.lora_b", t.Name, ErrFormat, name)
		}
		if err := f.Guard(func() error { return a.add(name, t, b, alpha) }); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	if a.Print, err = f.Fingerprint(); err != nil {
		return nil, err
	}
	if len(a.Pairs) == 0 {
		return nil, fmt.Errorf("%w: it changes no tensor", ErrFormat)
	}
	return a, nil
}

// check refuses a tensor that belongs to no pair.
func (a *Adapter) check(f *gguf.File, name string) error {
	if base, ok := strings.CutSuffix(name, ".lora_b"); ok {
		if _, err := f.Tensor(base + ".lora_a"); err == nil {
			return nil
		}
		return fmt.Errorf("tensor %q: %w: there is no %s.lora_a", name, ErrFormat, base)
	}
	return fmt.Errorf("tensor %q: %w: it is no product of two matrices", name, ErrUnsupported)
}

// add reads a pair.
func (a *Adapter) add(name string, ta, tb *gguf.Tensor, alpha float32) error {
	if strings.HasPrefix(name, "token_embd.") {
		return fmt.Errorf("%w: it changes the embedding of tokens", ErrUnsupported)
	}
	p := &Pair{Tensor: name, Matrices: 1, Scale: 1}
	if len(ta.Shape) != len(tb.Shape) || len(ta.Shape) < 2 || len(ta.Shape) > 3 {
		return fmt.Errorf("%w: shapes %v and %v", ErrFormat, ta.Shape, tb.Shape)
	}
	if len(ta.Shape) == 3 {
		p.Matrices = int(ta.Shape[2])
	}
	p.Cols, p.Rank, p.Rows = int(ta.Shape[0]), int(ta.Shape[1]), int(tb.Shape[1])
	if tb.Shape[0] != ta.Shape[1] || len(tb.Shape) == 3 && tb.Shape[2] != ta.Shape[2] || ta.Elements() == 0 || tb.Elements() == 0 {
		return fmt.Errorf("%w: shapes %v and %v are not those of two factors", ErrFormat, ta.Shape, tb.Shape)
	}
	if alpha != 0 {
		p.Scale = alpha / float32(p.Rank)
	}
	var err error
	if p.A, err = floats(ta); err == nil {
		p.B, err = floats(tb)
	}
	a.Pairs = append(a.Pairs, p)
	return err
}

// floats reads a tensor. Its size was compared with that of the file.
func floats(t *gguf.Tensor) ([]float32, error) {
	data, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	x := make([]float32, t.Elements())
	if err := kernel.Dequantize(x, t.Type, data); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 }) {
		return nil, fmt.Errorf("%w: %s has values that are no numbers", ErrFormat, t.Name)
	}
	return x, nil
}

// Check returns what keeps the adapter from being used with a model of an architecture.
func (a *Adapter) Check(arch string) error {
	if a == nil {
		return fmt.Errorf("an adapter is nil: %w", ErrFormat)
	}
	if a.Arch != arch {
		return fmt.Errorf("%s: %w: it is for architecture %q, the model has %q", a.Name, ErrModel, a.Arch, arch)
	}
	return nil
}

// Fits returns an error unless the pair has the shape of a tensor: matrices of rows and columns.
func (p *Pair) Fits(matrices, rows, cols int) error {
	if p.Matrices != matrices || p.Rows != rows || p.Cols != cols {
		return fmt.Errorf("tensor %q: %w: it changes %d × [%d,%d], the model has %d × [%d,%d]", p.Tensor, ErrModel,
			p.Matrices, p.Rows, p.Cols, matrices, rows, cols)
	}
	return nil
}

// AddRow adds s times row r of matrix number m of B·A to dst.
func (p *Pair) AddRow(dst []float32, m, r int, s float32) {
	b := p.B[(m*p.Rows+r)*p.Rank:][:p.Rank]
	for k, v := range b {
		v *= s
		for i, x := range p.A[(m*p.Rank+k)*p.Cols:][:p.Cols] {
			dst[i] += v * x
		}
	}
}
