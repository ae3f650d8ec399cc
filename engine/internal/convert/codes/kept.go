package codes

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/ggtype"
)

// A calibration can be kept: its tensors are, of each layer with codes, of its keys and of its values,
//
//	blk.N.attn_k_code.forward   F32 [size, size, key/value heads]
//	blk.N.attn_k_code.back      the same
//	blk.N.attn_k_code.variance  F32 [size, key/value heads]
//	blk.N.attn_k_code.worth     F32 [size]
//	blk.N.attn_k_code.mean      F32 [size, key/value heads], of keys only
const (
	keptVariance = ".variance"
	keptWorth    = ".worth"
)

// Keep returns the calibration as tensors; Read reads them.
func (c *Calibration) Keep() (tensors.Map, error) {
	kept := tensors.Map{}
	for _, l := range c.layers {
		for _, p := range l.parts() {
			name := p.name
			var forward, back, variance [][]float32
			for _, h := range p.heads {
				forward, back, variance = append(forward, h.forward), append(back, h.back), append(variance, h.variance)
			}
			for _, t := range []struct {
				name string
				data [][]float32
				dims []int
			}{
				{model.CodeForward, forward, []int{p.size, p.size, len(p.heads)}},
				{model.CodeBack, back, []int{p.size, p.size, len(p.heads)}},
				{keptVariance, variance, []int{p.size, len(p.heads)}},
				{keptWorth, [][]float32{p.worth}, []int{p.size}},
			} {
				if err := addFloats(kept, name+t.name, t.data, t.dims...); err != nil {
					return nil, err
				}
			}
		}
		if err := l.writeMean(kept); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// Read reads what Keep has returned for a model of this form. Errors wrap model.ErrInvalid.
func Read(s *model.Spec, kept tensors.Map) (*Calibration, error) {
	var layers []layer
	for i, spec := range s.Layers {
		l := newLayer(i, spec.Mixer)
		if l == nil {
			continue
		}
		g := l.geo
		for _, p := range l.parts() {
			if err := p.read(kept, p.name, g.KVHeads); err != nil {
				return nil, err
			}
		}
		if l.values != nil {
			var err error
			if l.keys.mean, err = floats(kept, model.LayerName(i, model.TensorKeyCode+model.CodeMean), g.KVHeads*g.KeySize); err != nil {
				return nil, err
			}
		}
		layers = append(layers, *l)
	}
	return newCalibration(layers), nil
}

// read reads one part of a layer's.
func (p *part) read(kept tensors.Map, name string, heads int) error {
	square := p.size * p.size
	forward, err := floats(kept, name+model.CodeForward, heads*square)
	if err != nil {
		return err
	}
	back, err := floats(kept, name+model.CodeBack, heads*square)
	if err != nil {
		return err
	}
	variance, err := floats(kept, name+keptVariance, heads*p.size)
	if err != nil {
		return err
	}
	for h := range heads {
		p.heads = append(p.heads, head{forward[h*square:][:square], back[h*square:][:square], variance[h*p.size:][:p.size]})
	}
	p.worth, err = floats(kept, name+keptWorth, p.size)
	return err
}

// floats decodes n finite numbers.
func floats(kept tensors.Map, name string, n int) ([]float32, error) {
	t := kept[name]
	if t == nil {
		return nil, fmt.Errorf("tensor %q is missing: %w", name, model.ErrInvalid)
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	if t.Type != ggtype.F32 || len(b) != 4*n {
		return nil, fmt.Errorf("tensor %q: %d bytes of type %v, want %d numbers of type F32: %w", name, len(b), t.Type, n, model.ErrInvalid)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if v := float64(out[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("tensor %q: entry %d is %v: %w", name, i, v, model.ErrInvalid)
		}
	}
	return out, nil
}
