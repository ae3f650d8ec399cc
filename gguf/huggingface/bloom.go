package huggingface

import (
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "bloom",
	names:  bloomNames,
	filter: bloomFilter,
	modify: (*model).headwise,
	keys:   (*model).bloomKeys,
}, "BloomForCausalLM", "BloomModel")

var _ = register(family{arch: "mpt", names: mptNames, keys: (*model).mptKeys, vocab: (*model).vocabBPE}, "MPTForCausalLM", "MptForCausalLM")

var bloomNames = map[string]string{
	"word_embeddings":                    "token_embd",
	"word_embeddings_layernorm":          "token_embd_norm",
	"ln_f":                               "output_norm",
	"h.#.input_layernorm":                "blk.#.attn_norm",
	"h.#.post_attention_layernorm":       "blk.#.ffn_norm",
	"h.#.self_attention.query_key_value": "blk.#.attn_qkv",
	"h.#.self_attention.dense":           "blk.#.attn_output",
	"h.#.mlp.dense_h_to_4h":              "blk.#.ffn_up",
	"h.#.mlp.dense_4h_to_h":              "blk.#.ffn_down",
}

func bloomFilter(_ *model, name string) (string, bool) {
	return strings.ReplaceAll(name, "transformer.", ""), true
}

// headwise adds a tensor of BLOOM or GPT-NeoX; queries, keys and values stand together head by head.
func (m *model) headwise(name string, bid int, t tensor) error {
	if strings.Contains(name, "attention.query_key_value.") {
		var err error
		if t, err = headByHead(t, m.need("n_head", "num_attention_heads")); err != nil {
			return err
		}
	}
	return m.plain(name, bid, t)
}

// headByHead brings rows that are queries, keys and values of one head after the other into the order of the file: all
// queries, all keys, all values.
func headByHead(t tensor, heads int) (tensor, error) {
	if heads <= 0 || len(t.shape) == 0 || t.shape[0]%(3*heads) != 0 {
		return t, fmt.Errorf("%w: %v rows for %d heads", ErrFolder, t.shape, heads)
	}
	dim := t.shape[0] / heads / 3
	return t.permuted(func(i int) int {
		part, head, in := i/(heads*dim), i/dim%heads, i%dim
		return (head*3+part)*dim + in
	}), nil
}

func (m *model) bloomKeys() {
	width, heads := m.need("hidden_size", "n_embed"), m.need("n_head", "num_attention_heads")
	context, ok := m.cfg.integer("seq_length")
	if !ok {
		context = width // as the script has it; positions are not limited by it
	}
	m.u32("context_length", context)
	m.u32("embedding_length", width)
	m.u32("feed_forward_length", 4*width)
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", heads)
	m.u32("attention.head_count_kv", heads)
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}

var mptNames = map[string]string{
	"transformer.wte":                    "token_embd",
	"transformer.norm_f":                 "output_norm",
	"transformer.blocks.#.norm_1":        "blk.#.attn_norm",
	"transformer.blocks.#.norm_2":        "blk.#.ffn_norm",
	"transformer.blocks.#.attn.Wqkv":     "blk.#.attn_qkv",
	"transformer.blocks.#.attn.out_proj": "blk.#.attn_output",
	"transformer.blocks.#.ffn.up_proj":   "blk.#.ffn_up",
	"transformer.blocks.#.ffn.down_proj": "blk.#.ffn_down",
}

func (m *model) mptKeys() {
	width, attn := m.need("d_model"), m.cfg.object("attn_config")
	m.u32("context_length", m.need("max_seq_len"))
	m.u32("embedding_length", width)
	m.u32("block_count", m.blocks)
	m.u32("feed_forward_length", 4*width)
	m.u32("attention.head_count", m.need("n_heads"))
	if n, ok := attn.integer("kv_n_heads"); ok && n != 0 {
		m.u32("attention.head_count_kv", n)
	}
	m.f32("attention.layer_norm_epsilon", 1e-5)
	if x, ok := attn.number("clip_qkv"); ok {
		m.f32("attention.clamp_kqv", x)
	}
	bias := 0.0
	if attn.boolean("alibi", true) {
		if bias = 8; attn.has("alibi_bias_max") {
			bias, _ = attn.number("alibi_bias_max")
		}
	}
	m.f32("attention.max_alibi_bias", bias)
}
