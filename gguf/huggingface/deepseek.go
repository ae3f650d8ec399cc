package huggingface

import (
	"encoding/json"
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "deepseek2",
	names:  deepseek2Names,
	init:   oneKeyHead,
	filter: (*model).mainLayers,
	modify: (*model).deepseek2,
	keys:   (*model).deepseek2Keys,
}, "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM")

var deepseek2Names = map[string]string{
	"model.layers.#.self_attn.q_a_proj":           "blk.#.attn_q_a",
	"model.layers.#.self_attn.q_b_proj":           "blk.#.attn_q_b",
	"model.layers.#.self_attn.q_a_layernorm":      "blk.#.attn_q_a_norm",
	"model.layers.#.self_attn.kv_a_proj_with_mqa": "blk.#.attn_kv_a_mqa",
	"model.layers.#.self_attn.kv_a_layernorm":     "blk.#.attn_kv_a_norm",
}

// oneKeyHead says that all heads share one latent row per token.
func oneKeyHead(m *model) error {
	m.cfg["query_groups"] = m.cfg["num_key_value_heads"]
	m.cfg["num_key_value_heads"] = whole(1)
	if !hasKey(m.cfg, "rms_norm_eps") {
		m.cfg["rms_norm_eps"] = json.Number("1e-6")
	}
	return nil
}

// mainLayers drops the layers that predict a token further on, and an output matrix that is the embedding.
func (m *model) mainLayers(name string) (string, bool) {
	if m.cfg.boolean("tie_word_embeddings", false) && (name == "lm_head.weight" || name == "model.lm_head.weight") {
		return "", false
	}
	return name, !strings.HasPrefix(name, "model.layers.") || block(name) < m.blocks
}

// deepseek2 adds a tensor. What makes keys and values of a latent row is split in two, and that for keys transposed.
func (m *model) deepseek2(name string, bid int, t tensor) error {
	if !strings.HasSuffix(name, "kv_b_proj.weight") {
		return m.qwenExperts(name, bid, t)
	}
	heads, _ := m.cfg.integer("query_groups")
	keys, values := m.need("qk_nope_head_dim"), m.need("v_head_dim")
	if m.err != nil || heads <= 0 || !t.dims(2) || t.shape[0] != heads*(keys+values) {
		return fmt.Errorf("%w: shape %v for %d heads with keys of %d and values of %d", ErrFolder, t.shape, heads, keys, values)
	}
	t = t.reshape(heads, keys+values, t.shape[1])
	if err := m.blk(bid, "attn_k_b.weight", t.span(1, 0, keys).transpose()); err != nil {
		return err
	}
	return m.blk(bid, "attn_v_b.weight", t.span(1, keys, keys+values))
}

func (m *model) deepseek2Keys() {
	m.commonKeys()
	dense, ok := m.cfg.integer("first_k_dense_replace")
	if !ok && !m.cfg.has("n_routed_experts") {
		dense = m.blocks
	}
	m.u32("leading_dense_block_count", dense)
	rank, ok := m.cfg.integer("kv_lora_rank")
	if !ok {
		rank = 512
	}
	rope := m.need("qk_rope_head_dim")
	m.u32("vocab_size", m.need("vocab_size"))
	m.count("attention.q_lora_rank", "q_lora_rank")
	m.u32("attention.kv_lora_rank", rank)
	m.u32("attention.key_length", rank+rope)
	m.u32("attention.value_length", rank)
	m.u32("attention.key_length_mla", m.need("qk_nope_head_dim")+rope)
	m.u32("attention.value_length_mla", m.need("v_head_dim"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size", "intermediate_size"))
	m.count("expert_count", "n_routed_experts")
	shared, _ := m.cfg.integer("n_shared_experts")
	m.u32("expert_shared_count", shared)
	m.float("expert_weights_scale", "routed_scaling_factor")
	if m.cfg.boolean("norm_topk_prob", false) {
		m.bool("expert_weights_norm", true)
	}
	m.u32("rope.dimension_count", rope)
	if x, ok := m.rope.number("mscale_all_dim"); ok {
		m.f32("rope.scaling.yarn_log_multiplier", 0.1*x)
	}
}
