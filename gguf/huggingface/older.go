package huggingface

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Decoders of older generations.

var _ = register(family{
	arch:  "exaone",
	names: exaoneNames,
	init:  rmsEpsilon,
	extra: (*model).llama3Factors,
	keys:  (*model).exaoneKeys,
}, "ExaoneForCausalLM")

var _ = register(family{
	arch:   "internlm2",
	names:  internLM2Names,
	modify: (*model).internLM2,
	vocab:  (*model).vocabInternLM2,
}, "InternLM2ForCausalLM")

var _ = register(family{
	arch:   "minicpm",
	extra:  (*model).plainFactors,
	modify: (*model).minicpm,
	keys:   (*model).minicpmKeys,
	vocab:  (*model).vocabSPM,
}, "MiniCPMForCausalLM")

var _ = register(family{arch: "orion", keys: (*model).orionKeys, vocab: (*model).vocabSPM}, "OrionForCausalLM")

var exaoneNames = map[string]string{
	"transformer.wte":                           "token_embd",
	"transformer.ln_f":                          "output_norm",
	"transformer.h.#.ln_1":                      "blk.#.attn_norm",
	"transformer.h.#.ln_2":                      "blk.#.ffn_norm",
	"transformer.h.#.attn.attention.q_proj":     "blk.#.attn_q",
	"transformer.h.#.attn.attention.k_proj":     "blk.#.attn_k",
	"transformer.h.#.attn.attention.v_proj":     "blk.#.attn_v",
	"transformer.h.#.attn.attention.out_proj":   "blk.#.attn_output",
	"transformer.h.#.mlp.c_fc_0":                "blk.#.ffn_gate",
	"transformer.h.#.mlp.c_fc_1":                "blk.#.ffn_up",
	"transformer.h.#.mlp.c_proj":                "blk.#.ffn_down",
	"transformer.h.#.attn.attention.rotary_emb": "",
}

// rmsEpsilon gives epsilon the name that it has for norms of this kind. The script takes layer_norm_epsilon, as folders of
// EXAONE and Qwen's first generation call it, for another kind, and llama.cpp does not load its files.
func rmsEpsilon(m *model) error {
	if v := m.cfg["layer_norm_epsilon"]; v != nil && !m.cfg.has("rms_norm_eps") {
		m.cfg["rms_norm_eps"] = v
		delete(m.cfg, "layer_norm_epsilon")
	}
	return nil
}

func (m *model) exaoneKeys() {
	m.commonKeys()
	if s := m.cfg.text("activation_function"); s != "silu" {
		m.fail("an activation_function %q can't be converted", s)
	}
	share := 1.0
	if x, ok := m.rope.number("partial_rotary_factor"); ok {
		share = x
	}
	m.u32("rope.dimension_count", int(share*float64(m.per(m.need("hidden_size"), m.need("num_attention_heads")))))
}

var internLM2Names = map[string]string{
	"model.tok_embeddings":           "token_embd",
	"output":                         "output",
	"model.layers.#.attention_norm":  "blk.#.attn_norm",
	"model.layers.#.ffn_norm":        "blk.#.ffn_norm",
	"model.layers.#.attention.wo":    "blk.#.attn_output",
	"model.layers.#.feed_forward.w1": "blk.#.ffn_gate",
	"model.layers.#.feed_forward.w2": "blk.#.ffn_down",
	"model.layers.#.feed_forward.w3": "blk.#.ffn_up",
}

// internLM2 adds a tensor; the queries of a group stand together with their key and value.
func (m *model) internLM2(name string, bid int, t tensor) error {
	if !strings.Contains(name, ".attention.wqkv") {
		return m.plain(name, bid, t)
	}
	heads, keys := m.need("num_attention_heads"), m.need("num_key_value_heads")
	if keys <= 0 || heads <= 0 || heads%keys != 0 || !t.dims(2) || t.shape[0]%(heads+2*keys) != 0 {
		return fmt.Errorf("%w: shape %v for %d heads, %d of keys", ErrFolder, t.shape, heads, keys)
	}
	dim, per := t.shape[0]/(heads+2*keys), heads/keys
	// Each group of n heads from number first on of the per+2 that stand together.
	part := func(first, n int) tensor {
		return t.pick(keys*n*dim, func(i int) int { return (i/dim/n*(per+2)+first+i/dim%n)*dim + i%dim })
	}
	q, err := m.interleave(part(0, per), heads)
	if err != nil {
		return err
	}
	k, err := m.interleave(part(per, 1), keys)
	if err != nil {
		return err
	}
	return m.several(bid, named{"attn_q.weight", q}, named{"attn_k.weight", k}, named{"attn_v.weight", part(per+1, 1)})
}

// vocabInternLM2 is SentencePiece with tokens that files add in place of unused ones.
func (m *model) vocabInternLM2() error {
	s, err := readSentencePiece(m.dir, "tokenizer.model")
	if err != nil {
		return err
	}
	tokens := s.pieces
	if n := m.vocabSize(); n >= 0 && n < len(tokens) {
		tokens = tokens[:n]
	} else if n > len(tokens) {
		return fmt.Errorf("config.json: %w: vocab_size is %d, tokenizer.model has %d", ErrFolder, n, len(tokens))
	}
	for i := range tokens {
		if tokens[i].text == "\x00" {
			tokens[i].text = "🐉" // as the script has it, for programs that end texts with a zero
		}
		if strings.HasPrefix(tokens[i].text, "[UNUSED") {
			tokens[i].kind = kindUnused
		}
	}
	added, err := m.addedTokens()
	if err != nil {
		return err
	}
	end := -1
	for _, a := range added {
		if tokens = replace(tokens, a); a.Content == "<|im_end|>" {
			end = a.ID
		}
	}
	m.vocabulary("llama", "default", tokens, true)
	m.set("tokenizer.ggml.add_space_prefix", s.dummyPrefix)
	sp, err := m.readSpecial(false, len(tokens))
	if err != nil {
		return err
	}
	if end >= 0 && end < len(tokens) {
		sp.put("eos", end)
		sp.ids["eos"] = end
	}
	sp.keys(m)
	return nil
}

// addedTokens returns the tokens that tokenizer_config.json and tokenizer.json add.
func (m *model) addedTokens() ([]addedToken, error) {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	var out []addedToken
	decoder := tc.object("added_tokens_decoder")
	for _, k := range slices.Sorted(maps.Keys(decoder)) {
		var id int
		if _, err := fmt.Sscanf(k, "%d", &id); err == nil {
			o := decoder.object(k)
			out = append(out, addedToken{id, o.text("content"), o.boolean("special", false)})
		}
	}
	if m.exists("tokenizer.json") {
		t, err := readTokenizer(m.dir)
		if err != nil {
			return nil, err
		}
		out = append(out, t.Added...)
	}
	return out, nil
}

// minicpm adds a tensor.
func (m *model) minicpm(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	return m.plain(name, bid, t)
}

// plainFactors adds what frequencies are divided by in long and in short texts.
func (m *model) plainFactors() error { return m.bothFactors(m.headDim()) }

// bothFactors adds factors for heads of which dim values rotate.
func (m *model) bothFactors(dim int) error {
	long, short := m.rope.numbers("long_factor"), m.rope.numbers("short_factor")
	if len(long) == 0 && len(short) == 0 {
		return nil
	}
	if len(long) != len(short) || 2*len(long) != dim {
		return fmt.Errorf("config.json: %w: %d long and %d short factors for %d rotated values", ErrFolder, len(long), len(short), dim)
	}
	if err := m.emit("rope_factors_long.weight", constant(float32s(long))); err != nil {
		return err
	}
	return m.emit("rope_factors_short.weight", constant(float32s(short)))
}

func (m *model) minicpmKeys() {
	m.commonKeys()
	m.f32("embedding_scale", m.needFloat("scale_emb"))
	m.f32("residual_scale", m.needFloat("scale_depth")/math.Sqrt(float64(m.need("num_hidden_layers"))))
	base := m.needFloat("dim_model_base")
	if base == 0 {
		m.fail("dim_model_base is 0")
		return
	}
	m.f32("logit_scale", float64(m.need("hidden_size"))/base)
}

func (m *model) orionKeys() {
	heads := m.need("num_attention_heads")
	m.fileType()
	m.list("tensor_data_layout", "Meta AI original pth")
	m.u32("context_length", m.need("max_sequence_length", "max_position_embeddings", "model_max_length"))
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("block_count", m.blocks)
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("attention.head_count", heads)
	m.u32("attention.head_count_kv", m.or(heads, "num_key_value_heads"))
	m.f32("attention.layer_norm_epsilon", m.needFloat("rms_norm_eps"))
}
