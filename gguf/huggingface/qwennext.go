package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "qwen3next",
	names:  qwenNextNames,
	init:   qwenNextInit,
	filter: qwenNextFilter,
	modify: (*model).qwenNext,
	keys:   (*model).qwenNextKeys,
}, "Qwen3NextForCausalLM")

var (
	_ = register(qwen35("qwen35"), "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration")
	_ = register(qwen35("qwen35moe"), "Qwen3_5MoeForCausalLM", "Qwen3_5MoeForConditionalGeneration")
)

// qwen35 is the family of Qwen 3.5 that has a name in files.
func qwen35(arch string) family {
	return family{
		arch:   arch,
		names:  qwenNextNames,
		init:   qwenNextInit,
		filter: qwenNextFilter,
		modify: (*model).qwen35,
		keys:   (*model).qwen35Keys,
		vocab:  (*model).vocabEither,
	}
}

var qwenNextNames = withNextn(map[string]string{
	"model.layers.#.post_attention_layernorm": "blk.#.post_attention_norm",
	"model.layers.#.linear_attn.in_proj_qkv":  "blk.#.attn_qkv",
	"model.layers.#.linear_attn.in_proj_z":    "blk.#.attn_gate",
	"model.layers.#.linear_attn.in_proj_a":    "blk.#.ssm_alpha",
	"model.layers.#.linear_attn.in_proj_b":    "blk.#.ssm_beta",
	"model.layers.#.linear_attn.in_proj_ba":   "blk.#.ssm_ba",
	"model.layers.#.linear_attn.A_log":        "blk.#.ssm_a",
	"model.layers.#.linear_attn.conv1d":       "blk.#.ssm_conv1d",
	"model.layers.#.linear_attn.dt_proj":      "blk.#.ssm_dt",
	"model.layers.#.linear_attn.norm":         "blk.#.ssm_norm",
	"model.layers.#.linear_attn.out_proj":     "blk.#.ssm_out",
})

// qwenNextInit counts the layers that predict a token further on.
func qwenNextInit(m *model) error {
	m.cfg["main_layers"] = whole(m.blocks)
	return m.moreLayers("mtp_num_hidden_layers")
}

// qwenNextFilter renames the layers that predict a token further on: they follow the others.
func qwenNextFilter(m *model, name string) (string, bool) {
	if strings.HasPrefix(name, "model.mtp.") {
		name = strings.TrimPrefix(name, "model.")
	}
	rest, ok := strings.CutPrefix(name, "mtp.")
	if !ok {
		return name, true
	}
	main, _ := m.cfg.integer("main_layers")
	if layer, ok := strings.CutPrefix(rest, "layers."); ok {
		n, tail, _ := strings.Cut(layer, ".")
		var i int
		if _, err := fmt.Sscanf(n+"\n", "%d\n", &i); err != nil || i < 0 || i > 1000 {
			return name, true
		}
		m.blocks = max(m.blocks, main+i+1)
		return fmt.Sprintf("model.layers.%d.%s", main+i, tail), true
	}
	module, suffix, _ := strings.Cut(rest, ".")
	to := map[string]string{"fc": "eh_proj", "pre_fc_norm_embedding": "enorm", "pre_fc_norm_hidden": "hnorm", "norm": "shared_head.norm"}[module]
	return fmt.Sprintf("model.layers.%d.%s.%s", main, to, suffix), to != ""
}

// qwenNext adds a tensor of Qwen 3 Next or Qwen 3.5.
func (m *model) qwenNext(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, ".A_log"):
		t = t.negativeExp()
	case strings.HasSuffix(name, ".dt_bias"):
		name = strings.TrimSuffix(name, "dt_bias") + "dt_proj.bias"
	case strings.Contains(name, "conv1d"):
		t = t.squeeze()
	case strings.HasSuffix(name, "norm.weight") && !strings.HasSuffix(name, "linear_attn.norm.weight"):
		t = t.plusOne()
	}
	if strings.Contains(name, "in_proj_qkvz.weight") {
		return m.splitQKVZ(bid, t)
	}
	return m.qwenExperts(name, bid, t)
}

// linear is the shape of linear attention.
type linear struct{ keyDim, valueDim, keyHeads, valueHeads int }

// linear reads it.
func (m *model) linear() (l linear, err error) {
	l = linear{m.need("linear_key_head_dim"), m.need("linear_value_head_dim"), m.need("linear_num_key_heads"), m.need("linear_num_value_heads")}
	if m.err == nil && (l.keyDim <= 0 || l.valueDim <= 0 || l.keyHeads <= 0 || l.valueHeads%l.keyHeads != 0 || l.valueHeads <= 0) {
		m.fail("linear attention with %+v", l)
	}
	return l, m.err
}

// splitQKVZ takes apart a projection whose rows are queries, keys, values and gates of one key head after the other.
func (m *model) splitQKVZ(bid int, t tensor) error {
	l, err := m.linear()
	if err != nil {
		return err
	}
	values := l.valueHeads / l.keyHeads * l.valueDim
	per := 2*l.keyDim + 2*values
	if !t.dims(2) || t.shape[0] != l.keyHeads*per {
		return fmt.Errorf("%w: %v rows for %+v", ErrFolder, t.shape, l)
	}
	part := func(start, n int) tensor {
		return t.pick(l.keyHeads*n, func(i int) int { return i/n*per + start + i%n })
	}
	qkv := concat(part(0, l.keyDim), part(l.keyDim, l.keyDim), part(2*l.keyDim, values))
	if err := m.blk(bid, "attn_qkv.weight", qkv); err != nil {
		return err
	}
	return m.blk(bid, "attn_gate.weight", part(2*l.keyDim+values, values))
}

// tiled maps a row in the order of the file to one in the folder's: value heads of one key head stand together there,
// and here one of each key head.
func (l linear) tiled(start, dim int) func(i int) int {
	per := l.valueHeads / l.keyHeads
	return func(i int) int {
		if i < start {
			return i
		}
		head, in := (i-start)/dim, (i-start)%dim
		return start + (head%l.keyHeads*per+head/l.keyHeads)*dim + in
	}
}

// qwen35 is qwenNext, with value heads in another order.
func (m *model) qwen35(name string, bid int, t tensor) error {
	l, err := m.linear()
	if err != nil {
		return err
	}
	if l.keyHeads == l.valueHeads || !strings.Contains(name, "linear_attn.") {
		return m.qwenNext(name, bid, t)
	}
	keys, rows := 2*l.keyDim*l.keyHeads, l.valueHeads*l.valueDim
	want := 0
	switch {
	case strings.Contains(name, ".in_proj_qkv."):
		want, t = keys+rows, t.permuted(l.tiled(keys, l.valueDim))
	case strings.Contains(name, ".conv1d"):
		t = t.squeeze()
		want, t = keys+rows, t.permuted(l.tiled(keys, l.valueDim))
	case strings.Contains(name, ".in_proj_z."):
		want, t = rows, t.permuted(l.tiled(0, l.valueDim))
	case strings.Contains(name, ".in_proj_b."), strings.Contains(name, ".in_proj_a."), strings.Contains(name, ".A_log"), strings.Contains(name, ".dt_bias"):
		want, t = l.valueHeads, t.permuted(l.tiled(0, 1))
	case strings.Contains(name, ".out_proj."):
		if !t.dims(2) || t.shape[1] != rows {
			return fmt.Errorf("%w: %v columns for %+v", ErrFolder, t.shape, l)
		}
		t = t.columns(l.tiled(0, l.valueDim))
	}
	if want > 0 && t.shape[0] != want {
		return fmt.Errorf("%w: %v rows for %+v", ErrFolder, t.shape, l)
	}
	return m.qwenNext(name, bid, t)
}

func (m *model) qwenNextKeys() {
	m.qwenMoEKeys()
	main, _ := m.cfg.integer("main_layers")
	if m.blocks > main {
		m.u32("nextn_predict_layers", m.blocks-main)
	}
	l, err := m.linear()
	if err != nil {
		return
	}
	m.u32("ssm.conv_kernel", m.need("linear_conv_kernel_dim"))
	m.u32("ssm.state_size", l.keyDim)
	m.u32("ssm.group_count", l.keyHeads)
	m.u32("ssm.time_step_rank", l.valueHeads)
	m.u32("ssm.inner_size", l.valueDim*l.valueHeads)
	if types := m.cfg.texts("layer_types"); types != nil {
		if len(types) != main {
			m.fail("there are %d layer_types for %d layers", len(types), main)
		}
		recurrent := make([]bool, m.blocks)
		for i, t := range types[:min(len(types), m.blocks)] {
			recurrent[i] = t == "linear_attention"
		}
		m.list("attention.recurrent_layers", recurrent)
	}
	interval, ok := m.cfg.integer("full_attention_interval")
	if !ok {
		interval = 4
	}
	m.u32("full_attention_interval", interval)
	m.partly(0.25)
}

func (m *model) qwen35Keys() {
	m.qwenNextKeys()
	if m.rope.numbers("mrope_section") == nil {
		m.list("rope.dimension_sections", []int32{11, 11, 10, 0})
	}
}
