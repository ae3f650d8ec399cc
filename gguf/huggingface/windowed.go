package huggingface

import (
	"fmt"
	"slices"
	"strings"
)

// Decoders of 2026 with layers that see a window only.

var _ = register(family{
	arch: "laguna",
	names: map[string]string{
		"model.layers.#.self_attn.g_proj":               "blk.#.attn_gate",
		"model.layers.#.mlp.experts.e_score_correction": "blk.#.exp_probs_b",
	},
	modify: (*model).laguna,
	keys:   (*model).lagunaKeys,
	vocab:  (*model).vocabLaguna,
}, "LagunaForCausalLM")

var _ = register(family{
	arch:   "granite_swa",
	names:  graniteSWANames,
	init:   noHeadDim,
	filter: gptOSSFilter,
	extra:  (*model).llama3Factors,
	modify: (*model).graniteSWA,
	keys:   (*model).graniteSWAKeys,
	vocab:  (*model).vocabLlama,
}, "GraniteSWAForCausalLM", "GraniteMoeSWAForCausalLM")

var _ = register(family{
	arch:   "muse-glimmer",
	names:  withNames(gemma2Names, map[string]string{"model.layers.#.self_attn.gate_proj": "blk.#.attn_gate"}),
	modify: (*model).museGlimmer,
	keys:   (*model).museGlimmerKeys,
	vocab:  (*model).vocabMuse,
}, "MuseGlimmerForConditionalGeneration")

var _ = register(family{arch: "maple", init: mapleInit, modify: (*model).qwenExperts, keys: (*model).mapleKeys}, "MapleForCausalLM")

var _ = register(family{
	arch: "spark2_5",
	names: map[string]string{
		"model.layers.#.self_attn.q_k_v_proj": "blk.#.attn_qkv",
		"model.layers.#.self_attn.g_proj":     "blk.#.attn_gate",
	},
	init:   sparkInit,
	modify: (*model).spark,
	keys:   (*model).sparkKeys,
}, "Spark2_5ForCausalLM")

// lagunaHeads returns the heads of each layer.
func (m *model) lagunaHeads() []int32 {
	list := m.cfg.wholes("num_attention_heads_per_layer")
	if !m.cfg.has("num_attention_heads_per_layer") {
		return slices.Repeat([]int32{int32(m.need("num_attention_heads"))}, m.blocks)
	}
	if len(list) != m.blocks {
		m.fail("num_attention_heads_per_layer has %d of %d numbers", len(list), m.blocks)
	}
	return append(int32s(list), make([]int32, m.blocks)...)[:m.blocks]
}

// lagunaGate returns whether attention's gate of a layer has a value for each element of a head, and not one for the
// whole. Engines that read "gating" only take true for the latter, so the former must be said there too.
func (m *model) lagunaGate(layer int) (perElement bool, err error) {
	kind := func(v any) string { return strings.ReplaceAll(fmt.Sprint(v), "-", "_") }
	whole, said := m.cfg["gating"], ""
	if list, _ := m.cfg["gating_types"].([]any); len(list) > 0 {
		if len(list) != m.blocks || layer < 0 || layer >= len(list) {
			return false, fmt.Errorf("config.json: %w: gating_types has %d of %d layers", ErrFolder, len(list), m.blocks)
		}
		said = kind(list[layer])
	} else if said = kind(whole); whole == true {
		said = "per_head"
	}
	if said != "per_head" && said != "per_element" || said == "per_element" && kind(whole) != said {
		return false, fmt.Errorf("config.json: %w: gating is %v, gates of layer %d are %q", ErrFolder, whole, layer, said)
	}
	return said == "per_element", nil
}

// laguna adds a tensor.
func (m *model) laguna(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, "mlp.experts.e_score_correction.bias") {
		return m.plain(name, bid, t)
	}
	if strings.HasSuffix(name, "self_attn.g_proj.weight") {
		perElement, err := m.lagunaGate(bid)
		if err != nil {
			return err
		}
		if bid < 0 || bid >= m.blocks {
			return fmt.Errorf("%w: layer %d of %d", ErrFolder, bid, m.blocks)
		}
		want := int(m.lagunaHeads()[bid])
		if perElement {
			want *= m.need("head_dim")
		}
		if !t.dims(2) || t.shape[0] != want {
			return fmt.Errorf("%w: shape %v for gates of %d values", ErrFolder, t.shape, want)
		}
	}
	return projections("num_local_experts", "num_experts")(m, name, bid, t)
}

func (m *model) lagunaKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.list("attention.head_count", m.lagunaHeads())
	if n := m.or(0, "sliding_window"); n > 0 {
		m.u32("attention.sliding_window", n)
	}
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_feed_forward_length", m.need("shared_expert_intermediate_size"))
	m.bool("expert_weights_norm", true)
	m.f32("expert_weights_scale", m.needFloat("moe_routed_scaling_factor"))
	m.list("expert_gating_func", gatings["sigmoid"])
	m.u32("leading_dense_block_count", m.leadingDense())
	dim := m.need("head_dim")
	m.u32("rope.dimension_count", rotating(m.global(), dim))
	if o := m.rope.object("sliding_attention"); o != nil {
		m.u32("rope.dimension_count_swa", rotating(o, dim))
	}
}

// leadingDense returns how many layers before all others have no experts, by mlp_layer_types.
func (m *model) leadingDense() int {
	types := m.cfg.texts("mlp_layer_types")
	if types == nil {
		m.fail("mlp_layer_types is no list of texts")
	}
	if n := slices.IndexFunc(types, func(s string) bool { return s != "dense" }); n >= 0 {
		return n
	}
	return len(types)
}

// rotating returns how many of dim values of a head rotate.
func rotating(rope config, dim int) int {
	x, ok := rope.number("partial_rotary_factor")
	if !ok {
		x = 1
	}
	return int(float64(dim) * x)
}

// vocabLaguna is byte-level BPE. The token that ends an answer is one that no text shows.
func (m *model) vocabLaguna() error {
	t, tokens, pre, err := m.base()
	if err != nil {
		return err
	}
	if t.Model.Type != "BPE" {
		return fmt.Errorf("tokenizer.json: a tokenizer of type %q is %w for a %s", t.Model.Type, ErrUnsupported, m.class)
	}
	for i := range tokens {
		if tokens[i].text == "</assistant>" {
			tokens[i].kind = kindControl
		}
	}
	m.vocabulary("gpt2", pre, tokens, false)
	s, err := m.readSpecial(true, -1)
	if err != nil {
		return err
	}
	s.keys(m)
	if m.exists("chat_template.jinja") {
		if err := m.ownTemplate(); err != nil {
			return err
		}
	}
	begin, ok := m.cfg.integer("bos_token_id")
	for _, n := range m.cfg.wholes("eos_token_id") {
		if n >= 0 && (!ok || n != begin) {
			m.set("tokenizer.ggml.eot_token_id", uint32(n))
			break
		}
	}
	return nil
}

var graniteSWANames = withNames(graniteMoENames, map[string]string{
	"model.layers.#.self_attn.sinks":         "blk.#.attn_sinks",
	"model.layers.#.block_sparse_moe.router": "blk.#.ffn_gate_inp",
})

// graniteSWA adds a tensor; gates and up-projections of experts stay together.
func (m *model) graniteSWA(name string, bid int, t tensor) error {
	if m.class == "GraniteMoeSWAForCausalLM" {
		for _, e := range [][2]string{{"block_sparse_moe.experts.gate_up_proj", "ffn_gate_up_exps"}, {"block_sparse_moe.experts.down_proj", "ffn_down_exps"},
			{"block_sparse_moe.input_linear.weight", "ffn_gate_up_exps"}, {"shared_mlp.input_linear.weight", "ffn_up_shexp"}} {
			if strings.HasSuffix(name, e[0]) {
				return m.blk(bid, e[1]+".weight", t)
			}
		}
	}
	return m.llama(name, bid, t)
}

func (m *model) graniteSWAKeys() {
	m.graniteKeys()
	m.u32("attention.sliding_window", m.or(128, "sliding_window"))
	windows := make([]bool, m.blocks)
	for i := range windows {
		windows[i] = i%4 != 0
	}
	if len(m.cfg.texts("layer_types")) > 0 {
		windows = m.windows(1)
	}
	m.list("attention.sliding_window_pattern", windows)
	if list := m.cfg.numbers("no_rope_layers"); len(list) > 0 {
		rotates := make([]bool, len(list))
		for i, x := range list {
			rotates[i] = x != 0
		}
		m.list("attention.rope_pattern", rotates)
	}
	if n := m.or(0, "shared_intermediate_size"); n > 0 && m.class == "GraniteMoeSWAForCausalLM" {
		m.u32("expert_shared_feed_forward_length", n)
	}
}

// museGlimmer adds a tensor. The norms of queries and keys have no weights but a factor for queries, which becomes some.
func (m *model) museGlimmer(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, "layernorm.weight") {
		t = t.plusOne()
	}
	if strings.HasSuffix(name, "self_attn.q_proj.weight") {
		dim := m.need("head_dim")
		scale := float32(m.needFloat("qk_scale_factor"))
		if m.err != nil || dim > 1<<16 {
			return fmt.Errorf("config.json: %w: head_dim or qk_scale_factor", ErrFolder)
		}
		if err := m.several(bid, named{"attn_q_norm.weight", constant(slices.Repeat([]float32{scale}, dim))},
			named{"attn_k_norm.weight", constant(slices.Repeat([]float32{1}, dim))}); err != nil {
			return err
		}
	}
	return m.plain(name, bid, t)
}

func (m *model) museGlimmerKeys() {
	m.commonKeys()
	m.f32("final_logit_softcapping", m.needFloat("final_logit_softcapping"))
	m.f32("logit_scale", m.needFloat("output_multiplier"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", m.sliding())
}

// vocabMuse is byte-level BPE; <|eot|> ends a turn.
func (m *model) vocabMuse() error {
	if err := m.vocabBPE(); err != nil {
		return err
	}
	t, err := readTokenizer(m.dir)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(t.Added, func(a addedToken) bool { return a.Content == "<|eot|>" }); i >= 0 {
		m.set("tokenizer.ggml.eot_token_id", uint32(t.Added[i].ID))
	}
	return nil
}

// mapleInit refuses what the architecture does not have.
func mapleInit(m *model) error {
	switch {
	case m.cfg.text("hidden_act") != "silu":
		m.fail("hidden_act is %q, only silu can be converted", m.cfg.text("hidden_act"))
	case m.or(0, "num_shared_experts") != 0:
		m.fail("num_shared_experts is not 0: shared experts can't be converted")
	case !m.cfg.boolean("norm_topk_prob", true), !m.cfg.boolean("nope_on_global_attention", false):
		m.fail("norm_topk_prob and nope_on_global_attention must be true")
	}
	return m.err
}

// mapleLimit is where activations of Maple's experts are cut off, a number in the code beside the weights.
const mapleLimit = 7

func (m *model) mapleKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("rope.dimension_count", rotating(m.rope, m.headDim()))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", m.sliding())
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.list("swiglu_clamp_exp", slices.Repeat([]float32{mapleLimit}, m.blocks))
}

// sparkInit refuses what the architecture does not have.
func sparkInit(m *model) error {
	for _, t := range m.cfg.texts("layer_types") {
		if t != "sliding_attention" && t != "full_attention" {
			m.fail("layer_types has %q", t)
		}
	}
	if m.cfg.text("gate_attn_act_mode") != "sigmoid" || !m.cfg.boolean("headwise_attn_output_gate", false) {
		m.fail("gate_attn_act_mode is %q: only a sigmoid gate for each head can be converted", m.cfg.text("gate_attn_act_mode"))
	}
	if s := m.cfg.text("hidden_act"); s != "gelu" {
		m.fail("hidden_act is %q, only gelu can be converted", s)
	}
	return m.err
}

func (m *model) spark(name string, bid int, t tensor) error {
	if heads := m.need("num_attention_heads"); strings.HasSuffix(name, ".self_attn.g_proj.weight") && (!t.dims(2) || t.shape[0] != heads) {
		return fmt.Errorf("%w: shape %v for the gates of %d heads", ErrFolder, t.shape, heads)
	}
	return m.plain(name, bid, t)
}

func (m *model) sparkKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", m.sliding())
	dim := m.need("head_dim")
	for _, e := range [][2]string{{"full_attention", "rope.dimension_count"}, {"sliding_attention", "rope.dimension_count_swa"}} {
		o := m.rope.object(e[0])
		if !o.has("partial_rotary_factor") {
			m.fail("rope_parameters have no partial_rotary_factor for %s", e[0])
		}
		m.u32(e[1], rotating(o, dim))
	}
}
