package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "granite",
	modify: (*model).llama,
	extra:  (*model).llama3Factors,
	keys:   (*model).graniteKeys,
	vocab:  (*model).vocabLlama,
	init:   noHeadDim,
}, "GraniteForCausalLM")

var _ = register(family{
	arch:   "granitemoe",
	names:  graniteMoENames,
	modify: (*model).graniteMoE,
	extra:  (*model).llama3Factors,
	keys:   (*model).graniteMoEKeys,
	vocab:  (*model).vocabLlama,
	init:   noHeadDim,
}, "GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM")

var _ = invert("granite", inverse{class: "GraniteForCausalLM", modelType: "granite", restore: (*exporter).llama, config: (*exporter).granite})

var graniteMoENames = map[string]string{
	"model.layers.#.block_sparse_moe.router.layer":  "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.output_linear": "blk.#.ffn_down_exps",
	"model.layers.#.shared_mlp.output_linear":       "blk.#.ffn_down_shexp",
}

// noHeadDim forgets head_dim, which these models do not use.
func noHeadDim(m *model) error {
	delete(m.cfg, "head_dim")
	return nil
}

// graniteScales are the multipliers: keys, and their names in config.json.
var graniteScales = [][2]string{{"attention.scale", "attention_multiplier"}, {"embedding_scale", "embedding_multiplier"},
	{"residual_scale", "residual_multiplier"}, {"logit_scale", "logits_scaling"}}

// graniteKeys sets Llama's keys and Granite's four multipliers.
func (m *model) graniteKeys() {
	m.llamaKeys()
	for _, k := range graniteScales {
		if x, ok := m.cfg.number(k[1]); ok && x != 0 {
			m.f32(k[0], x)
		}
	}
}

func (m *model) graniteMoEKeys() {
	m.graniteKeys()
	if n, ok := m.cfg.integer("shared_intermediate_size"); ok && n != 0 {
		m.u32("expert_shared_feed_forward_length", n)
	}
}

// graniteMoE adds a tensor of a mixture of experts, whose gates and up-projections stand together.
func (m *model) graniteMoE(name string, bid int, t tensor) error {
	split := func(dim int, gate, up string) error {
		if len(t.shape) <= dim || t.shape[dim]%2 != 0 {
			return fmt.Errorf("%w: shape %v can't be gates and up-projections", ErrFolder, t.shape)
		}
		if err := m.blk(bid, gate+".weight", t.half(dim, 0)); err != nil {
			return err
		}
		return m.blk(bid, up+".weight", t.half(dim, 1))
	}
	experts, _ := m.cfg.integer("num_local_experts")
	switch {
	case strings.HasSuffix(name, "block_sparse_moe.input_linear.weight"):
		return split(1, "ffn_gate_exps", "ffn_up_exps")
	case strings.HasSuffix(name, "shared_mlp.input_linear.weight") && experts > 0:
		return split(0, "ffn_gate_shexp", "ffn_up_shexp")
	case strings.HasSuffix(name, "shared_mlp.input_linear.weight"):
		return split(0, "ffn_gate", "ffn_up")
	case strings.HasSuffix(name, "shared_mlp.output_linear.weight") && experts == 0:
		return m.blk(bid, "ffn_down.weight", t)
	}
	return m.llama(name, bid, t)
}

// granite adds what Llama does not have.
func (x *exporter) granite() {
	x.llamaBiases()
	for _, k := range graniteScales {
		if v, ok := x.float(k[0]); ok {
			x.cfg[k[1]] = number(v)
		}
	}
}
