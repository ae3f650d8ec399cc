package huggingface

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

var _ = register(family{
	arch:   "mamba",
	names:  mambaNames,
	modify: (*model).mamba,
	keys:   (*model).mambaKeys,
	vocab:  (*model).vocabMamba,
}, "MambaForCausalLM", "MambaLMHeadModel", "FalconMambaForCausalLM")

var _ = register(family{
	arch:   "mamba2",
	names:  mambaNames,
	filter: mamba2Filter,
	modify: (*model).mamba2,
	keys:   (*model).mamba2Keys,
	vocab:  (*model).vocabMamba2,
}, "Mamba2ForCausalLM")

var _ = register(family{
	arch:   "falcon-h1",
	names:  falconH1Names,
	filter: mamba2Filter,
	modify: (*model).falconH1,
	keys:   (*model).falconH1Keys,
}, "FalconH1ForCausalLM")

var _ = register(family{
	arch:   "jamba",
	names:  jambaNames,
	filter: jambaFilter,
	modify: (*model).jamba,
	keys:   (*model).jambaKeys,
	vocab:  (*model).vocabJamba,
}, "JambaForCausalLM")

// ssmNames are the names of a state space layer below a prefix, and others.
func ssmNames(prefix string, others map[string]string) map[string]string {
	out := maps.Clone(others)
	for from, to := range map[string]string{"in_proj": "ssm_in", "conv1d": "ssm_conv1d", "x_proj": "ssm_x", "dt_proj": "ssm_dt", "A_log": "ssm_a",
		"D": "ssm_d", "norm": "ssm_norm", "out_proj": "ssm_out", "dt_layernorm": "ssm_dt_norm", "b_layernorm": "ssm_b_norm", "c_layernorm": "ssm_c_norm"} {
		out[prefix+"."+from] = "blk.#." + to
	}
	return out
}

var (
	mambaNames = ssmNames("backbone.layers.#.mixer", map[string]string{
		"backbone.embedding":     "token_embd",
		"backbone.embeddings":    "token_embd",
		"backbone.norm_f":        "output_norm",
		"backbone.layers.#.norm": "blk.#.attn_norm",
	})
	falconH1Names = ssmNames("model.layers.#.mamba", map[string]string{
		"model.final_layernorm":                 "output_norm",
		"model.layers.#.pre_ff_layernorm":       "blk.#.ffn_norm",
		"model.layers.#.feed_forward.gate_proj": "blk.#.ffn_gate",
		"model.layers.#.feed_forward.up_proj":   "blk.#.ffn_up",
		"model.layers.#.feed_forward.down_proj": "blk.#.ffn_down",
	})
	jambaNames = withNames(falconH1Names, map[string]string{
		"model.layers.#.feed_forward.router":            "blk.#.ffn_gate_inp",
		"model.layers.#.feed_forward.experts.gate_proj": "blk.#.ffn_gate_exps",
		"model.layers.#.feed_forward.experts.up_proj":   "blk.#.ffn_up_exps",
		"model.layers.#.feed_forward.experts.down_proj": "blk.#.ffn_down_exps",
		"model.layers.#.mamba.B_layernorm":              "blk.#.ssm_b_norm",
		"model.layers.#.mamba.C_layernorm":              "blk.#.ssm_c_norm",
	})
)

// withNames is a table with more names, which count before its own.
func withNames(names, more map[string]string) map[string]string {
	out := maps.Clone(names)
	maps.Copy(out, more)
	return out
}

// or returns the whole number of the first key that is there, def for 0 and for none.
func (m *model) or(def int, keys ...string) int {
	n, _ := m.cfg.integer(keys...)
	return cmp.Or(n, def)
}

// orFloat is or for a number that need not be whole.
func (m *model) orFloat(def float64, keys ...string) float64 {
	x, _ := m.cfg.number(keys...)
	return cmp.Or(x, def)
}

// exp is what a logarithm is of.
func (t tensor) exp() tensor {
	return t.apply(func(x float32) float32 { return float32(math.Exp(float64(x))) })
}

// negativeExp is what is multiplied with a state, of its logarithm.
func (t tensor) negativeExp() tensor {
	return t.apply(func(x float32) float32 { return -float32(math.Exp(float64(x))) })
}

// mamba adds a tensor; an output matrix that is the embedding is left out.
func (m *model) mamba(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, ".A_log"):
		t = t.negativeExp()
	case strings.HasSuffix(name, ".conv1d.weight"):
		t = t.squeeze()
	case name == "lm_head.weight":
		if i := slices.IndexFunc(m.out, func(o named) bool { return o.name == "token_embd.weight" }); i >= 0 {
			if same, err := t.equal(m.out[i].tensor); err != nil || same {
				return err
			}
		}
	}
	return m.plain(name, bid, t)
}

func (m *model) mambaKeys() {
	width := m.need("hidden_size", "d_model")
	m.u32("context_length", 1<<20)
	m.u32("embedding_length", width)
	m.u32("feed_forward_length", 0)
	m.u32("attention.head_count", 0)
	m.u32("block_count", m.blocks)
	m.u32("ssm.conv_kernel", m.or(4, "conv_kernel", "d_conv"))
	inner := m.or(2*width, "intermediate_size", "d_inner")
	if inner != 2*width {
		m.fail("an inner width of %d is not twice the width %d", inner, width)
	}
	m.u32("ssm.inner_size", inner)
	m.u32("ssm.state_size", m.or(16, "state_size", "d_state"))
	m.u32("ssm.time_step_rank", m.or((width+15)/16, "time_step_rank", "dt_rank"))
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-5, "layer_norm_epsilon", "rms_norm_eps"))
	m.bool("ssm.dt_b_c_rms", m.cfg.text("model_type") == "falcon_mamba")
	m.fileType()
}

// padVocab rounds the size of the vocabulary up to a multiple of pad_vocab_size_multiple.
func (m *model) padVocab(def int) {
	pad := def
	if n, ok := m.cfg.integer("pad_vocab_size_multiple"); ok {
		pad = n
	}
	n := m.need("vocab_size")
	if pad <= 0 || pad > maxVocab || n > maxVocab {
		m.fail("a vocabulary of %d in multiples of %d", n, pad)
		return
	}
	m.cfg["vocab_size"] = whole((n + pad - 1) / pad * pad)
}

func (m *model) vocabMamba() error {
	if m.padVocab(8); m.err != nil {
		return m.err
	}
	if m.exists("tokenizer.json") {
		return m.vocabBPE()
	}
	return m.vocabEither()
}

func (m *model) vocabMamba2() error {
	if m.padVocab(16); m.err != nil {
		return m.err
	}
	return m.vocabEither()
}

// mamba2Filter renames tensors as Mamba Codestral and all others have them.
func mamba2Filter(_ *model, name string) (string, bool) {
	if strings.HasPrefix(name, "model.backbone") || strings.HasPrefix(name, "model.lm_head") {
		name = strings.TrimPrefix(name, "model.")
	}
	if s, ok := strings.CutSuffix(name, ".dt_bias"); ok {
		name = s + ".dt_proj.bias"
	}
	return name, true
}

// groups returns how many groups a state space has.
func (m *model) groups() int { return m.or(1, "n_groups", "mamba_n_groups") }

// inner returns the inner width of a state space: its own key, or a multiple of the width.
func (m *model) inner() int {
	width := m.need("hidden_size", "d_model", "dim")
	return m.or(m.or(2, "mamba_expand", "expand")*width, "mamba_d_ssm", "intermediate_size", "d_inner")
}

// mamba2 adds a tensor of a layer with one number per head.
func (m *model) mamba2(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, ".conv1d.weight"):
		t = t.squeeze()
	case strings.HasSuffix(name, ".A_log"):
		t = t.reshape(append(slices.Clone(t.shape), 1)...).negativeExp()
	case strings.HasSuffix(name, ".D"):
		t = t.reshape(append(slices.Clone(t.shape), 1)...)
	case strings.HasSuffix(name, ".mixer.norm.weight"), strings.HasSuffix(name, ".mamba.norm.weight"):
		g := m.groups()
		if n := elements(t.shape); g <= 0 || n%g != 0 {
			return fmt.Errorf("%w: shape %v for %d groups", ErrFolder, t.shape, g)
		}
		t = t.reshape(g, elements(t.shape)/g)
	}
	return m.plain(name, bid, t)
}

func (m *model) mamba2Keys() {
	head, inner := m.or(64, "mamba_d_head", "head_dim"), m.inner()
	if width := m.need("hidden_size", "d_model", "dim"); m.arch == "mamba2" && (inner != m.or(2, "mamba_expand", "expand")*width || inner%max(head, 1) != 0) {
		m.fail("an inner width of %d for a width of %d and heads of %d", inner, width, head)
	}
	m.u32("context_length", 1<<20)
	m.u32("embedding_length", m.need("hidden_size", "d_model", "dim"))
	m.u32("feed_forward_length", 0)
	m.u32("attention.head_count", 0)
	m.u32("block_count", m.blocks)
	m.u32("ssm.conv_kernel", m.or(4, "conv_kernel", "d_conv", "mamba_d_conv"))
	m.u32("ssm.inner_size", inner)
	m.u32("ssm.state_size", m.or(128, "state_size", "d_state", "mamba_d_state"))
	m.u32("ssm.time_step_rank", m.per(inner, head))
	m.u32("ssm.group_count", m.groups())
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-5, "layer_norm_epsilon", "rms_norm_eps"))
	m.fileType()
}

// falconH1 adds a tensor; the model's multipliers go into the weights.
func (m *model) falconH1(name string, bid int, t tensor) error {
	scale := func(keys ...string) {
		for _, k := range keys {
			t = t.scaled(m.needFloat(k))
		}
	}
	mlp := m.cfg.numbers("mlp_multipliers")
	if len(mlp) != 2 {
		return fmt.Errorf("config.json: %w: mlp_multipliers are two numbers", ErrFolder)
	}
	switch {
	case strings.Contains(name, "down_proj"):
		t = t.scaled(mlp[1])
	case strings.Contains(name, "gate_proj"):
		t = t.scaled(mlp[0])
	case strings.Contains(name, "k_proj"):
		scale("key_multiplier", "attention_in_multiplier")
	case strings.Contains(name, "q_proj"), strings.Contains(name, "v_proj"):
		scale("attention_in_multiplier")
	case strings.Contains(name, "o_proj"):
		scale("attention_out_multiplier")
	case strings.Contains(name, "out_proj"):
		scale("ssm_out_multiplier")
	case strings.Contains(name, "in_proj"):
		scale("ssm_in_multiplier")
		var err error
		if t, err = m.falconH1In(t); err != nil {
			return err
		}
	case strings.Contains(name, "lm_head"):
		scale("lm_head_multiplier")
	case strings.Contains(name, "embed_tokens"):
		scale("embedding_multiplier")
	}
	if m.err != nil {
		return m.err
	}
	if strings.HasSuffix(name, ".pre_ff_layernorm.weight") {
		return m.blk(bid, "ffn_norm", t) // without "weight", as llama.cpp reads it
	}
	return m.mamba2(name, bid, t)
}

// falconH1In multiplies the five parts of the projection into a state space: gates, inputs, in- and outputs of the
// states, and time steps.
func (m *model) falconH1In(t tensor) (tensor, error) {
	by := m.cfg.numbers("ssm_multipliers")
	inner, states := m.need("mamba_d_ssm"), m.need("mamba_n_groups")*m.need("mamba_d_state")
	if len(by) != 5 || m.err != nil {
		return t, fmt.Errorf("config.json: %w: ssm_multipliers are five numbers", ErrFolder)
	}
	ends := []int{inner, 2 * inner, 2*inner + states, 2*inner + 2*states}
	if !t.dims(2) || t.shape[0] <= ends[3] {
		return t, fmt.Errorf("%w: %v rows for an inner width of %d and %d states", ErrFolder, t.shape, inner, states)
	}
	size, read, parts := t.rowLen(), t.read, append(ends, t.shape[0])
	return t.with(func(dst []float32, at int) error {
		if err := read(dst, at); err != nil {
			return err
		}
		part := 0
		for i := range dst {
			for (at+i)/size >= parts[part] {
				part++
			}
			dst[i] *= float32(by[part])
		}
		return nil
	}), nil
}

func (m *model) falconH1Keys() {
	m.mamba2Keys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.u32("context_length", m.or(0, "max_position_embeddings"))
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.u32("attention.head_count_kv", m.need("num_key_value_heads"))
	m.u32("attention.key_length", m.need("head_dim"))
	m.u32("attention.value_length", m.need("head_dim"))
	theta, ok := m.rope.number("rope_theta")
	if !ok {
		m.fail("there is no rope_theta")
	}
	m.f32("rope.freq_base", theta)
}

// jambaFilter renames tensors as Mini-Jamba has them; a single expert of a layer without a mixture is its network.
func jambaFilter(m *model, name string) (string, bool) {
	name = strings.ReplaceAll(name, ".moe.", ".feed_forward.")
	offset, period := m.or(0, "expert_layer_offset"), m.or(1, "expert_layer_period")
	if bid := block(name); bid >= 0 && (bid < offset || period <= 0 || (bid-offset)%period != 0) {
		name = strings.ReplaceAll(name, ".experts.0.", ".")
	}
	return name, true
}

// jamba adds a tensor.
func (m *model) jamba(name string, bid int, t tensor) error {
	if strings.Contains(name, ".feed_forward.experts.") {
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts"), "down_proj", "gate_proj", "up_proj")
	}
	return m.mamba(name, bid, t)
}

func (m *model) jambaKeys() {
	width := m.need("hidden_size", "mamba_d_model")
	offset, period := m.need("attn_layer_offset"), m.need("attn_layer_period")
	if period <= 0 {
		m.fail("attn_layer_period is %d", period)
		return
	}
	heads := make([]int32, m.blocks)
	for i := offset; i < m.blocks; i += period {
		heads[i] = int32(m.need("num_key_value_heads"))
	}
	m.u32("block_count", m.blocks)
	m.u32("context_length", m.need("max_position_embeddings", "n_ctx"))
	m.u32("embedding_length", width)
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.list("attention.head_count_kv", heads)
	m.u32("ssm.conv_kernel", m.or(4, "mamba_d_conv"))
	m.u32("ssm.inner_size", m.need("mamba_expand")*width)
	m.u32("ssm.state_size", m.or(16, "mamba_d_state"))
	m.u32("ssm.time_step_rank", m.or((width+15)/16, "mamba_dt_rank"))
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-6, "layer_norm_epsilon", "rms_norm_eps"))
	m.u32("expert_count", m.need("num_local_experts", "num_experts"))
	m.u32("expert_used_count", m.need("num_experts_per_tok", "num_experts_per_token"))
	m.fileType()
}

func (m *model) vocabJamba() error {
	if m.exists("tokenizer.model") {
		return m.vocabSPM()
	}
	t, err := readTokenizer(m.dir)
	if err != nil {
		return err
	}
	if !t.isLlamaBPE() {
		return fmt.Errorf("tokenizer.json: this kind of tokenizer is %w for a %s", ErrUnsupported, m.class)
	}
	if err := m.vocabLlamaBPE(t); err != nil {
		return err
	}
	m.set("tokenizer.ggml.add_space_prefix", false)
	return nil
}
