package huggingface

import "strings"

// The language models of those that also see. Their towers are not converted.

var _ = register(family{
	arch:   "qwen2vl",
	filter: withoutThinker,
	vocab:  (*model).vocabEither,
}, "Qwen2VLForConditionalGeneration", "Qwen2VLModel", "Qwen2_5_VLForConditionalGeneration", "Qwen2_5OmniModel")

var _ = register(family{
	arch:   "qwen3vl",
	filter: withoutThinker,
	keys:   (*model).qwen3VLKeys,
	vocab:  (*model).vocabEither,
}, "Qwen3VLForConditionalGeneration")

var _ = register(family{
	arch:   "qwen3vlmoe",
	filter: withoutThinker,
	modify: (*model).qwen3VLMoE,
	keys:   (*model).qwen3VLMoEKeys,
}, "Qwen3VLMoeForConditionalGeneration")

var _ = register(family{
	arch:   "llama4",
	names:  llama4Names,
	init:   llama4Init,
	filter: llamaFilter,
	extra:  (*model).llama3Factors,
	modify: (*model).llama4,
	keys:   (*model).llama4Keys,
}, "Llama4ForConditionalGeneration", "Llama4ForCausalLM")

func withoutThinker(_ *model, name string) (string, bool) {
	return strings.ReplaceAll(name, "thinker.", ""), true
}

// deepStack sets how many layers of the language model get what the tower says of an image.
func (m *model) deepStack() {
	v := m.cfg.object("vision_config")
	if o := m.cfg.object("thinker_config"); o != nil {
		v = o.object("vision_config")
	}
	m.u32("n_deepstack_layers", len(v.numbers("deepstack_visual_indexes")))
}

func (m *model) qwen3VLKeys() {
	m.pooledKeys()
	m.deepStack()
}

func (m *model) qwen3VLMoEKeys() {
	m.qwenMoEKeys()
	m.deepStack()
}

// qwen3VLMoE adds a tensor; matrices of experts stand transposed.
func (m *model) qwen3VLMoE(name string, bid int, t tensor) error {
	short := strings.TrimSuffix(name, ".weight")
	if t.dims(3) && (strings.HasSuffix(short, "mlp.experts.down_proj") || strings.HasSuffix(short, "mlp.experts.gate_up_proj")) {
		t = t.transpose()
	}
	return m.qwenExperts(name, bid, t)
}

var llama4Names = map[string]string{
	"model.layers.#.feed_forward.gate_proj":               "blk.#.ffn_gate",
	"model.layers.#.feed_forward.up_proj":                 "blk.#.ffn_up",
	"model.layers.#.feed_forward.down_proj":               "blk.#.ffn_down",
	"model.layers.#.feed_forward.router":                  "blk.#.ffn_gate_inp",
	"model.layers.#.feed_forward.experts.gate_proj":       "blk.#.ffn_gate_exps",
	"model.layers.#.feed_forward.experts.up_proj":         "blk.#.ffn_up_exps",
	"model.layers.#.feed_forward.experts.down_proj":       "blk.#.ffn_down_exps",
	"model.layers.#.feed_forward.shared_expert.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.feed_forward.shared_expert.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.feed_forward.shared_expert.down_proj": "blk.#.ffn_down_shexp",
}

// llama4Init gives the width of networks that are no experts the name that all others have.
func llama4Init(m *model) error {
	m.cfg["intermediate_size_moe"] = m.cfg["intermediate_size"]
	m.cfg["intermediate_size"] = m.cfg["intermediate_size_mlp"]
	return nil
}

// llama4 adds a tensor; matrices of experts stand transposed.
func (m *model) llama4(name string, bid int, t tensor) error {
	if t.dims(3) && (strings.HasSuffix(name, ".experts.down_proj") || strings.HasSuffix(name, ".experts.gate_up_proj")) {
		return m.fusedExperts(name, bid, t.transpose())
	}
	return m.plain(name, bid, t)
}

func (m *model) llama4Keys() {
	m.llamaKeys()
	m.u32("interleave_moe_layer_step", m.need("interleave_moe_layer_step"))
	m.u32("expert_feed_forward_length", m.need("intermediate_size_moe"))
	types := m.cfg.texts("layer_types")
	for _, t := range types {
		if t != "full_attention" {
			return
		}
	}
	if types != nil {
		m.u32("attention.sliding_window", 0)
	}
}
