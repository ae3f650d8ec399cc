package huggingface

import (
	"maps"
	"strings"
)

var _ = register(family{
	arch:   "gemma",
	names:  gemmaNames,
	filter: noHead,
	modify: (*model).gemma,
	keys:   (*model).gemmaKeys,
	vocab:  (*model).vocabGemma,
}, "GemmaForCausalLM")

var _ = register(family{
	arch:   "gemma2",
	names:  gemma2Names,
	filter: noHead,
	modify: (*model).gemma,
	keys:   (*model).gemma2Keys,
	vocab:  (*model).vocabSPMPlain,
}, "Gemma2ForCausalLM")

var _ = register(family{
	arch:   "gemma3",
	names:  gemma2Names,
	modify: (*model).gemma3,
	keys:   (*model).gemma3Keys,
	vocab:  (*model).vocabGemma3,
	init:   gemma3Rope,
}, "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration")

var _ = register(family{
	arch:   "gemma-embedding",
	names:  embeddingGemmaNames,
	modify: (*model).gemma3,
	keys:   (*model).embeddingGemmaKeys,
	vocab:  (*model).vocabGemma3,
	init:   gemma3Rope,
}, "Gemma3TextModel")

var gemmaNames = map[string]string{}

var gemma2Names = map[string]string{
	"model.layers.#.post_attention_layernorm":   "blk.#.post_attention_norm",
	"model.layers.#.pre_feedforward_layernorm":  "blk.#.ffn_norm",
	"model.layers.#.post_feedforward_layernorm": "blk.#.post_ffw_norm",
}

// embeddingGemmaNames are Gemma 3's, for a model that is no language model: without "model." in front.
var embeddingGemmaNames = func() map[string]string {
	out := map[string]string{}
	for _, names := range []map[string]string{commonNames, gemma2Names} {
		for k, v := range names {
			out[strings.TrimPrefix(k, "model.")] = v
		}
	}
	maps.Copy(out, gemma2Names)
	return out
}()

// noHead drops an output matrix, which these models share with the embedding.
func noHead(_ *model, name string) (string, bool) { return name, name != "lm_head.weight" }

// gemma adds a tensor; norms are stored as the difference from 1.
func (m *model) gemma(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, "norm.weight") {
		t = t.plusOne()
	}
	return m.plain(name, bid, t)
}

// gemma3 is gemma, without rows of the embedding that no token has.
func (m *model) gemma3(name string, bid int, t tensor) error {
	if strings.Contains(name, "embed_tokens.weight") && t.dims(2) {
		n, err := m.realVocab()
		if err != nil {
			return err
		}
		if n < t.shape[0] {
			t = t.rows(0, n)
		}
	}
	return m.gemma(name, bid, t)
}

// realVocab returns how many tokens the tokenizer has.
func (m *model) realVocab() (int, error) {
	if m.exists("tokenizer.model") {
		tokens, err := m.spmTokens()
		return len(tokens), err
	}
	t, err := readTokenizer(m.dir)
	if err != nil {
		return 0, err
	}
	return len(t.vocab) + len(t.Added), nil
}

// gemmaKeys sets Gemma's keys, in its own order.
func (m *model) gemmaKeys() {
	m.decoderKeys()
	m.u32("attention.key_length", m.need("head_dim"))
	m.u32("attention.value_length", m.need("head_dim"))
	m.fileType()
}

func (m *model) gemma2Keys() {
	m.gemmaKeys()
	m.f32("attn_logit_softcapping", m.needFloat("attn_logit_softcapping"))
	m.f32("final_logit_softcapping", m.needFloat("final_logit_softcapping"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
}

// gemma3Rope fills in the two rotations that old configurations leave out.
func gemma3Rope(m *model) error {
	if m.rope.object("full_attention") != nil {
		return nil
	}
	full := maps.Clone(m.rope)
	delete(full, "sliding_attention")
	if !full.has("rope_theta") {
		full["rope_theta"] = whole(1_000_000)
	}
	if !full.has("rope_type") {
		full["rope_type"] = "default"
	}
	local := m.cfg.first("rope_local_base_freq")
	if local == nil {
		local = whole(10_000)
	}
	m.rope = config{"full_attention": map[string]any(full), "sliding_attention": map[string]any{"rope_theta": local, "rope_type": "default"}}
	return nil
}

func (m *model) gemma3Keys() {
	m.commonKeys()
	m.u32("attention.key_length", m.need("head_dim"))
	m.u32("attention.value_length", m.need("head_dim"))
	if m.cfg.has("attn_logit_softcapping") {
		m.fail("attn_logit_softcapping is nothing that Gemma 3 has")
	}
	if x, ok := m.cfg.number("final_logit_softcapping"); ok && x != 0 {
		m.f32("final_logit_softcapping", x)
	}
	if n, ok := m.cfg.integer("sliding_window_pattern"); !ok || n != 1 {
		m.u32("attention.sliding_window", m.need("sliding_window"))
	}
}

func (m *model) embeddingGemmaKeys() {
	m.gemma3Keys()
	m.pooling()
}

// vocabSPMPlain is SentencePiece without a space in front of texts.
func (m *model) vocabSPMPlain() error {
	if err := m.vocabSPM(); err != nil {
		return err
	}
	m.set("tokenizer.ggml.add_space_prefix", false)
	return nil
}

// vocabGemma is the first Gemma's.
func (m *model) vocabGemma() error {
	if err := m.vocabSPM(); err != nil {
		return err
	}
	m.set("tokenizer.ggml.eot_token_id", uint32(107))
	m.set("tokenizer.ggml.add_space_prefix", false)
	return nil
}

func (m *model) vocabGemma3() error {
	if m.exists("tokenizer.model") {
		return m.vocabSPMPlain()
	}
	return m.vocabBPE()
}

var (
	_ = invert("gemma", inverse{class: "GemmaForCausalLM", modelType: "gemma", restore: (*exporter).gemma})
	_ = invert("gemma2", inverse{class: "Gemma2ForCausalLM", modelType: "gemma2", restore: (*exporter).gemma, config: (*exporter).gemma2})
	_ = invert("gemma3", inverse{class: "Gemma3ForCausalLM", modelType: "gemma3_text", restore: (*exporter).gemma, config: (*exporter).gemma3})
)

// gemma gives back a tensor: norms as the difference from 1.
func (x *exporter) gemma(name string, t tensor) error {
	if strings.HasSuffix(name, "norm.weight") {
		t = t.minusOne()
	}
	return x.plain(name, t)
}

// gemmaLimits adds the window and the caps, and what scores are divided by: the size of a head, or in the largest
// model, which is known by its layers, the width per head.
func (x *exporter) gemmaLimits(largest int) {
	if n, ok := x.uint("attention.sliding_window"); ok {
		x.cfg["sliding_window"] = n
	}
	for _, key := range []string{"attn_logit_softcapping", "final_logit_softcapping"} {
		if v, ok := x.float(key); ok {
			x.cfg[key] = number(v)
		}
	}
	x.cfg["query_pre_attn_scalar"] = x.cfg["head_dim"]
	if heads := x.need("attention.head_count"); x.layers == largest && heads > 0 {
		x.cfg["query_pre_attn_scalar"] = x.need("embedding_length") / heads
	}
}

func (x *exporter) gemma2() { x.gemmaLimits(46) }

// gemma3 has two rotations.
func (x *exporter) gemma3() {
	x.gemmaLimits(62)
	if theta, ok := x.float("rope.freq_base_swa"); ok {
		x.cfg["rope_local_base_freq"] = number(theta)
	}
}
