package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Families of 2026 with DeepSeek's latent attention and streams that are mixed before and after each part of a layer.

var _ = register(family{
	arch:   "glm5-next",
	names:  glm5Names,
	init:   glm5Init,
	filter: glm5Filter,
	modify: (*model).glm5,
	keys:   (*model).glm5Keys,
	vocab:  (*model).vocabGLM,
}, "Glm5NextForConditionalGeneration")

var _ = register(family{
	arch:   "hy_v4",
	names:  hyV4Names,
	init:   hyV4Init,
	filter: hyV4Filter,
	modify: (*model).hyV4,
	keys:   (*model).hyV4Keys,
	vocab:  (*model).vocabDeepSeek,
}, "HYV4ForCausalLM")

var _ = register(family{
	arch:   "dots3note",
	names:  dots3Names,
	init:   dots3Init,
	filter: dots3Filter,
	modify: (*model).dots3,
	keys:   (*model).dots3Keys,
	vocab:  (*model).vocabDots3,
}, "Dots3NoteForCausalLM", "Dots3NoteForConditionalGeneration", "Dots3NoteTextForCausalLM")

var glm5Names = withNames(withNames(indexerNames, kimiNames), map[string]string{
	"model.layers.#.hc_attn_fn":                                  "blk.#.hc_attn_fn",
	"model.layers.#.hc_attn_base":                                "blk.#.hc_attn_base",
	"model.layers.#.hc_attn_scale":                               "blk.#.hc_attn_scale",
	"model.layers.#.hc_ffn_fn":                                   "blk.#.hc_ffn_fn",
	"model.layers.#.hc_ffn_base":                                 "blk.#.hc_ffn_base",
	"model.layers.#.hc_ffn_scale":                                "blk.#.hc_ffn_scale",
	"model.layers.#.self_attn.indexer.index_kpool_compress_gate": "blk.#.indexer_compressor_gate",
	"model.layers.#.self_attn.indexer.index_kpool_compress_ape":  "blk.#.indexer_compressor_ape",
})

// glm5Init counts layers that predict a token further on, and refuses what the architecture does not have.
func glm5Init(m *model) error {
	delete(m.cfg, "head_dim")
	linear := m.cfg.object("linear_attn_config")
	if n, ok := linear.integer("num_heads"); !ok || n != m.need("num_attention_heads") {
		m.fail("linear_attn_config has %v heads, attention %d", linear["num_heads"], m.need("num_attention_heads"))
	}
	if !m.cfg.boolean("mla_use_nope", false) || m.need("qk_rope_head_dim") != 0 || !m.cfg.boolean("mhc", true) {
		m.fail("mla_use_nope and mhc must be true and qk_rope_head_dim 0: others can't be converted")
	}
	if m.err != nil {
		return m.err
	}
	return m.nextnLayers()
}

// glm5Filter gives parameters that are no modules the names that others have.
func glm5Filter(m *model, name string) (string, bool) {
	last := name[strings.LastIndex(name, ".")+1:]
	if strings.HasPrefix(last, "hc_") || strings.HasPrefix(last, "index_kpool_compress_") {
		name += ".weight"
	}
	return m.untied(name)
}

// glm5 adds a tensor. What mixes streams and what pools an indexer's keys stays exact.
func (m *model) glm5(name string, bid int, t tensor) error {
	heads := m.need("num_attention_heads")
	switch {
	case strings.HasSuffix(name, "_conv1d.weight"):
		return m.channels(name, bid, t)
	case strings.HasSuffix(name, ".A_log"):
		if t = t.reshape(elements(t.shape)); t.shape[0] > heads {
			t = t.rows(0, heads)
		}
		t = t.single().negativeExp()
	case strings.HasSuffix(name, ".dt_bias"):
		name = strings.TrimSuffix(name, "dt_bias") + "dt_proj.bias"
	case strings.HasSuffix(name, "kv_b_proj.weight"):
		return m.splitLatent(bid, t, heads, m.need("qk_nope_head_dim"), m.need("v_head_dim"))
	case strings.Contains(name, ".hc_"), strings.Contains(name, ".index_kpool_compress_"):
		t = t.as(typeF32)
	}
	return m.qwenExperts(name, bid, t)
}

func (m *model) glm5Keys() {
	m.commonKeys()
	types := m.cfg.texts("layer_types")
	if len(types) != m.need("num_hidden_layers") {
		m.fail("there are %d layer_types for %d layers", len(types), m.need("num_hidden_layers"))
		return
	}
	m.list("attention.head_count_kv", m.attending(func(i int) bool { return i >= len(types) || types[i] != "linear_attention" }))
	m.u32("vocab_size", m.need("vocab_size"))
	m.f32("attention.layer_norm_epsilon", 1e-6)
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
	m.deltaKeys(m.cfg.object("linear_attn_config"))
	m.latentSizes(true)
	m.indexerSizes()
	m.u32("attention.indexer.kpool", m.need("index_kpool"))
	m.bool("attention.indexer.kpool_select_tail", m.cfg.boolean("index_kpool_always_select_tail", true))
	if m.cfg.has("indexer_types") {
		m.indexerTypes()
	}
	m.u32("hyper_connection.count", m.need("hc_mult"))
	m.u32("hyper_connection.sinkhorn_iterations", m.need("hc_sinkhorn_iters"))
	m.f32("hyper_connection.epsilon", m.needFloat("hc_eps"))
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_count", m.need("n_shared_experts"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	if x, ok := m.cfg.number("swiglu_limit"); ok {
		m.list("swiglu_clamp_exp", slices.Repeat([]float32{float32(x)}, m.blocks))
		m.list("swiglu_clamp_shexp", slices.Repeat([]float32{float32(x)}, m.blocks))
	}
}

// indexerTypes says which layers have an indexer of their own, by indexer_types, and returns it.
func (m *model) indexerTypes() {
	types := m.cfg.texts("indexer_types")
	if len(types) == 0 {
		m.fail("indexer_types is no list of texts")
	}
	own := make([]bool, len(types))
	for i, t := range types {
		if own[i] = t == "full"; !own[i] && t != "shared" {
			m.fail("indexer_types: %q is neither full nor shared", t)
		}
	}
	m.list("attention.indexer.types", own)
}

var hyV4Names = withNames(indexerNames, map[string]string{
	"model.layers.#.self_attn.learnable_sink_param": "blk.#.attn_sinks",
	"model.layers.#.self_attn.linear_gate":          "blk.#.attn_gate",
	"model.layers.#.hc_attn_layer.hc_pre.hc_fn":     "blk.#.hc_attn_fn",
	"model.layers.#.hc_attn_layer.hc_pre.hc_base":   "blk.#.hc_attn_base",
	"model.layers.#.hc_attn_layer.hc_pre.hc_scale":  "blk.#.hc_attn_scale",
	"model.layers.#.hc_mlp_layer.hc_pre.hc_fn":      "blk.#.hc_ffn_fn",
	"model.layers.#.hc_mlp_layer.hc_pre.hc_base":    "blk.#.hc_ffn_base",
	"model.layers.#.hc_mlp_layer.hc_pre.hc_scale":   "blk.#.hc_ffn_scale",
	"model.hc_head.hc_head_fn":                      "output_hc_fn",
	"model.hc_head.hc_head_base":                    "output_hc_base",
	"model.hc_head.hc_head_scale":                   "output_hc_scale",
})

// hyV4Init counts the layers without experts and writes out which layers have an indexer of their own.
func hyV4Init(m *model) error {
	if n, _ := m.cfg.integer("n_group"); n == 1 && m.or(0, "topk_group") == 1 {
		delete(m.cfg, "n_group")
		delete(m.cfg, "topk_group")
	}
	if types := m.cfg.texts("mlp_layer_types"); types != nil {
		dense := m.leadingDense()
		if slices.Contains(types[dense:], "dense") {
			m.fail("mlp_layer_types: layers without experts must stand before all others")
		}
		if n, ok := m.cfg.integer("first_k_dense_replace"); ok && n != dense {
			m.fail("first_k_dense_replace is %d, mlp_layer_types has %d", n, dense)
		}
		m.cfg["first_k_dense_replace"] = whole(dense)
	} else if !m.cfg.has("first_k_dense_replace") {
		m.fail("there is neither first_k_dense_replace nor mlp_layer_types")
	}
	if !m.cfg.has("indexer_types") {
		m.cfg["indexer_types"] = slices.Repeat([]any{"full"}, m.blocks)
	}
	if list, ok := m.cfg["indexer_types"].([]any); ok {
		if len(list) < m.blocks || m.blocks > 0 && list[0] != "full" {
			m.fail("indexer_types has %d of %d layers, or layer 0 has no indexer of its own", len(list), m.blocks)
		} else {
			m.cfg["indexer_types"] = list[:m.blocks]
		}
	}
	m.cfg["num_key_value_heads"] = whole(m.need("num_attention_heads")) // whatever config.json says
	if m.err != nil {
		return m.err
	}
	return oneKeyHead(m)
}

// hyV4Filter drops layers that predict a token further on, and gives parameters that are no modules the names that others
// have.
func hyV4Filter(m *model, name string) (string, bool) {
	for _, s := range []string{".hc_fn", ".hc_base", ".hc_scale", ".hc_head_fn", ".hc_head_base", ".hc_head_scale", ".self_attn.learnable_sink_param"} {
		if strings.HasSuffix(name, s) {
			name += ".weight"
			break
		}
	}
	name, ok := m.mainLayers(name)
	return name, ok && !strings.HasPrefix(name, "model.mtp_layers.")
}

// hyV4 adds a tensor. What mixes streams stays exact, and the output matrix where the model multiplies it so.
func (m *model) hyV4(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".hc_fn.weight") || strings.HasSuffix(name, ".hc_head_fn.weight") ||
		name == "lm_head.weight" && m.cfg.boolean("enable_lm_head_fp32", false) {
		t = t.as(typeF32)
	}
	return m.deepseek2(name, bid, t)
}

func (m *model) hyV4Keys() {
	m.deepseek2Keys()
	m.list("expert_gating_func", gatings["sigmoid"])
	if x := m.orFloat(0, "swiglu_limit"); x > 0 {
		m.list("swiglu_clamp_exp", slices.Repeat([]float32{float32(x)}, m.blocks))
	}
	m.u32("hyper_connection.count", m.need("hc_mult"))
	m.f32("hyper_connection.epsilon", m.needFloat("hc_eps"))
	m.f32("hyper_connection.magnitude", m.needFloat("hc_magnitude"))
	m.indexerSizes()
	m.indexerTypes()
}

var dots3Names = withNames(indexerNames, map[string]string{
	"model.layers.#.self_attn.g_proj":                "blk.#.attn_gate",
	"model.layers.#.self_attn.k_rope_only_layernorm": "blk.#.attn_k_norm",
})

// dots3Init refuses what the architecture does not have.
func dots3Init(m *model) error {
	text := func(key, def string) string {
		if s := m.cfg.text(key); s != "" {
			return s
		}
		return def
	}
	switch {
	case !m.cfg.boolean("use_dsa", true), !m.cfg.boolean("k_rope_only_layernorm", true), m.cfg.boolean("use_dynamic_rsf", false),
		m.cfg.boolean("moe_gating_fp32", false):
		m.fail("use_dsa and k_rope_only_layernorm must be true, use_dynamic_rsf and moe_gating_fp32 false: others can't be converted")
	case text("normalization", "RMSNorm") != "RMSNorm", text("final_norm", "RMSNorm") != "RMSNorm":
		m.fail("only RMSNorm can be converted")
	case text("topk_method", "noaux_tc") != "noaux_tc", m.cfg.text("scoring_func") != "sigmoid", m.or(1, "n_group") != 1, m.or(1, "topk_group") != 1:
		m.fail("only experts that are chosen by noaux_tc of a sigmoid without groups can be converted")
	case text("attention_gate_type", "headwise") != "headwise", text("swa_attention_gate_type", "headwise") != "headwise":
		m.fail("only gates for each head can be converted")
	case m.need("swa_qk_nope_head_dim")+m.need("swa_qk_rope_head_dim") != m.or(256, "swa_head_dim"),
		m.need("swa_qk_rope_head_dim") != m.need("qk_rope_head_dim"), m.need("swa_q_lora_rank") != m.need("q_lora_rank"):
		m.fail("swa_head_dim, swa_qk_rope_head_dim and swa_q_lora_rank do not fit those of layers that see everything")
	case len(m.cfg.texts("layer_types")) < m.blocks:
		m.fail("there are %d layer_types for %d layers", len(m.cfg.texts("layer_types")), m.blocks)
	}
	if m.err != nil {
		return m.err
	}
	return oneKeyHead(m)
}

// dots3Filter drops the towers and an output matrix that is the embedding, and gives the embedding of the layer that
// predicts a token further on its place. That layer is known by it alone.
func dots3Filter(m *model, name string) (string, bool) {
	if name == "lm_head.weight" && m.cfg.boolean("tie_word_embeddings", false) {
		return "", false
	}
	main := m.need("num_hidden_layers")
	if name == "model.mtp.embed_tokens.weight" {
		m.blocks = main + 1
		name = fmt.Sprintf("model.layers.%d.embed_tokens.weight", main)
	}
	return name, !strings.HasPrefix(name, "vision_encoder.") && !strings.HasPrefix(name, "audio_encoder.")
}

// dots3Window reports whether a layer sees a window only, as the one that predicts a token further on does.
func (m *model) dots3Window(layer int) bool {
	types := m.cfg.texts("layer_types")
	return layer >= m.need("num_hidden_layers") || layer < len(types) && types[layer] == "sliding_attention"
}

// dots3 adds a tensor. What latents are multiplied by goes into the norm before.
func (m *model) dots3(name string, bid int, t tensor) error {
	kind := ""
	if bid >= 0 && m.dots3Window(bid) {
		kind = "swa_"
	}
	for _, e := range [][2]string{{"q_a_layernorm.weight", "q_lora_rank"}, {"kv_a_layernorm.weight", kind + "kv_lora_rank"}} {
		if strings.HasSuffix(name, e[0]) && m.cfg.boolean("apply_mla_qkv_lora_rescale", false) {
			t = t.scaled(math.Sqrt(float64(m.need("hidden_size")) / float64(max(m.need(e[1]), 1))))
		}
	}
	if strings.HasSuffix(name, "kv_b_proj.weight") {
		return m.splitLatent(bid, t, m.need(kind+"num_attention_heads"), m.need(kind+"qk_nope_head_dim"), m.need(kind+"v_head_dim"))
	}
	return m.qwenExperts(name, bid, t)
}

func (m *model) dots3Keys() {
	main := m.need("num_hidden_layers")
	heads, windows, own := make([]any, m.blocks), make([]bool, main), make([]bool, main)
	for i := range heads {
		heads[i] = m.cfg["num_attention_heads"]
		if m.dots3Window(i) {
			heads[i] = m.cfg["swa_num_attention_heads"]
		}
		if i < main {
			windows[i], own[i] = m.dots3Window(i), !m.dots3Window(i)
		}
	}
	m.cfg["num_attention_heads"] = heads
	delete(m.cfg, "head_dim")
	m.deepseek2Keys()
	rank, rope := m.need("swa_kv_lora_rank"), m.need("swa_qk_rope_head_dim")
	m.u32("attention.sliding_window", m.need("sliding_window_size"))
	m.list("attention.sliding_window_pattern", windows)
	m.u32("attention.kv_lora_rank_swa", rank)
	m.u32("attention.key_length_swa", rank+rope)
	m.u32("attention.value_length_swa", rank)
	m.u32("attention.key_length_mla_swa", m.need("swa_qk_nope_head_dim")+rope)
	m.u32("attention.value_length_mla_swa", m.need("swa_v_head_dim"))
	if m.blocks > main {
		m.u32("nextn_predict_layers", m.blocks-main)
	}
	m.indexerSizes()
	m.list("attention.indexer.types", own)
}

func (m *model) vocabDots3() error { return m.vocabNamed([][2]string{{"eot", "<|endofassistant|>"}}) }
