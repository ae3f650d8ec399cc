package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "gpt2",
	names:  gpt2Names,
	modify: (*model).gpt2,
	keys:   (*model).gpt2Keys,
}, "GPT2LMHeadModel")
var _ = register(family{
	arch:   "gptneox",
	names:  neoXNames,
	modify: (*model).headwise,
	keys:   (*model).neoXKeys,
}, "GPTNeoXForCausalLM")
var _ = register(family{
	arch:   "falcon",
	names:  falconNames,
	modify: (*model).falcon,
	keys:   (*model).falconKeys,
}, "FalconForCausalLM", "RWForCausalLM")
var _ = register(family{arch: "starcoder", names: gpt2Names, keys: (*model).starcoderKeys}, "GPTBigCodeForCausalLM")
var _ = register(family{arch: "starcoder2", names: starcoder2Names}, "Starcoder2ForCausalLM")
var _ = register(family{
	arch:   "stablelm",
	modify: (*model).stableLM,
	keys:   (*model).stableLMKeys,
}, "StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM")

var gpt2Names = map[string]string{
	"transformer.wte":             "token_embd",
	"transformer.wpe":             "position_embd",
	"transformer.ln_f":            "output_norm",
	"transformer.h.#.ln_1":        "blk.#.attn_norm",
	"transformer.h.#.ln_2":        "blk.#.ffn_norm",
	"transformer.h.#.attn.c_attn": "blk.#.attn_qkv",
	"transformer.h.#.attn.c_proj": "blk.#.attn_output",
	"transformer.h.#.mlp.c_fc":    "blk.#.ffn_up",
	"transformer.h.#.mlp.c_proj":  "blk.#.ffn_down",
}

// gpt2 adds a tensor; matrices stand transposed.
func (m *model) gpt2(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".attn.bias") || strings.HasSuffix(name, ".attn.masked_bias") {
		return nil // a mask
	}
	for _, p := range []string{"wte.", "wpe.", "h.", "ln_f."} {
		if strings.HasPrefix(name, p) {
			name = "transformer." + name
			break
		}
	}
	for _, s := range []string{".c_attn.weight", ".c_proj.weight", ".c_fc.weight", ".c_fc2.weight"} {
		if t.dims(2) && strings.HasSuffix(name, s) {
			t = t.transpose()
			break
		}
	}
	return m.plain(name, bid, t)
}

func (m *model) gpt2Keys() {
	m.u32("block_count", m.blocks)
	m.u32("context_length", m.need("n_ctx", "n_positions"))
	m.u32("embedding_length", m.need("n_embd"))
	m.u32("feed_forward_length", 4*m.need("n_embd"))
	m.u32("attention.head_count", m.need("n_head"))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}

var neoXNames = map[string]string{
	"gpt_neox.embed_in":                           "token_embd",
	"gpt_neox.final_layer_norm":                   "output_norm",
	"embed_out":                                   "output",
	"gpt_neox.layers.#.input_layernorm":           "blk.#.attn_norm",
	"gpt_neox.layers.#.post_attention_layernorm":  "blk.#.ffn_norm",
	"gpt_neox.layers.#.attention.query_key_value": "blk.#.attn_qkv",
	"gpt_neox.layers.#.attention.dense":           "blk.#.attn_output",
	"gpt_neox.layers.#.mlp.dense_h_to_4h":         "blk.#.ffn_up",
	"gpt_neox.layers.#.mlp.dense_4h_to_h":         "blk.#.ffn_down",
}

func (m *model) neoXKeys() {
	m.u32("context_length", m.need("max_position_embeddings"))
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("block_count", m.blocks)
	m.u32("feed_forward_length", m.need("intermediate_size"))
	share, ok := m.rope.number("partial_rotary_factor")
	if x, old := m.cfg.number("rotary_pct"); old {
		share, ok = x, true
	}
	if !ok {
		share = 0.25
	}
	m.u32("rope.dimension_count", int(share*float64(m.per(m.need("hidden_size"), m.need("num_attention_heads")))))
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.bool("use_parallel_residual", m.cfg.boolean("use_parallel_residual", true))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_eps"))
}

var falconNames = map[string]string{
	"transformer.word_embeddings":                    "token_embd",
	"transformer.ln_f":                               "output_norm",
	"transformer.h.#.input_layernorm":                "blk.#.attn_norm",
	"transformer.h.#.ln_attn":                        "blk.#.attn_norm_2",
	"transformer.h.#.ln_mlp":                         "blk.#.attn_norm",
	"transformer.h.#.self_attention.query_key_value": "blk.#.attn_qkv",
	"transformer.h.#.self_attention.dense":           "blk.#.attn_output",
	"transformer.h.#.mlp.dense_h_to_4h":              "blk.#.ffn_up",
	"transformer.h.#.mlp.dense_4h_to_h":              "blk.#.ffn_down",
}

// keyHeads returns Falcon's heads of keys.
func (m *model) keyHeads() int {
	for _, k := range []string{"num_kv_heads", "n_head_kv"} {
		if n, ok := m.cfg.integer(k); ok {
			return n
		}
	}
	return 1
}

// falcon adds a tensor; heads that share keys and values stand together with these.
func (m *model) falcon(name string, bid int, t tensor) error {
	if strings.Contains(name, "query_key_value") {
		heads, keys := m.need("num_attention_heads", "n_head"), m.keyHeads()
		if keys <= 0 || heads <= 0 || heads%keys != 0 || len(t.shape) == 0 || t.shape[0]%(heads+2*keys) != 0 {
			return fmt.Errorf("%w: %v rows for %d heads, %d of keys", ErrFolder, t.shape, heads, keys)
		}
		dim, per := t.shape[0]/(heads+2*keys), heads/keys
		t = t.permuted(func(i int) int {
			head, in := i/dim, i%dim
			switch {
			case head < heads:
				head = head/per*(per+2) + head%per
			case head < heads+keys:
				head = (head-heads)*(per+2) + per
			default:
				head = (head-heads-keys)*(per+2) + per + 1
			}
			return head*dim + in
		})
	}
	return m.plain(name, bid, t)
}

func (m *model) falconKeys() {
	m.u32("context_length", 2048) // config.json does not tell
	m.list("tensor_data_layout", "jploski")
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("feed_forward_length", 4*m.need("hidden_size"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("num_attention_heads", "n_head"))
	m.u32("attention.head_count_kv", m.keyHeads())
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}

func (m *model) starcoderKeys() {
	m.u32("context_length", m.need("n_positions"))
	m.u32("embedding_length", m.need("n_embd"))
	m.u32("feed_forward_length", 4*m.need("n_embd"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("n_head"))
	m.u32("attention.head_count_kv", 1)
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}

var starcoder2Names = map[string]string{
	"model.layers.#.mlp.c_fc":   "blk.#.ffn_up",
	"model.layers.#.mlp.c_proj": "blk.#.ffn_down",
}

// stableLM adds a tensor.
func (m *model) stableLM(name string, bid int, t tensor) error {
	if strings.Contains(name, "_layernorm.norms.") {
		return fmt.Errorf("a StableLM with a norm for each head is %w", ErrUnsupported)
	}
	return m.plain(name, bid, t)
}

func (m *model) stableLMKeys() {
	m.u32("context_length", m.need("max_position_embeddings"))
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("block_count", m.blocks)
	m.u32("feed_forward_length", m.need("intermediate_size"))
	share, _ := m.rope.number("partial_rotary_factor")
	m.u32("rope.dimension_count", int(share*float64(m.per(m.need("hidden_size"), m.need("num_attention_heads")))))
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.u32("attention.head_count_kv", m.need("num_key_value_heads"))
	m.bool("use_parallel_residual", m.cfg.boolean("use_parallel_residual", true))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_eps", "norm_eps"))
	m.fileType()
}
