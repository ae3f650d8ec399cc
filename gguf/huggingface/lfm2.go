package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "lfm2",
	names:  lfm2Names,
	init:   lfm2Heads,
	modify: (*model).lfm2,
	keys:   (*model).lfm2Keys,
}, "Lfm2ForCausalLM", "LFM2ForCausalLM")
var _ = register(family{
	arch:   "lfm2",
	names:  lfm2Names,
	init:   lfm2Heads,
	filter: lfm2Inner,
	extra:  (*model).lfm2Dense,
	modify: (*model).lfm2,
	keys:   (*model).lfm2EmbeddingKeys,
}, "Lfm2Model", "Lfm2BidirectionalModel")
var _ = register(family{
	arch:   "lfm2moe",
	names:  lfm2Names,
	init:   lfm2Heads,
	filter: expertBias,
	modify: (*model).lfm2,
	keys:   (*model).lfm2MoEKeys,
}, "Lfm2MoeForCausalLM")

var lfm2Names = map[string]string{
	"model.embedding_norm":                          "token_embd_norm",
	"model.layers.#.operator_norm":                  "blk.#.attn_norm",
	"model.layers.#.ffn_norm":                       "blk.#.ffn_norm",
	"model.layers.#.self_attn.out_proj":             "blk.#.attn_output",
	"model.layers.#.self_attn.q_layernorm":          "blk.#.attn_q_norm",
	"model.layers.#.self_attn.k_layernorm":          "blk.#.attn_k_norm",
	"model.layers.#.conv.conv":                      "blk.#.shortconv.conv",
	"model.layers.#.conv.in_proj":                   "blk.#.shortconv.in_proj",
	"model.layers.#.conv.out_proj":                  "blk.#.shortconv.out_proj",
	"model.layers.#.feed_forward.w1":                "blk.#.ffn_gate",
	"model.layers.#.feed_forward.w2":                "blk.#.ffn_down",
	"model.layers.#.feed_forward.w3":                "blk.#.ffn_up",
	"model.layers.#.feed_forward.gate":              "blk.#.ffn_gate_inp",
	"model.layers.#.feed_forward.expert_bias":       "blk.#.exp_probs_b",
	"model.layers.#.feed_forward.experts.w1":        "blk.#.ffn_gate_exps",
	"model.layers.#.feed_forward.experts.w2":        "blk.#.ffn_down_exps",
	"model.layers.#.feed_forward.experts.w3":        "blk.#.ffn_up_exps",
	"model.layers.#.feed_forward.experts.gate_proj": "blk.#.ffn_gate_exps",
	"model.layers.#.feed_forward.experts.down_proj": "blk.#.ffn_down_exps",
	"model.layers.#.feed_forward.experts.up_proj":   "blk.#.ffn_up_exps",
}

func expertBias(_ *model, name string) (string, bool) {
	if s, ok := strings.CutSuffix(name, ".expert_bias"); ok {
		name = s + ".expert_bias.bias"
	}
	return name, true
}

// lfm2Heads says which layers attend: those of convolutions have no heads for keys.
func lfm2Heads(m *model) error {
	heads := m.cfg["num_key_value_heads"]
	var list []any
	for _, typ := range m.cfg.texts("layer_types") {
		if typ == "full_attention" {
			list = append(list, heads)
		} else {
			list = append(list, whole(0))
		}
	}
	if len(list) != m.blocks {
		m.fail("there are %d layer_types for %d layers", len(list), m.blocks)
	}
	m.cfg["num_key_value_heads"] = list
	return m.err
}

// lfm2 adds a tensor; the convolution's kernel loses a dimension of 1.
func (m *model) lfm2(name string, bid int, t tensor) error {
	if strings.Contains(name, "conv.conv") && t.dims(3) && t.shape[1] == 1 {
		t = t.reshape(t.shape[0], t.shape[2])
	}
	switch short := strings.TrimSuffix(name, ".weight"); {
	case strings.HasSuffix(short, ".experts.down_proj"), strings.HasSuffix(short, ".experts.gate_up_proj"):
		return m.fusedExperts(name, bid, t)
	case strings.Contains(name, ".experts."):
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts"), "w1", "w2", "w3")
	}
	return m.plain(name, bid, t)
}

// lfm2Inner gives the inner part of a language model the names that the whole has.
func lfm2Inner(_ *model, name string) (string, bool) { return "model." + name, true }

// lfm2Dense adds the matrix that makes rows for a search of what the model says of tokens, if the folder has one.
func (m *model) lfm2Dense() error {
	const name = "1_Dense/model.safetensors"
	if !m.exists(name) {
		return nil
	}
	f, err := m.files.open(m.dir, name)
	if err != nil {
		return err
	}
	t := f.Tensor("linear.weight")
	if t == nil || len(t.Shape) != 2 {
		return fmt.Errorf("%s: %w: there is no matrix linear.weight", name, ErrFolder)
	}
	m.early = append(m.early, key{m.arch + ".embedding_length_out", uint32(t.Shape[0])})
	return m.emit("dense_2.weight", load(t))
}

func (m *model) lfm2EmbeddingKeys() {
	m.lfm2Keys()
	if m.class == "Lfm2BidirectionalModel" {
		m.bool("attention.causal", false)
	}
	m.pooling()
}

func (m *model) lfm2Keys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("shortconv.l_cache", m.need("conv_L_cache"))
	m.f32("attention.layer_norm_rms_epsilon", m.needFloat("norm_eps"))
	width := m.need("block_ff_dim", "intermediate_size")
	if m.cfg.boolean("block_auto_adjust_ff_dim", false) {
		width = 2 * width / 3
		if x, ok := m.cfg.number("block_ffn_dim_multiplier"); ok {
			width = int(x * float64(width))
		}
		if n := m.need("block_multiple_of"); n > 0 {
			width = (width + n - 1) / n * n
		}
	}
	m.u32("feed_forward_length", width)
}

func (m *model) lfm2MoEKeys() {
	m.commonKeys()
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("leading_dense_block_count", m.need("num_dense_layers"))
	m.list("expert_gating_func", gatings["sigmoid"])
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("shortconv.l_cache", m.need("conv_L_cache"))
}
