package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

var _ = register(family{
	arch:   "gemma3n",
	names:  gemma3nNames,
	init:   gemma3nInit,
	filter: gemma3nFilter,
	modify: (*model).gemma3n,
	keys:   (*model).gemma3nKeys,
	vocab:  (*model).vocabGemma3,
}, "Gemma3nForCausalLM", "Gemma3nForConditionalGeneration")

var _ = register(family{
	arch:   "gemma4",
	names:  gemma4Names,
	filter: gemma4Filter,
	extra:  (*model).gemma4Factors,
	modify: (*model).gemma4,
	keys:   (*model).gemma4Keys,
	vocab:  (*model).vocabGemma4,
}, "Gemma4ForConditionalGeneration", "Gemma4ForCausalLM")

// perLayerNames are the names of embeddings that each layer has of its own.
var perLayerNames = withNames(gemma2Names, map[string]string{
	"model.embed_tokens_per_layer":             "per_layer_token_embd",
	"model.per_layer_model_projection":         "per_layer_model_proj",
	"model.per_layer_projection_norm":          "per_layer_proj_norm",
	"model.layers.#.per_layer_input_gate":      "blk.#.inp_gate",
	"model.layers.#.per_layer_projection":      "blk.#.proj",
	"model.layers.#.post_per_layer_input_norm": "blk.#.post_norm",
})

var gemma3nNames = withNames(perLayerNames, map[string]string{
	"model.altup_projections":                   "altup_proj",
	"model.altup_unembed_projections":           "altup_unembd_proj",
	"model.layers.#.altup.correction_coefs":     "blk.#.altup_correct_coef",
	"model.layers.#.altup.correct_output_scale": "blk.#.altup_correct_scale",
	"model.layers.#.altup.prediction_coefs":     "blk.#.altup_predict_coef",
	"model.layers.#.altup.modality_router":      "blk.#.altup_router",
	"model.layers.#.altup.router_norm":          "blk.#.altup_router_norm",
	"model.layers.#.laurel.linear_left":         "blk.#.laurel_l",
	"model.layers.#.laurel.linear_right":        "blk.#.laurel_r",
	"model.layers.#.laurel.post_laurel_norm":    "blk.#.laurel_post_norm",
})

var gemma4Names = withNames(perLayerNames, map[string]string{
	"model.layers.#.pre_feedforward_layernorm_2":  "blk.#.pre_ffw_norm_2",
	"model.layers.#.post_feedforward_layernorm_1": "blk.#.post_ffw_norm_1",
	"model.layers.#.post_feedforward_layernorm_2": "blk.#.post_ffw_norm_2",
	"model.layers.#.router.proj":                  "blk.#.ffn_gate_inp",
	"model.layers.#.experts.gate_up_proj":         "blk.#.ffn_gate_up_exps",
	"model.layers.#.experts.down_proj":            "blk.#.ffn_down_exps",
	"model.layers.#.layer_scalar":                 "blk.#.layer_output_scale",
})

// gemma3nInit checks the number of streams. All tokens have a row in both embeddings, those of images and sounds zeros.
func gemma3nInit(m *model) error {
	if n := m.need("altup_num_inputs"); n != 4 {
		m.fail("altup_num_inputs is %d; only 4 can be converted", n)
	}
	delete(m.cfg, "vocab_size_per_layer_input")
	return gemma3Rope(m)
}

func gemma3nFilter(_ *model, name string) (string, bool) {
	if strings.HasSuffix(name, "_scale") {
		name += ".weight"
	}
	return name, true
}

// gemma3n adds a tensor; the projections of three streams become one tensor.
func (m *model) gemma3n(name string, bid int, t tensor) error {
	if strings.Contains(name, "embed_tokens.weight") || strings.Contains(name, "embed_tokens_per_layer") {
		n := m.need("vocab_size")
		if t.dims(2) && t.shape[0] < n && n <= maxVocab {
			t = concat(t, zeros(n-t.shape[0], t.shape[1]))
		}
		return m.plain(name, bid, t)
	}
	for _, part := range []string{"altup_projections", "altup_unembed_projections"} {
		rest, ok := strings.CutPrefix(name, "model."+part+".")
		if !ok {
			continue
		}
		list := m.experts[part]
		if list == nil {
			list, m.waiting[part] = make([]tensor, 3), 3
			m.experts[part] = list
		}
		i := slices.Index([]string{"0.weight", "1.weight", "2.weight"}, rest)
		if i < 0 || !t.dims(2) || list[i].shape != nil {
			return fmt.Errorf("%w: no matrix of one of three streams", ErrFolder)
		}
		list[i] = t
		if m.waiting[part]--; m.waiting[part] > 0 {
			return nil
		}
		if !slices.Equal(list[0].shape, list[1].shape) || !slices.Equal(list[0].shape, list[2].shape) {
			return fmt.Errorf("%w: the matrices of three streams differ in shape", ErrFolder)
		}
		return m.plain("model."+part+".weight", bid, stack(list...))
	}
	return m.plain(name, bid, t)
}

// sliding returns which layers see only a window, by layer_types.
func (m *model) sliding() []bool {
	types := m.cfg.texts("layer_types")
	if len(types) != m.blocks {
		m.fail("there are %d layer_types for %d layers", len(types), m.blocks)
	}
	out := make([]bool, len(types))
	for i, t := range types {
		out[i] = t == "sliding_attention"
	}
	return out
}

func (m *model) gemma3nKeys() {
	m.gemma3Keys()
	m.u32("altup.active_idx", m.need("altup_active_idx"))
	m.u32("altup.num_inputs", m.need("altup_num_inputs"))
	m.u32("embedding_length_per_layer_input", m.need("hidden_size_per_layer_input"))
	m.u32("attention.shared_kv_layers", m.need("num_kv_shared_layers"))
	scales := []float32{}
	for _, share := range m.cfg.numbers("activation_sparsity_pattern") {
		scales = append(scales, quantile(float32(share)))
	}
	m.list("activation_sparsity_scale", scales)
	m.list("attention.sliding_window_pattern", m.sliding())
}

// quantile is the value that a share of a normal distribution is below, in the steps in which PyTorch computes it.
func quantile(share float32) float32 {
	return float32(math.Erfinv(float64(2*share-1))) * float32(math.Sqrt2)
}

func gemma4Filter(_ *model, name string) (string, bool) {
	if strings.HasSuffix(name, "per_dim_scale") || strings.HasSuffix(name, "layer_scalar") ||
		strings.Contains(name, ".experts.") && !strings.HasSuffix(name, ".weight") {
		name += ".weight"
	}
	return name, true
}

// gemma4 adds a tensor.
func (m *model) gemma4(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, "router.scale"):
		return m.blk(bid, "ffn_gate_inp.scale", t)
	case strings.Contains(name, ".per_expert_scale"):
		return m.blk(bid, "ffn_down_exps.scale", t)
	case strings.Contains(name, "embed_tokens.weight"):
		n, err := m.realVocab()
		if err != nil {
			return err
		}
		if t.dims(2) && n < t.shape[0] {
			t = t.rows(0, n)
		}
	}
	return m.plain(name, bid, t)
}

// full returns a number for layers that see everything: its own key, or what per_layer_config says of the first.
func (m *model) full(key, layerKey string) (int, bool) {
	if m.cfg.has(key) {
		return m.cfg.integer(key)
	}
	layers := m.cfg.object("per_layer_config")
	for i, t := range m.cfg.texts("layer_types") {
		if o := layers.object(fmt.Sprint(i)); t == "full_attention" && o.has(layerKey) {
			return o.integer(layerKey)
		}
	}
	return 0, false
}

// gemma4Factors adds what frequencies of layers that see everything are divided by: those that do not rotate by much.
func (m *model) gemma4Factors() error {
	r := m.rope.object("full_attention")
	dim, ok := m.full("global_head_dim", "head_dim")
	share, okShare := r.number("partial_rotary_factor")
	if !ok || !okShare || r.text("rope_type") != "proportional" || dim <= 0 || dim > 1<<16 || share < 0 || share > 1 {
		return fmt.Errorf("config.json: %w: rope_parameters and global_head_dim", ErrFolder)
	}
	factors := slices.Repeat([]float32{1e30}, dim/2)
	for i := range int(float64(dim) * share / 2) {
		factors[i] = 1
	}
	return m.emit("rope_freqs.weight", constant(factors))
}

func (m *model) gemma4Keys() {
	m.gemma3Keys()
	shared := m.need("num_kv_shared_layers")
	m.u32("attention.shared_kv_layers", shared)
	m.u32("embedding_length_per_layer_input", m.or(0, "hidden_size_per_layer_input"))
	sliding := m.sliding()
	m.list("attention.sliding_window_pattern", sliding)
	full, _ := m.full("global_head_dim", "head_dim")
	window := m.need("head_dim")
	m.u32("attention.key_length", full)
	m.u32("attention.value_length", full)
	m.u32("attention.key_length_swa", window)
	m.u32("attention.value_length_swa", window)
	m.count("expert_feed_forward_length", "expert_intermediate_size", "moe_intermediate_size")
	if m.cfg.boolean("use_double_wide_mlp", false) {
		widths := slices.Repeat([]int32{int32(m.need("intermediate_size"))}, m.blocks)
		for i := max(m.blocks-shared, 0); i < m.blocks; i++ {
			widths[i] *= 2
		}
		m.list("feed_forward_length", widths)
	}
	if n, ok := m.full("num_global_key_value_heads", "num_key_value_heads"); ok && m.cfg.has("num_key_value_heads") {
		heads := slices.Repeat([]int32{int32(n)}, len(sliding))
		for i := range heads {
			if sliding[i] {
				heads[i] = int32(m.need("num_key_value_heads"))
			}
		}
		m.list("attention.head_count_kv", heads)
	}
	share := 1.0
	if x, ok := m.rope.number("partial_rotary_factor"); ok {
		share = x
	}
	m.u32("rope.dimension_count", full)
	m.u32("rope.dimension_count_swa", int(float64(window)*share))
}

// visibleGemma4 are tokens that stay visible, so that thoughts and calls can be read.
var visibleGemma4 = []string{"<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", `<|"|>`}

// vocabGemma4 is SentencePiece's BPE with merges.
func (m *model) vocabGemma4() error {
	t, err := readTokenizer(m.dir)
	if err != nil {
		return err
	}
	if !t.isLlamaBPE() {
		return fmt.Errorf("tokenizer.json: this kind of tokenizer is %w for a %s", ErrUnsupported, m.class)
	}
	tokens, err := m.llamaBPETokens(t)
	if err != nil {
		return err
	}
	for i := range tokens {
		if slices.Contains(visibleGemma4, tokens[i].text) {
			tokens[i].kind = kindUserDefined
		}
	}
	m.vocabulary("gemma4", "", tokens, true)
	s, err := m.readSpecial(true, -1)
	if err != nil {
		return err
	}
	s.keys(m)
	m.set("tokenizer.ggml.add_space_prefix", false)
	m.set("tokenizer.ggml.add_bos_token", true)
	return nil
}
