package huggingface

import (
	"fmt"
	"strings"
)

// deciLayers are what block_configs of a model that NVIDIA cut down says of its layers: each may have fewer heads of keys, a
// linear map or nothing in place of attention, and a narrower feed-forward network or none. Nil where there is none.
func (m *model) deciLayers() (heads, keys, widths []int) {
	blocks, _ := m.cfg["block_configs"].([]any)
	all, width := m.need("num_attention_heads"), m.need("hidden_size")
	for i, v := range blocks {
		b, _ := v.(map[string]any)
		attn, ffn := config(b).object("attention"), config(b).object("ffn")
		if attn == nil || ffn == nil {
			m.fail("block_configs: layer %d has no attention or no ffn", i)
			return nil, nil, nil
		}
		h, k := all, 0
		if attn.has("n_heads_in_group") {
			n, _ := attn.integer("n_heads_in_group")
			k = m.per(all, n)
		} else if !attn.boolean("replace_with_linear", false) {
			h = 0
		}
		mult, _ := ffn.number("ffn_mult")
		if !(mult >= 0 && mult < 1<<12) {
			m.fail("block_configs: ffn_mult of layer %d is %v", i, mult)
		}
		w := int(2 * mult * float64(width) / 3)
		heads, keys, widths = append(heads, h), append(keys, k), append(widths, (w+255)/256*256)
	}
	return heads, keys, widths
}

// deciInit refuses a list of layers that does not fit.
func (m *model) deciInit() error {
	for _, k := range []string{"block_configs", "num_key_value_heads_per_layer"} {
		if list, ok := m.cfg[k].([]any); ok && len(list) != m.blocks {
			m.fail("%s has %d of %d layers", k, len(list), m.blocks)
		}
	}
	return m.err
}

// deci adds a tensor; queries and keys rotate by neighbours.
func (m *model) deci(name string, bid int, t tensor) error {
	module := strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias")
	isQuery, isKey := strings.HasSuffix(module, "q_proj"), strings.HasSuffix(module, "k_proj")
	if !isQuery && !isKey {
		return m.plain(name, bid, t)
	}
	heads, keys := m.need("num_attention_heads"), m.or(0, "num_key_value_heads")
	if list := m.cfg.wholes("num_key_value_heads_per_layer"); bid >= 0 && bid < len(list) {
		keys = list[bid]
	}
	if h, k, _ := m.deciLayers(); bid >= 0 && bid < len(h) {
		heads, keys = h[bid], k[bid]
	}
	if isKey && keys != 0 {
		heads = keys
	}
	t, err := m.interleave(t, heads)
	if err != nil {
		return err
	}
	return m.plain(name, bid, t)
}

func (m *model) deciKeys() {
	if heads, keys, widths := m.deciLayers(); heads != nil {
		if theta, ok := m.rope.number("rope_theta"); ok {
			m.f32("rope.freq_base", theta)
		}
		m.list("attention.head_count_kv", int32s(keys))
		m.list("attention.head_count", int32s(heads))
		m.list("feed_forward_length", int32s(widths))
		m.u32("block_count", m.blocks)
		m.u32("context_length", m.need("max_position_embeddings"))
		m.u32("embedding_length", m.need("hidden_size"))
		m.f32("attention.layer_norm_rms_epsilon", m.needFloat("rms_norm_eps"))
		dim := m.per(m.need("hidden_size"), m.need("num_attention_heads"))
		m.u32("attention.key_length", dim)
		m.u32("attention.value_length", dim)
		m.fileType()
	} else {
		m.commonKeys()
		m.count("attention.head_count_kv", "num_key_value_heads_per_layer")
	}
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("rope.dimension_count", m.headDim())
}

// vocabDeci is Llama 3's, or what Llama may have for vocabularies of other sizes.
func (m *model) vocabDeci() error {
	if n := m.vocabSize(); n < 0 || n == 128256 {
		return m.vocabBPE()
	}
	t, err := readTokenizer(m.dir)
	if err != nil {
		return err
	}
	if !t.isLlamaBPE() {
		return fmt.Errorf("tokenizer.json: a tokenizer of type %q is %w for a %s", t.Model.Type, ErrUnsupported, m.class)
	}
	return m.vocabLlamaBPE(t)
}
