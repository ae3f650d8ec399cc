package huggingface

import (
	"fmt"
	"math"
	"strings"
)

// Mixtures of experts of 2024, and Grove's.

var _ = register(family{
	arch:   "dbrx",
	names:  dbrxNames,
	modify: (*model).dbrx,
	keys:   (*model).dbrxKeys,
}, "DbrxForCausalLM")

var _ = register(family{
	arch:   "arctic",
	names:  arcticNames,
	modify: (*model).arctic,
	keys:   (*model).llamaWidthKeys,
	vocab:  (*model).vocabArctic,
}, "ArcticForCausalLM")

var _ = register(family{
	arch:   "grok",
	names:  grokNames,
	filter: grokFilter,
	modify: (*model).grok,
	keys:   (*model).grokKeys,
	vocab:  (*model).vocabGrok,
}, "GrokForCausalLM", "Grok1ForCausalLM")

var _ = register(family{
	arch: "grovemoe",
	names: map[string]string{
		"model.layers.#.mlp.chunk_experts.experts.gate_proj": "blk.#.ffn_gate_chexps",
		"model.layers.#.mlp.chunk_experts.experts.up_proj":   "blk.#.ffn_up_chexps",
		"model.layers.#.mlp.chunk_experts.experts.down_proj": "blk.#.ffn_down_chexps",
	},
	filter: groveFilter,
	modify: (*model).grove,
	keys:   (*model).groveKeys,
}, "GroveMoeForCausalLM", "modeling_grove_moe.GroveMoeForCausalLM")

var dbrxNames = map[string]string{
	"transformer.wte":                                   "token_embd",
	"transformer.norm_f":                                "output_norm",
	"transformer.blocks.#.norm_attn_norm.norm_1":        "blk.#.attn_norm",
	"transformer.blocks.#.norm_attn_norm.norm_2":        "blk.#.attn_output_norm",
	"transformer.blocks.#.norm_attn_norm.attn.Wqkv":     "blk.#.attn_qkv",
	"transformer.blocks.#.norm_attn_norm.attn.out_proj": "blk.#.attn_output",
	"transformer.blocks.#.ffn.router.layer":             "blk.#.ffn_gate_inp",
	"transformer.blocks.#.ffn.experts.mlp.w1":           "blk.#.ffn_gate_exps",
	"transformer.blocks.#.ffn.experts.mlp.v1":           "blk.#.ffn_up_exps",
	"transformer.blocks.#.ffn.experts.mlp.w2":           "blk.#.ffn_down_exps",
}

// dbrx adds a tensor; experts stand one below the other. Every matrix has the type of matrices, the router's too.
func (m *model) dbrx(name string, bid int, t tensor) error {
	if strings.Contains(name, ".ffn.experts.mlp.") {
		ffn := m.cfg.object("ffn_config")
		experts, _ := ffn.integer("moe_num_experts")
		width, _ := ffn.integer("ffn_hidden_size")
		if dim := m.need("d_model"); !t.dims(2) || experts <= 0 || t.shape[0] != experts*width || t.shape[1] != dim {
			return fmt.Errorf("%w: shape %v for %d experts of %d × %d", ErrFolder, t.shape, experts, width, dim)
		}
		t = t.reshape(experts, width, t.shape[1])
		name = strings.TrimSuffix(name, ".weight")
		if strings.HasSuffix(name, ".w2") {
			t = t.transpose()
		}
		name += ".weight"
	}
	if len(t.shape) > 1 {
		t = t.as(m.typ)
	}
	return m.plain(name, bid, t)
}

func (m *model) dbrxKeys() {
	ffn, attention := m.cfg.object("ffn_config"), m.cfg.object("attn_config")
	count := func(c config, name string) int {
		n, ok := c.integer(name)
		if !ok || n < 0 {
			m.fail("there is no %s", name)
		}
		return n
	}
	number := func(name string) float64 {
		x, ok := attention.number(name)
		if !ok {
			m.fail("attn_config has no %s", name)
		}
		return x
	}
	m.u32("block_count", m.blocks)
	m.u32("context_length", m.need("max_seq_len"))
	m.u32("embedding_length", m.need("d_model"))
	m.u32("feed_forward_length", count(ffn, "ffn_hidden_size"))
	m.u32("attention.head_count", m.need("n_heads"))
	m.u32("attention.head_count_kv", count(attention, "kv_n_heads"))
	m.f32("rope.freq_base", number("rope_theta"))
	m.f32("attention.clamp_kqv", number("clip_qkv"))
	m.u32("expert_count", count(ffn, "moe_num_experts"))
	m.u32("expert_used_count", count(ffn, "moe_top_k"))
	m.f32("attention.layer_norm_epsilon", 1e-5)
	m.fileType()
}

var arcticNames = withNames(sparseNames, map[string]string{
	"model.layers.#.residual_layernorm":       "blk.#.ffn_norm",
	"model.layers.#.post_attention_layernorm": "blk.#.ffn_norm_exps",
	"model.layers.#.residual_mlp.w1":          "blk.#.ffn_gate",
	"model.layers.#.residual_mlp.w2":          "blk.#.ffn_down",
	"model.layers.#.residual_mlp.w3":          "blk.#.ffn_up",
})

// arctic adds a tensor.
func (m *model) arctic(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	return m.sparseExperts(name, bid, t)
}

// llamaWidthKeys sets Llama's keys for a model in which whole heads rotate, each as wide as its share of the model.
func (m *model) llamaWidthKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("rope.dimension_count", m.per(m.need("hidden_size"), m.need("num_attention_heads")))
}

// vocabArctic is SentencePiece, some of whose tokens tokenizer_config.json makes others.
func (m *model) vocabArctic() error {
	s, err := readSentencePiece(m.dir, "tokenizer.model")
	if err != nil {
		return err
	}
	size := m.vocabSize()
	if size < len(s.pieces) || size > maxVocab {
		return fmt.Errorf("config.json: %w: vocab_size is %d, tokenizer.model has %d", ErrFolder, size, len(s.pieces))
	}
	tokens := padded(size)
	copy(tokens, s.pieces)
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	decoder, unknown := tc.object("added_tokens_decoder"), (&special{tc: tc}).text("unk")
	for key := range decoder {
		var id int
		if _, err := fmt.Sscanf(key+"\n", "%d\n", &id); err != nil || id < 0 {
			return fmt.Errorf("tokenizer_config.json: %w: added_tokens_decoder: %q is no token", ErrFolder, key)
		}
		if o := decoder.object(key); id < size {
			tokens[id] = token{o.text("content"), -10000, kindUserDefined}
			switch {
			case o.boolean("special", false) && o.text("content") == unknown:
				tokens[id].score, tokens[id].kind = 0, kindUnknown
			case o.boolean("special", false):
				tokens[id].score, tokens[id].kind = 0, kindControl
			}
		}
	}
	m.vocabulary("llama", "default", tokens, true)
	sp, err := m.readSpecial(false, len(tokens))
	if err == nil {
		sp.keys(m)
	}
	return err
}

var grokNames = withNames(grok1Names, grok2Names)

var grok1Names = map[string]string{
	"transformer.in_out_embed":                                "token_embd",
	"transformer.rms_norm":                                    "output_norm",
	"transformer.decoder_layer.#.rms_norm":                    "blk.#.attn_norm",
	"transformer.decoder_layer.#.rms_norm_1":                  "blk.#.attn_output_norm",
	"transformer.decoder_layer.#.rms_norm_2":                  "blk.#.ffn_norm",
	"transformer.decoder_layer.#.rms_norm_3":                  "blk.#.layer_output_norm",
	"transformer.decoder_layer.#.multi_head_attention.query":  "blk.#.attn_q",
	"transformer.decoder_layer.#.multi_head_attention.key":    "blk.#.attn_k",
	"transformer.decoder_layer.#.multi_head_attention.value":  "blk.#.attn_v",
	"transformer.decoder_layer.#.multi_head_attention.linear": "blk.#.attn_output",
	"transformer.decoder_layer.#.router":                      "blk.#.ffn_gate_inp",
	"transformer.decoder_layer.#.moe.experts.linear":          "blk.#.ffn_gate_exps",
	"transformer.decoder_layer.#.moe.experts.linear_1":        "blk.#.ffn_down_exps",
	"transformer.decoder_layer.#.moe.experts.linear_v":        "blk.#.ffn_up_exps",
}

var grok2Names = map[string]string{
	"model.layers.#.pre_attn_norm":               "blk.#.attn_norm",
	"model.layers.#.post_attn_norm":              "blk.#.attn_output_norm",
	"model.layers.#.pre_moe_norm":                "blk.#.ffn_norm",
	"model.layers.#.post_moe_norm":               "blk.#.post_ffw_norm",
	"model.layers.#.block_sparse_moe.gate":       "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.experts.w1": "blk.#.ffn_gate_exps",
	"model.layers.#.block_sparse_moe.experts.w2": "blk.#.ffn_down_exps",
	"model.layers.#.block_sparse_moe.experts.w3": "blk.#.ffn_up_exps",
}

// grokFilter names the experts of the first Grok as others are named.
func grokFilter(_ *model, name string) (string, bool) {
	return strings.Replace(name, ".moe.", ".moe.experts.", 1), true
}

func (m *model) grok(name string, bid int, t tensor) error {
	switch {
	case strings.Contains(name, ".moe.experts."):
		return m.expert(name, bid, t, m.need("num_local_experts"), "linear", "linear_1", "linear_v")
	case strings.Contains(name, ".block_sparse_moe.experts."):
		return m.expert(name, bid, t, m.need("num_local_experts"), "w1", "w2", "w3")
	}
	return m.plain(name, bid, t)
}

func (m *model) grokKeys() {
	m.commonKeys()
	orNumber := func(key string, def float64) float64 {
		if x, ok := m.cfg.number(key); ok {
			return x
		}
		return def
	}
	m.f32("attn_logit_softcapping", orNumber("attn_logit_softcapping", 30))
	m.f32("router_logit_softcapping", orNumber("router_logit_softcapping", 30))
	if x := m.orFloat(0, "final_logit_softcapping"); x != 0 {
		m.f32("final_logit_softcapping", x)
	}
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	if s := m.cfg.text("rope_type"); s == "yarn" || s == "original" { // which is YaRN too
		m.list("rope.scaling.type", "yarn")
		m.f32("rope.scaling.factor", m.needFloat("scaling_factor"))
		m.u32("rope.scaling.original_context_length", m.need("original_max_position_embeddings"))
		m.f32("rope.scaling.yarn_ext_factor", m.needFloat("extrapolation_factor"))
		m.f32("rope.scaling.yarn_attn_factor", m.needFloat("attn_factor"))
		m.f32("rope.scaling.yarn_beta_fast", m.needFloat("beta_fast"))
		m.f32("rope.scaling.yarn_beta_slow", m.needFloat("beta_slow"))
	}
	if n := m.or(0, "attn_temperature_len"); n > 0 {
		m.u32("attention.temperature_length", n)
	}
	m.f32("attention.output_scale", orNumber("attn_output_multiplier", 1/math.Sqrt(float64(max(m.headDim(), 1)))))
	m.f32("embedding_scale", m.needFloat("embedding_multiplier_scale"))
	m.f32("logit_scale", m.needFloat("output_multiplier_scale"))
}

// vocabGrok is SentencePiece, or byte-level BPE with a template beside it, which Grok 2 itself does not have.
func (m *model) vocabGrok() error {
	if m.exists("tokenizer.model") {
		return m.vocabSPM()
	}
	if !m.exists("tokenizer.json") || !m.exists("chat_template.jinja") {
		return fmt.Errorf("%w: there is no tokenizer.json with chat_template.jinja: those of alvarobartt/grok-2-tokenizer on the Hub do", ErrFolder)
	}
	return m.vocabBPE()
}

// groveFilter drops what the model does not use, and names the small experts as others are named.
func groveFilter(_ *model, name string) (string, bool) {
	return strings.Replace(name, ".chunk_experts.", ".chunk_experts.experts.", 1), !strings.HasSuffix(name, ".expert_bias")
}

func (m *model) grove(name string, bid int, t tensor) error {
	experts := m.need("num_local_experts", "num_experts")
	if strings.Contains(name, ".chunk_experts.") {
		return m.expert(name, bid, t, experts/groveGroup, "down_proj", "gate_proj", "up_proj")
	}
	return m.qwenExperts(name, bid, t)
}

// What the code beside Grove's weights has as numbers, and no key of config.json: how many experts share a small one,
// and what the small one's results are multiplied by.
const (
	groveGroup = 2
	groveScale = 0.05
)

func (m *model) groveKeys() {
	m.commonKeys()
	m.count("expert_feed_forward_length", "moe_intermediate_size")
	m.u32("expert_chunk_feed_forward_length", m.or(128, "head_dim"))
	m.u32("experts_per_group", groveGroup)
	m.f32("expert_group_scale", groveScale)
}
