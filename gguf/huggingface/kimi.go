package huggingface

import (
	"fmt"
	"strconv"
	"strings"
)

var _ = register(family{
	arch:   "kimi-linear",
	names:  kimiNames,
	init:   (*model).kimiInit,
	modify: (*model).kimi,
	keys:   (*model).kimiKeys,
	vocab:  (*model).vocabKimi,
}, "KimiLinearForCausalLM", "KimiLinearModel")

var kimiNames = withNames(withNames(deepseek2Names, llamaNames), map[string]string{
	"model.layers.#.self_attn.q_conv1d":                        "blk.#.ssm_conv1d_q",
	"model.layers.#.self_attn.k_conv1d":                        "blk.#.ssm_conv1d_k",
	"model.layers.#.self_attn.v_conv1d":                        "blk.#.ssm_conv1d_v",
	"model.layers.#.self_attn.f_a_proj":                        "blk.#.ssm_f_a",
	"model.layers.#.self_attn.f_b_proj":                        "blk.#.ssm_f_b",
	"model.layers.#.self_attn.g_a_proj":                        "blk.#.ssm_g_a",
	"model.layers.#.self_attn.g_b_proj":                        "blk.#.ssm_g_b",
	"model.layers.#.self_attn.b_proj":                          "blk.#.ssm_beta",
	"model.layers.#.self_attn.dt_proj":                         "blk.#.ssm_dt",
	"model.layers.#.self_attn.A_log":                           "blk.#.ssm_a",
	"model.layers.#.self_attn.o_norm":                          "blk.#.ssm_norm",
	"model.layers.#.block_sparse_moe.gate.e_score_correction":  "blk.#.exp_probs_b",
	"model.layers.#.block_sparse_moe.shared_experts.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.block_sparse_moe.shared_experts.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.block_sparse_moe.shared_experts.down_proj": "blk.#.ffn_down_shexp",
})

// kimiInit says that all heads share one latent row per token.
func (m *model) kimiInit() error {
	m.cfg["query_groups"], m.cfg["num_key_value_heads"] = m.cfg["num_key_value_heads"], whole(1)
	return nil
}

// kimi adds a tensor of a layer with latent attention or Kimi Delta Attention.
func (m *model) kimi(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, "_conv1d.weight"):
		return m.channels(name, bid, t)
	case strings.HasSuffix(name, ".A_log"):
		t = t.negativeExp()
	case strings.HasSuffix(name, ".dt_bias"):
		name = strings.TrimSuffix(name, "dt_bias") + "dt_proj.bias"
	case strings.Contains(name, "block_sparse_moe.experts"):
		return m.sparseExperts(name, bid, t)
	case strings.HasSuffix(name, "kv_b_proj.weight"):
		return m.deepseek2(name, bid, t)
	}
	return m.plain(name, bid, t)
}

func (m *model) kimiKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	linear := m.cfg.object("linear_attn_config")
	heads, attends := make([]int32, m.blocks), linear.wholes("full_attn_layers")
	if len(attends) == 0 {
		m.fail("linear_attn_config has no full_attn_layers")
	}
	for _, x := range attends {
		if i := x - 1; i >= 0 && i < m.blocks {
			heads[i] = 1
		}
	}
	m.list("attention.head_count_kv", heads)
	for _, p := range [][2]string{{"ssm.conv_kernel", "short_conv_kernel_size"}, {"kda.head_dim", "head_dim"}} {
		if n, ok := linear.integer(p[1]); ok {
			m.u32(p[0], n)
		}
	}
	m.count("attention.q_lora_rank", "q_lora_rank", "n_lora_q")
	rank, rope := m.need("kv_lora_rank", "n_lora_kv"), m.need("qk_rope_head_dim", "n_rot")
	m.u32("attention.kv_lora_rank", rank)
	m.u32("rope.dimension_count", rope)
	m.u32("attention.key_length", rank+rope)
	m.u32("attention.key_length_mla", m.need("qk_nope_head_dim")+rope)
	m.u32("attention.value_length_mla", m.need("v_head_dim"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_count", m.need("num_shared_experts"))
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
}

// kimiReserved is how many ids behind the vocabulary may be special tokens.
const kimiReserved = 258

// vocabKimi is byte-level BPE from tokenizer.json, or from tiktoken.model with the special tokens that
// tokenizer_config.json names.
func (m *model) vocabKimi() error {
	if m.exists("tokenizer.json") {
		return m.vocabBPE()
	}
	v, err := m.readTiktoken("tiktoken.model")
	if err != nil {
		return err
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	named, ids := tc.object("added_tokens_decoder"), map[string]int{}
	texts := make([]string, kimiReserved)
	for i := range texts {
		id := len(v.texts) + i
		if texts[i] = named.object(strconv.Itoa(id)).text("content"); texts[i] == "" {
			texts[i] = fmt.Sprintf("<|reserved_token_%d|>", id)
		}
		ids[texts[i]] = id
	}
	v.special(texts)
	if err := m.vocabTiktoken(v, "kimi-k2", nil); err != nil {
		return err
	}
	end := (&special{tc: tc}).text("eos")
	if end == "" {
		end = "[EOS]"
	}
	id, ok := ids[end]
	if !ok {
		return fmt.Errorf("tokenizer_config.json: %w: eos_token %.50q is no special token", ErrFolder, end)
	}
	m.set("tokenizer.ggml.eos_token_id", uint32(id))
	return m.err
}
