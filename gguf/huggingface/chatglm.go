package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "chatglm",
	names:  chatGLMNames,
	filter: chatGLMFilter,
	keys:   (*model).chatGLMKeys,
	vocab:  (*model).vocabChatGLM,
}, "GlmForCausalLM", "ChatGLMModel", "ChatGLMForConditionalGeneration")

var chatGLMNames = map[string]string{
	"embedding.word_embeddings":                       "token_embd",
	"encoder.final_layernorm":                         "output_norm",
	"output_layer":                                    "output",
	"encoder.layers.#.input_layernorm":                "blk.#.attn_norm",
	"encoder.layers.#.self_attention.query_key_value": "blk.#.attn_qkv",
	"encoder.layers.#.self_attention.dense":           "blk.#.attn_output",
	"encoder.layers.#.post_attention_layernorm":       "blk.#.ffn_norm",
	"encoder.layers.#.mlp.dense_h_to_4h":              "blk.#.ffn_up",
	"encoder.layers.#.mlp.dense_4h_to_h":              "blk.#.ffn_down",
	"model.layers.#.mlp.gate_up_proj":                 "blk.#.ffn_up",
}

func chatGLMFilter(_ *model, name string) (string, bool) {
	return strings.TrimPrefix(name, "transformer."), !strings.HasSuffix(name, ".rotary_pos_emb.inv_freq")
}

// chatGLMKeys sets the keys, for which configurations of old have names of their own.
func (m *model) chatGLMKeys() {
	width, heads := m.need("hidden_size", "n_embed"), m.need("n_head", "num_attention_heads")
	or := func(def int, keys ...string) int {
		if n, ok := m.cfg.integer(keys...); ok {
			return n
		}
		return def
	}
	m.u32("context_length", or(width, "seq_length"))
	m.u32("embedding_length", width)
	m.u32("feed_forward_length", or(4*width, "ffn_hidden_size", "intermediate_size"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", heads)
	m.u32("attention.head_count_kv", or(heads, "multi_query_group_num", "num_key_value_heads"))
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-5, "layernorm_epsilon"))
	m.fileType()
	rotated, ok := m.cfg.integer("attention_dim")
	if !ok {
		rotated = m.per(width, m.need("num_attention_heads"))
	}
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		share = 0.5
	}
	m.u32("rope.dimension_count", int(float64(rotated)*share))
	m.set("tokenizer.ggml.add_bos_token", false)
	m.f32("rope.freq_base", 10000*m.orFloat(1, "rope_ratio"))
}

// vocabChatGLM is byte-level BPE; the user's turn ends an answer.
func (m *model) vocabChatGLM() error {
	if !m.exists("tokenizer.json") {
		return fmt.Errorf("%w: the tokenizer of a %s without tokenizer.json is code: take the model's version for transformers (-hf)", ErrUnsupported, m.class)
	}
	return m.vocabNamed([][2]string{{"eos", "<|endoftext|>"}, {"eot", "<|user|>"}, {"unk", "<|endoftext|>"}})
}
