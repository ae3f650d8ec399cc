package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "glm4",
	names:  glm4Names,
	modify: (*model).glm4,
	keys:   (*model).glm4Keys,
	vocab:  (*model).vocabGLM4,
}, "Glm4ForCausalLM", "Glm4vForConditionalGeneration")
var (
	_ = register(glm4MoE((*model).vocabGLM), "Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration")
	_ = register(glm4MoE((*model).vocabSolar), "SolarOpenForCausalLM")
)

// glm4MoE is a family with GLM 4.5's layers and a vocabulary of its own.
func glm4MoE(vocab func(*model) error) family {
	return family{
		arch:   "glm4moe",
		names:  glm4MoENames,
		init:   (*model).nextnLayers,
		modify: (*model).qwenExperts,
		keys:   (*model).glm4MoEKeys,
		vocab:  vocab,
	}
}

var glm4Names = map[string]string{
	"model.layers.#.post_self_attn_layernorm": "blk.#.post_attention_norm",
	"model.layers.#.post_mlp_layernorm":       "blk.#.post_ffw_norm",
	"model.layers.#.mlp.gate_up_proj":         "blk.#.ffn_up",
}

var glm4MoENames = withNextn(map[string]string{"model.layers.#.post_attention_layernorm": "blk.#.post_attention_norm"})

// withNextn adds the names of layers that predict a token further on.
func withNextn(names map[string]string) map[string]string {
	for from, to := range map[string]string{"eh_proj": "eh_proj", "embed_tokens": "embed_tokens", "enorm": "enorm", "hnorm": "hnorm",
		"shared_head.head": "shared_head_head", "shared_head.norm": "shared_head_norm"} {
		names["model.layers.#."+from] = "blk.#.nextn." + to
	}
	return names
}

// glm4 adds a tensor. Where positions have several dimensions, the two of a pair that rotates stand side by side, and
// llama.cpp wants them in halves.
func (m *model) glm4(name string, bid int, t tensor) error {
	short := strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
	if !m.rope.has("mrope_section") || !strings.HasSuffix(short, ".q_proj") && !strings.HasSuffix(short, ".k_proj") {
		return m.plain(name, bid, t)
	}
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		share = 0.5
	}
	dim := m.headDim()
	rotated := int(float64(dim) * share)
	if len(t.shape) == 0 || dim <= 0 || t.shape[0]%dim != 0 || rotated%2 != 0 || rotated < 0 || rotated > dim {
		return fmt.Errorf("%w: shape %v for heads of %d of which %d rotate", ErrFolder, t.shape, dim, rotated)
	}
	return m.plain(name, bid, t.permuted(func(i int) int {
		head, in := i/dim, i%dim
		if in < rotated {
			in = in%(rotated/2)*2 + in/(rotated/2)
		}
		return head*dim + in
	}))
}

// partly sets how many values of a head rotate.
func (m *model) partly(def float64) {
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		share = def
	}
	m.u32("rope.dimension_count", int(float64(m.headDim())*share))
}

func (m *model) glm4Keys() {
	m.commonKeys()
	m.partly(0.5)
}

// nextnLayers counts the layers that predict a token further on.
func (m *model) nextnLayers() error { return m.moreLayers("num_nextn_predict_layers") }

// moreLayers counts layers of which config.json tells the number apart.
func (m *model) moreLayers(key string) error {
	n := m.or(0, key)
	if n < 0 || m.blocks+n > maxLayers {
		return fmt.Errorf("config.json: %w: %s is %d", ErrFolder, key, n)
	}
	m.blocks += n
	return nil
}

func (m *model) glm4MoEKeys() {
	m.commonKeys()
	m.partly(0.5)
	m.count("expert_count", "n_routed_experts")
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	m.count("expert_shared_count", "n_shared_experts")
	m.count("leading_dense_block_count", "first_k_dense_replace")
	m.list("expert_gating_func", gatings["sigmoid"])
	m.float("expert_weights_scale", "routed_scaling_factor")
	m.flag("expert_weights_norm", "norm_topk_prob")
	m.count("nextn_predict_layers", "num_nextn_predict_layers")
}

// vocabGLM4 is byte-level BPE; the user's turn ends an answer.
func (m *model) vocabGLM4() error {
	return m.vocabNamed([][2]string{{"eos", "<|endoftext|>"}, {"eot", "<|user|>"}, {"unk", "<|endoftext|>"}, {"bos", "<|endoftext|>"}})
}

func (m *model) vocabGLM() error {
	return m.vocabNamed([][2]string{{"bos", "[gMASK]"}, {"eot", "<|user|>"}, {"unk", "<|endoftext|>"}, {"eom", "<|observation|>"}})
}

func (m *model) vocabSolar() error {
	return m.vocabNamed([][2]string{{"eos", "<|endoftext|>"}, {"eot", "<|endoftext|>"}, {"unk", "<unk>"}, {"bos", "<|startoftext|>"}})
}

// vocabNamed is byte-level BPE with special tokens that are known by their texts.
func (m *model) vocabNamed(list [][2]string) error {
	return m.vocabBPEWith(func(s *special, added map[string]int) error {
		for _, e := range list {
			id, ok := added[e[1]]
			if !ok {
				return fmt.Errorf("tokenizer.json: %w: there is no token %s", ErrFolder, e[1])
			}
			s.put(e[0], id)
		}
		return nil
	})
}
