package huggingface

import "strings"

// Mixtures of experts that differ little from others.

var _ = register(family{
	arch:   "phimoe",
	names:  withNames(phi3Names, sparseNames),
	extra:  (*model).longFactors,
	modify: (*model).sparseExperts,
	keys:   (*model).phiMoEKeys,
	vocab:  (*model).vocabPhi3,
}, "PhiMoEForCausalLM", "PhimoeForCausalLM")

var _ = register(family{
	arch:   "ernie4_5-moe",
	names:  map[string]string{"model.layers.#.mlp.moe_statics.e_score_correction": "blk.#.exp_probs_b"},
	filter: ernieMoEFilter,
	modify: projections("moe_num_experts"),
	keys:   (*model).ernieMoEKeys,
	vocab:  (*model).vocabErnie,
}, "Ernie4_5_MoeForCausalLM")

var _ = register(family{
	arch:   "deepseek",
	modify: (*model).deepseek,
	keys:   (*model).deepseekKeys,
	vocab:  (*model).vocabEither,
}, "DeepseekForCausalLM")

var _ = register(family{
	arch:   "bailingmoe2",
	names:  bailingNames,
	init:   (*model).nextnLayers,
	filter: expertBias,
	modify: (*model).qwenExperts,
	keys:   (*model).bailing2Keys,
}, "BailingMoeV2ForCausalLM")

var _ = register(family{
	arch:   "bailingmoe2",
	names:  bailingNames,
	init:   (*model).nextnLayers,
	filter: expertBias,
	modify: (*model).sarvam,
	keys:   (*model).sarvamKeys,
}, "SarvamMoEForCausalLM", "modeling_sarvam_moe.SarvamMoEForCausalLM")

var _ = register(family{
	arch:   "afmoe",
	names:  afmoeNames,
	extra:  (*model).llama3Factors,
	filter: expertBias,
	modify: projections("num_local_experts", "num_experts"),
	keys:   (*model).afmoeKeys,
	vocab:  (*model).vocabLlama,
}, "AfmoeForCausalLM")

var _ = register(family{
	arch:   "bailingmoe",
	names:  map[string]string{"model.word_embeddings": "token_embd", "model.layers.#.attention.dense": "blk.#.attn_output"},
	modify: (*model).bailing,
	keys:   (*model).bailingKeys,
}, "BailingMoeForCausalLM")

var _ = register(family{
	arch:   "smallthinker",
	names:  smallThinkerNames,
	modify: (*model).smallThinker,
	keys:   (*model).smallThinkerKeys,
}, "SmallThinkerForCausalLM")

var _ = register(family{
	arch:   "cohere2moe",
	init:   (*model).nextnLayers,
	names:  withNextn(map[string]string{}),
	modify: (*model).cohere2MoE,
	keys:   (*model).cohere2MoEKeys,
}, "Cohere2MoeForCausalLM")

var _ = register(family{
	arch:   "hy_v3",
	init:   (*model).nextnLayers,
	names:  hyV3Names,
	filter: hyV3Filter,
	modify: (*model).qwenExperts,
	keys:   (*model).hyV3Keys,
}, "HYV3ForCausalLM")

var _ = register(family{arch: "mellum", modify: (*model).qwenExperts, keys: (*model).mellumKeys}, "MellumForCausalLM")

// sparseNames are the names of Mixtral's experts.
var sparseNames = map[string]string{
	"model.layers.#.block_sparse_moe.gate":       "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.experts.w1": "blk.#.ffn_gate_exps",
	"model.layers.#.block_sparse_moe.experts.w2": "blk.#.ffn_down_exps",
	"model.layers.#.block_sparse_moe.experts.w3": "blk.#.ffn_up_exps",
}

// sparseExperts adds a tensor of a mixture with Mixtral's names.
func (m *model) sparseExperts(name string, bid int, t tensor) error {
	if strings.Contains(name, "block_sparse_moe.experts.") {
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts"), "w1", "w2", "w3")
	}
	return m.plain(name, bid, t)
}

func (m *model) phiMoEKeys() {
	m.phi3Keys()
	m.u32("expert_used_count", m.need("num_experts_per_tok", "num_experts_per_token"))
	m.u32("expert_count", m.need("num_local_experts", "num_experts"))
}

// ernieMoEFilter drops the layers that predict a token further on.
func ernieMoEFilter(m *model, name string) (string, bool) {
	for _, p := range []string{"model.mtp_block.", "model.mtp_emb_norm.", "model.mtp_hidden_norm.", "model.mtp_linear_proj."} {
		if strings.HasPrefix(name, p) {
			return "", false
		}
	}
	return ernieFilter(m, name)
}

// projections adds a tensor of a mixture whose matrices are written in the order gates, up-projections, down-projections.
// Their number stands under the first of counts that is there.
func projections(counts ...string) func(m *model, name string, bid int, t tensor) error {
	return func(m *model, name string, bid int, t tensor) error {
		switch short := strings.TrimSuffix(name, ".weight"); {
		case strings.HasSuffix(short, "mlp.experts.down_proj"), strings.HasSuffix(short, "mlp.experts.gate_up_proj"):
			return m.fusedExperts(name, bid, t) // what transformers 5 saves
		case strings.Contains(name, "mlp.experts."):
			return m.expert(name, bid, t, m.need(counts...), "gate_proj", "up_proj", "down_proj")
		}
		return m.plain(name, bid, t)
	}
}

func (m *model) ernieMoEKeys() {
	m.commonKeys()
	m.u32("expert_count", m.need("moe_num_experts"))
	m.u32("expert_used_count", m.need("moe_k"))
	m.u32("interleave_moe_layer_step", m.need("moe_layer_interval"))
	m.u32("leading_dense_block_count", m.need("moe_layer_start_index"))
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	if !m.count("expert_shared_count", "moe_num_shared_experts") {
		return
	}
	width, ok := m.cfg.integer("intermediate_size")
	if heads := m.or(0, "num_key_value_heads"); ok && heads > 0 && m.or(0, "moe_num_shared_experts") > 0 {
		m.u32("expert_shared_feed_forward_length", width/heads) // the script's formula, right for the models that there are
	}
}

// deepseek adds a tensor of the first DeepSeek with experts.
func (m *model) deepseek(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	return m.qwenExperts(name, bid, t)
}

func (m *model) deepseekKeys() {
	m.commonKeys()
	m.u32("rope.dimension_count", m.headDim())
	m.list("rope.scaling.type", "none")
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.f32("expert_weights_scale", 1)
	m.u32("expert_count", m.need("n_routed_experts"))
	m.u32("expert_shared_count", m.need("n_shared_experts"))
}

var bailingNames = withNextn(map[string]string{
	"model.word_embeddings":                    "token_embd",
	"model.layers.#.attention.query_key_value": "blk.#.attn_qkv",
	"model.layers.#.attention.dense":           "blk.#.attn_output",
	"model.layers.#.attention.query_layernorm": "blk.#.attn_q_norm",
	"model.layers.#.attention.key_layernorm":   "blk.#.attn_k_norm",
	"model.layers.#.mlp.gate.expert_bias":      "blk.#.exp_probs_b",
	"model.layers.#.final_layernorm":           "blk.#.layer_output_norm",
})

func (m *model) bailing2Keys() {
	m.commonKeys()
	share := 0.5
	if x, ok := m.rope.number("partial_rotary_factor"); ok {
		share = x
	}
	m.u32("rope.dimension_count", int(float64(m.headDim())*share))
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.u32("vocab_size", m.need("vocab_size"))
	width, shared := m.need("moe_intermediate_size"), m.need("num_shared_experts")
	m.u32("expert_feed_forward_length", width)
	if n, ok := m.cfg.integer("moe_shared_expert_intermediate_size"); ok {
		m.u32("expert_shared_feed_forward_length", n)
	} else {
		m.u32("expert_shared_feed_forward_length", width*shared)
	}
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.u32("expert_shared_count", shared)
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	m.count("nextn_predict_layers", "num_nextn_predict_layers")
}

// sarvam adds a tensor of a model with Ling's layers. What is added to the weights of experts has a mean of 0.
func (m *model) sarvam(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".expert_bias.bias") {
		t = t.centred()
	}
	return m.qwenExperts(name, bid, t)
}

func (m *model) sarvamKeys() {
	m.bailing2Keys()
	m.u32("rope.dimension_count", m.headDim())
}

var afmoeNames = map[string]string{
	"model.layers.#.post_attention_layernorm": "blk.#.post_attention_norm",
	"model.layers.#.pre_mlp_layernorm":        "blk.#.ffn_norm",
	"model.layers.#.post_mlp_layernorm":       "blk.#.post_ffw_norm",
	"model.layers.#.self_attn.gate_proj":      "blk.#.attn_gate",
	"model.layers.#.mlp.router.gate":          "blk.#.ffn_gate_inp",
	"model.layers.#.mlp.expert_bias":          "blk.#.exp_probs_b",
}

func (m *model) afmoeKeys() {
	m.llamaKeys()
	m.count("expert_shared_count", "num_shared_experts")
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	m.count("leading_dense_block_count", "num_dense_layers")
	m.flag("expert_weights_norm", "route_norm")
	m.float("expert_weights_scale", "route_scale")
	m.count("attention.sliding_window", "sliding_window")
}
