package huggingface

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/quant"
)

var _ = register(family{
	arch:   "gpt-oss",
	names:  gptOSSNames,
	filter: gptOSSFilter,
	extra:  (*model).mxfp4Experts,
	modify: (*model).gptOSS,
	keys:   (*model).gptOSSKeys,
}, "GptOssForCausalLM")

var gptOSSNames = map[string]string{
	"model.layers.#.post_attention_layernorm": "blk.#.post_attention_norm",
	"model.layers.#.self_attn.sinks":          "blk.#.attn_sinks",
	"model.layers.#.mlp.router":               "blk.#.ffn_gate_inp",
}

func gptOSSFilter(_ *model, name string) (string, bool) {
	if strings.Contains(name, "sinks") {
		name += ".weight"
	}
	return name, true
}

func (m *model) gptOSSKeys() {
	m.commonKeys()
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.u32("expert_feed_forward_length", m.need("intermediate_size"))
}

// gptOSS adds a tensor. Rows of gates and of up-projections alternate, and matrices of experts stand transposed.
func (m *model) gptOSS(name string, bid int, t tensor) error {
	quantised := strings.HasSuffix(name, "_blocks") || strings.HasSuffix(name, "_scales")
	switch {
	case quantised:
		return nil // mxfp4Experts took it
	case strings.HasSuffix(name, "down_proj_bias"):
		return m.plain(strings.TrimSuffix(name, "_bias")+".bias", bid, t)
	case strings.HasSuffix(name, "down_proj") && t.dims(3):
		return m.plain(name+".weight", bid, t.transpose())
	case strings.HasSuffix(name, "gate_up_proj_bias") && t.dims(2):
		return m.alternating(strings.TrimSuffix(name, "gate_up_proj_bias"), ".bias", bid, t)
	case strings.HasSuffix(name, "gate_up_proj") && t.dims(3):
		return m.alternating(strings.TrimSuffix(name, "gate_up_proj"), ".weight", bid, t.transpose())
	}
	return m.plain(name, bid, t)
}

// alternating adds gates and up-projections, whose rows alternate.
func (m *model) alternating(prefix, suffix string, bid int, t tensor) error {
	if t.shape[1]%2 != 0 {
		return fmt.Errorf("%w: an odd number of rows in shape %v", ErrFolder, t.shape)
	}
	if err := m.plain(prefix+"gate_proj"+suffix, bid, t.everyOther(1, 0)); err != nil {
		return err
	}
	return m.plain(prefix+"up_proj"+suffix, bid, t.everyOther(1, 1))
}

// mxfp4Experts adds the matrices of experts that are in MXFP4.
func (m *model) mxfp4Experts() error {
	byName := map[string]named{}
	for _, t := range m.in {
		byName[t.name] = t
	}
	for _, scales := range m.in {
		base, ok := strings.CutSuffix(scales.name, "_scales")
		if !ok {
			continue
		}
		blocks, ok := byName[base+"_blocks"]
		bid := block(base)
		if !ok || !areBlocks(blocks.tensor, scales.tensor) {
			return fmt.Errorf("tensor %q: %w: no blocks of 16 bytes with a scale each", scales.name, ErrFolder)
		}
		add := func(part string, odd, step int) error {
			data := &mxfp4{blocks.tensor, scales.tensor, odd, step}
			rows := blocks.shape[1] / step
			return m.blk(bid, part+".weight", tensor{shape: []int{blocks.shape[0], rows, blocks.shape[2] * 32}, block: quant.MXFP4, raw: data})
		}
		var err error
		switch {
		case strings.HasSuffix(base, "mlp.experts.down_proj"):
			err = add("ffn_down_exps", 0, 1)
		case strings.HasSuffix(base, "mlp.experts.gate_up_proj") && blocks.shape[1]%2 == 0:
			if err = add("ffn_gate_exps", 0, 2); err == nil {
				err = add("ffn_up_exps", 1, 2)
			}
		default:
			err = fmt.Errorf("tensor %q: weights in MXFP4 are %w here", base, ErrUnsupported)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// areBlocks reports whether two tensors are blocks of 16 bytes with a scale each.
func areBlocks(blocks, scales tensor) bool {
	return blocks.dims(4) && scales.dims(3) && blocks.shape[3] == 16 && blocks.dtype == safetensors.U8 && scales.dtype == safetensors.U8 &&
		elements(scales.shape)*16 == elements(blocks.shape) && scales.shape[1] == blocks.shape[1]
}

// mxfp4 is matrices of experts in ggml's blocks: 17 bytes, a scale and 32 codes of 4 bits, of which the first 16 are in
// the low halves of bytes. In the folder a byte holds two neighbours. Only every step-th row from odd on is read.
type mxfp4 struct {
	blocks, scales tensor
	odd, step      int
}

// scale is the byte of a scale: the exponent of a power of two, which may be read as that power.
func (x *mxfp4) scale(s float32) byte {
	if x.scales.dtype == safetensors.F8E8M0 {
		return byte(math.Float32bits(s) >> 23)
	}
	return byte(int(s))
}

// mxfp4Block is the bytes of a block.
const mxfp4Block = 17

// ReadAt implements io.ReaderAt.
func (x *mxfp4) ReadAt(p []byte, off int64) (int, error) {
	perRow, rows := x.blocks.shape[2], x.blocks.shape[1]
	total := int64(x.blocks.shape[0]) * int64(rows/x.step) * int64(perRow) * mxfp4Block
	if off < 0 || off+int64(len(p)) > total {
		return 0, io.EOF
	}
	codes, scales := make([]float32, perRow*16), make([]float32, perRow)
	row := make([]byte, perRow*mxfp4Block)
	for n := 0; n < len(p); {
		at := off + int64(n)
		r, skip := int(at/int64(len(row))), int(at%int64(len(row)))
		from := r*x.step + x.odd // rows/step rows per expert, each of step rows there
		if err := x.blocks.read(codes, from*perRow*16); err != nil {
			return n, err
		}
		if err := x.scales.read(scales, from*perRow); err != nil {
			return n, err
		}
		for b := range perRow {
			out := row[b*mxfp4Block:][:mxfp4Block]
			out[0] = x.scale(scales[b])
			for j := range 8 {
				lo, hi := byte(int(codes[b*16+j])), byte(int(codes[b*16+8+j])) // of I8 too
				out[1+2*j] = lo&15 | hi<<4
				out[2+2*j] = lo>>4 | hi&0xF0
			}
		}
		n += copy(p[n:], row[skip:])
	}
	return len(p), nil
}
