package model

import (
	"encoding/binary"
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// Names of what a layer's calibrated codes are made by, after "blk.N."; see attention.Transform. A layer without keeps
// half floats in a calibrated cache.
const (
	TensorKeyCode   = "attn_k_code"
	TensorValueCode = "attn_v_code"
	TensorRowCode   = "attn_kv_code" // of latent attention's rows, instead of both

	CodeBits     = ".bits"      // [components], I32
	CodeDeviate  = ".deviation" // [components]
	CodeWorth    = ".worth"     // [components, key/value heads]
	CodeForward  = ".forward"   // [components, size, key/value heads]
	CodeBack     = ".back"      // the same
	CodeMean     = ".mean"      // [size, key/value heads], of keys only; may be missing
	CodeMeanStep = ".mean_step" // [1], I32: positions that share what RoPE makes of the mean; with it
)

// CodeTensors are the names of all, those that may be missing at last.
func CodeTensors() []string {
	var out []string
	for _, part := range []string{TensorKeyCode, TensorValueCode, TensorRowCode} {
		for _, s := range []string{CodeBits, CodeDeviate, CodeWorth, CodeForward, CodeBack} {
			out = append(out, part+s)
		}
	}
	return append(out, TensorKeyCode+CodeMean, TensorKeyCode+CodeMeanStep)
}

// loadCode loads the layer's calibrated codes, where there are any.
func (a *gqa) loadCode(ld *Loader, i int) {
	name := func(n string) string { return LayerName(i, n) }
	if !ld.has(name(TensorKeyCode + CodeBits)) {
		return
	}
	g := a.spec.Geometry
	keys := ld.transform(name(TensorKeyCode), g.KVHeads, g.KeySize)
	values := ld.transform(name(TensorValueCode), g.KVHeads, g.ValueSize)
	var mean []float32
	step := 0
	if ld.has(name(TensorKeyCode + CodeMean)) {
		mean = ld.floats(name(TensorKeyCode+CodeMean), g.KeySize, g.KVHeads)
		if list := ld.ints(name(TensorKeyCode+CodeMeanStep), 1, attention.MaxMeanStep, 1); list != nil {
			step = int(list[0])
		}
	}
	if ld.err != nil {
		return
	}
	code, err := attention.NewCode(a.attn, keys, values, mean, ld.ropes[a.spec.Rope].rope, step)
	ld.setCode(a.attn, name(TensorKeyCode), code, err)
}

// setCode gives a layer the code that was made of tensors whose names begin so, or takes the error.
func (ld *Loader) setCode(a *attention.Layer, name string, code *attention.Code, err error) {
	if err != nil {
		ld.err = fmt.Errorf("%s: tensors %q: %w: %w", ld.f.Name(), name, err, ErrInvalid)
		return
	}
	a.SetCode(code)
	ld.coded = true
}

// loadCode loads the same of rows.
func (m *latent) loadCode(ld *Loader, i int) {
	name := LayerName(i, TensorRowCode)
	if !ld.has(name + CodeBits) {
		return
	}
	rows := ld.transform(name, m.blocks, m.rowSize())
	if ld.err != nil {
		return
	}
	code, err := attention.NewRowCode(m.attn, rows)
	ld.setCode(m.attn, name, code, err)
}

// transform loads one part of a layer's codes.
func (ld *Loader) transform(name string, heads, size int) (t attention.Transform) {
	n := 0
	if b, err := ld.tensor(name + CodeBits); err == nil && len(b.Shape) == 1 && b.Shape[0] <= uint64(size) {
		n = int(b.Shape[0])
	}
	for _, b := range ld.ints(name+CodeBits, 1, attention.MaxCodeBits, n) {
		t.Bits = append(t.Bits, int(b))
	}
	t.Deviate = ld.floats(name+CodeDeviate, n)
	worth := ld.floats(name+CodeWorth, n, heads)
	for g := 0; g < heads && ld.err == nil; g++ {
		t.Worth = append(t.Worth, worth[g*n:][:n:n])
	}
	for _, part := range []struct {
		name string
		out  *[][]float32
	}{{CodeForward, &t.Forward}, {CodeBack, &t.Back}} {
		all := ld.floats(name+part.name, n, size, heads)
		for g := 0; g < heads && ld.err == nil; g++ {
			*part.out = append(*part.out, all[g*n*size:][:n*size:n*size])
		}
	}
	return t
}

// ints loads integers between least and most.
func (ld *Loader) ints(name string, least, most int32, dims ...int) []int32 {
	t, b := ld.find(name, dims...)
	if ld.err != nil {
		return nil
	}
	if t.Type != ggtype.I32 {
		ld.fail(t, fmt.Errorf("type %v, want I32: %w", t.Type, ErrInvalid))
		return nil
	}
	out := make([]int32, len(b)/4)
	for i := range out {
		if out[i] = int32(binary.LittleEndian.Uint32(b[4*i:])); out[i] < least || out[i] > most {
			ld.fail(t, fmt.Errorf("entry %d is %d, outside %d … %d: %w", i, out[i], least, most, ErrInvalid))
			return nil
		}
	}
	return out
}
