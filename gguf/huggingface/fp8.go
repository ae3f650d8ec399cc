package huggingface

import (
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/gguf/safetensors"
)

// packedMXFP4 is the form of compressed-tensors in which two codes of MXFP4 stand in a byte.
const packedMXFP4 = "mxfp4-pack-quantized"

// unscale multiplies quantised weights by their scales, as quantization_config says, and drops what is left over.
func (m *model) unscale() error {
	q := m.cfg.object("quantization_config")
	method := q.text("quant_method")
	if q == nil || method == "" && len(q) == 0 {
		return nil
	}
	switch format := q.text("format"); {
	case method == "mxfp4":
		return nil // gpt-oss, whose family knows it
	case method == "compressed-tensors" && format == packedMXFP4 && m.arch == "kimi-k3":
		return nil // kimiK3Experts takes the experts, and plain refuses others
	case method == "fp8":
		block := q.wholes("weight_block_size")
		return m.unscaleAll("_scale_inv", block, "_activation_scale", ".activation_scale")
	case method == "compressed-tensors" && (format == "float-quantized" || format == "int-quantized" || format == "naive-quantized"):
		block, err := blockStructure(q)
		if err != nil {
			return err
		}
		return m.unscaleAll(".weight_scale", block, ".input_scale")
	default:
		return fmt.Errorf("config.json: weights quantised by %q (%s) are %w: convert the original model", method, format, ErrUnsupported)
	}
}

// blockStructure returns the shape of blocks in a configuration of compressed-tensors, nil for scales per row.
func blockStructure(q config) ([]int, error) {
	groups := q.object("config_groups")
	if len(groups) != 1 {
		return nil, fmt.Errorf("config.json: quantization_config: %d config_groups are %w, one is", len(groups), ErrUnsupported)
	}
	for name := range groups {
		w := groups.object(name).object("weights")
		if s := w.text("strategy"); s != "channel" && s != "block" || w.has("group_size") || w.text("type") != "float" && w.text("type") != "int" {
			return nil, fmt.Errorf("config.json: quantization_config: the strategy %q with type %q is %w", s, w.text("type"), ErrUnsupported)
		}
		return w.wholes("block_structure"), nil
	}
	return nil, nil
}

// unscaleAll multiplies every tensor that has a scale, whose name is the tensor's and _scale or so: the end of such names
// is given. The scales are dropped, and tensors that end in unused.
func (m *model) unscaleAll(end string, block []int, unused ...string) error {
	byName := map[string]int{}
	for i, t := range m.in {
		byName[t.name] = i
	}
	drop := map[string]bool{}
	for _, s := range m.in {
		for _, u := range unused {
			drop[s.name] = drop[s.name] || strings.HasSuffix(s.name, u)
		}
		if !strings.HasSuffix(s.name, end) || drop[s.name] {
			continue
		}
		weight := s.name[:strings.LastIndex(s.name, "_scale")]
		i, ok := byName[weight]
		if !ok {
			return fmt.Errorf("%w: scale %q belongs to no tensor", ErrFolder, s.name)
		}
		scaled, err := scale(m.in[i].tensor, s.tensor, block)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", weight, err)
		}
		m.in[i].tensor, drop[s.name] = scaled, true
	}
	kept := m.in[:0]
	for _, t := range m.in {
		if !drop[t.name] {
			kept = append(kept, t)
		}
	}
	m.in = kept
	return nil
}

// scale is w times s: a scale per block of rows and columns, or per row, or one.
func scale(w, s tensor, block []int) (tensor, error) {
	bad := fmt.Errorf("%w: scales of shape %v do not fit weights of shape %v", ErrFolder, s.shape, w.shape)
	if len(w.shape) < 2 || elements(w.shape) == 0 || elements(s.shape) == 0 {
		return w, bad
	}
	n := len(w.shape)
	rows, cols := w.shape[n-2], w.shape[n-1]
	matrices := elements(w.shape) / (rows * cols)
	perRow, perCol := rows, cols // weights that share a scale
	switch {
	case len(block) == 2 && block[0] >= 1 && block[1] >= 1:
		perRow, perCol = block[0], block[1]
	case len(block) != 0:
		return w, bad
	case s.shape[0] == w.shape[0] && elements(s.shape) == elements(w.shape[:n-1]):
		perRow = 1
	case elements(s.shape) != 1 && elements(s.shape) != matrices:
		return w, bad
	}
	down, across := (rows+perRow-1)/perRow, (cols+perCol-1)/perCol
	count := elements(s.shape)
	if count != 1 && count != matrices*down*across {
		return w, bad
	}
	read := w.read
	w.dtype = safetensors.F32
	var lazy once[[]float32]
	return w.with(func(dst []float32, at int) error {
		scales, err := lazy.get(s.all)
		if err != nil {
			return err
		}
		if err := read(dst, at); err != nil {
			return err
		}
		for i := range dst {
			r, c := (at+i)/cols, (at+i)%cols
			k := 0
			if count > 1 {
				k = (r/rows*down+r%rows/perRow)*across + c/perCol
			}
			dst[i] *= scales[k]
		}
		return nil
	}), nil
}
