package huggingface

import (
	"fmt"
	"slices"
	"strings"
)

var _ = register(family{
	arch:   "granitehybrid",
	names:  graniteHybridNames,
	init:   graniteHybridInit,
	filter: mamba2Filter,
	extra:  (*model).llama3Factors,
	modify: (*model).graniteHybrid,
	keys:   (*model).graniteHybridKeys,
	vocab:  (*model).vocabHybrid,
}, "GraniteMoeHybridForCausalLM", "BambaForCausalLM")

var _ = register(family{
	arch:   "nemotron_h",
	names:  nemotronHNames,
	init:   nemotronHInit,
	filter: nemotronHFilter,
	modify: (*model).nemotronH,
	keys:   (*model).nemotronHKeys,
	vocab:  (*model).vocabHybrid,
}, "NemotronHForCausalLM")

var graniteHybridNames = withNames(falconH1Names, graniteMoENames)

var nemotronHNames = withNames(mambaNames, map[string]string{
	"backbone.layers.#.mixer.q_proj":                   "blk.#.attn_q",
	"backbone.layers.#.mixer.k_proj":                   "blk.#.attn_k",
	"backbone.layers.#.mixer.v_proj":                   "blk.#.attn_v",
	"backbone.layers.#.mixer.o_proj":                   "blk.#.attn_output",
	"backbone.layers.#.mixer.up_proj":                  "blk.#.ffn_up",
	"backbone.layers.#.mixer.down_proj":                "blk.#.ffn_down",
	"backbone.layers.#.mixer.gate":                     "blk.#.ffn_gate_inp",
	"backbone.layers.#.mixer.gate.e_score_correction":  "blk.#.exp_probs_b",
	"backbone.layers.#.mixer.experts.up_proj":          "blk.#.ffn_up_exps",
	"backbone.layers.#.mixer.experts.down_proj":        "blk.#.ffn_down_exps",
	"backbone.layers.#.mixer.shared_experts.up_proj":   "blk.#.ffn_up_shexp",
	"backbone.layers.#.mixer.shared_experts.down_proj": "blk.#.ffn_down_shexp",
	"backbone.layers.#.mixer.fc1_latent_proj":          "blk.#.ffn_latent_down",
	"backbone.layers.#.mixer.fc2_latent_proj":          "blk.#.ffn_latent_up",
})

// layerKinds returns the kind of each layer, as Granite names them: layer_types, or what numbers and periods say.
func (m *model) layerKinds() []string {
	kinds := m.cfg.texts("layer_types")
	if len(kinds) == 0 {
		kinds = slices.Repeat([]string{"mamba"}, m.blocks)
		attention := m.cfg.wholes("attn_layer_indices")
		if period := m.or(0, "attn_layer_period"); len(attention) == 0 && period > 0 {
			for i := m.or(0, "attn_layer_offset"); i < m.blocks; i += period {
				attention = append(attention, i)
			}
		}
		for _, i := range attention {
			if i >= 0 && i < m.blocks {
				kinds[i] = "attention"
			}
		}
	}
	if len(kinds) != m.blocks {
		m.fail("there are %d layer_types for %d layers", len(kinds), m.blocks)
	}
	return kinds
}

// graniteHybridInit gives models without a state space the name of the architecture that they have.
func graniteHybridInit(m *model) error {
	kinds := m.layerKinds()
	if m.err == nil && !slices.ContainsFunc(kinds, func(k string) bool { return k != "attention" }) {
		m.arch = "granite"
		if n := m.or(0, "num_experts_per_tok", "num_experts_per_token"); n > 0 {
			m.arch = "granitemoe"
		}
	}
	delete(m.cfg, "head_dim")
	return m.err
}

// graniteHybrid adds a tensor of a layer with a state space or with attention.
func (m *model) graniteHybrid(name string, bid int, t tensor) error {
	if strings.Contains(name, ".mamba.") {
		return m.mamba2(name, bid, t)
	}
	return m.graniteMoE(name, bid, t)
}

// stateSpaceKeys sets the keys of hybrids: of state spaces with an inner width, and of the layers that attend.
func (m *model) stateSpaceKeys(inner int, attends func(layer int) bool) {
	m.u32("ssm.conv_kernel", m.need("conv_kernel", "d_conv", "mamba_conv_kernel", "mamba_d_conv"))
	m.u32("ssm.state_size", m.need("state_size", "d_state", "state_dim", "ssm_state_size", "mamba_state_size", "mamba_d_state"))
	m.u32("ssm.group_count", m.groups())
	m.u32("ssm.inner_size", inner)
	m.u32("ssm.time_step_rank", m.need("n_heads", "num_heads", "mamba_n_heads", "mamba_num_heads"))
	heads := make([]int32, m.blocks)
	for i := range heads {
		if attends(i) {
			heads[i] = int32(m.need("num_key_value_heads", "n_head_kv"))
		}
	}
	if n := m.or(0, "attn_rotary_emb"); n > 0 {
		m.u32("rope.dimension_count", n)
	}
	m.list("attention.head_count_kv", heads)
}

func (m *model) graniteHybridKeys() {
	kinds := m.layerKinds()
	m.graniteMoEKeys()
	m.stateSpaceKeys(m.need("expand", "mamba_expand")*m.need("hidden_size"), func(i int) bool { return kinds[i] == "attention" })
	rotates := m.class == "BambaForCausalLM" || m.arch != "granitehybrid"
	m.bool("rope.scaling.finetuned", rotates)
	if !rotates {
		m.u32("context_length", 1<<20)
	}
}

// vocabHybrid is byte-level BPE or SentencePiece, padded where there are state spaces.
func (m *model) vocabHybrid() error {
	pad := 8
	if m.arch == "granite" || m.arch == "granitemoe" {
		pad = 1
	}
	m.cfg["pad_vocab_size_multiple"] = whole(pad)
	if m.padVocab(pad); m.err != nil {
		return m.err
	}
	if m.family.arch == "nemotron_h" {
		return m.vocabBPE()
	}
	return m.vocabEither()
}

// nemotronKinds are the letters of hybrid_override_pattern, and what layers_block_type calls them.
var nemotronKinds = map[string]byte{"mamba": 'M', "linear_attention": 'M', "attention": '*', "full_attention": '*', "mlp": '-', "moe": 'E'}

// nemotronHInit brings the kinds of layers into the form of hybrid_override_pattern.
func nemotronHInit(m *model) error {
	if m.cfg.has("num_experts_per_tok") {
		m.arch = "nemotron_h_moe"
	}
	if m.or(0, "num_nextn_predict_layers") > 0 {
		return fmt.Errorf("config.json: a %s that predicts more than one token is %w", m.class, ErrUnsupported)
	}
	if m.cfg.text("hybrid_override_pattern") == "" {
		var kinds []byte
		for _, k := range m.cfg.texts("layers_block_type") {
			kinds = append(kinds, nemotronKinds[k])
		}
		m.cfg["hybrid_override_pattern"] = string(kinds)
	}
	if n := len(m.cfg.text("hybrid_override_pattern")); n != m.blocks {
		m.fail("there are kinds of %d layers for %d layers", n, m.blocks)
	}
	return m.err
}

// kind returns the letter of a layer.
func (m *model) kind(layer int) byte { return m.cfg.text("hybrid_override_pattern")[layer] }

func nemotronHFilter(m *model, name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "model.layers."); ok && strings.Contains(name, ".mixer.") {
		name = "backbone.layers." + rest
	}
	return mamba2Filter(m, name)
}

// nemotronH adds a tensor of a layer with a state space, attention or a network.
func (m *model) nemotronH(name string, bid int, t tensor) error {
	if strings.Contains(name, ".mixer.experts.") {
		return m.expert(name, bid, t, m.need("n_routed_experts"), "down_proj", "up_proj")
	}
	if bid >= 0 && bid < m.blocks && m.kind(bid) == '*' {
		var err error
		if t, err = m.interleaved(name, t); err != nil {
			return err
		}
	}
	return m.mamba2(name, bid, t)
}

func (m *model) nemotronHKeys() {
	head := m.need("head_dim", "attention_head_dim")
	delete(m.cfg, "head_dim")
	m.graniteMoEKeys()
	m.stateSpaceKeys(m.need("num_heads", "mamba_num_heads")*m.need("mamba_head_dim", "hidden_size"), func(i int) bool { return m.kind(i) == '*' })
	m.bool("rope.scaling.finetuned", false)
	m.u32("context_length", 1<<20)
	m.u32("attention.key_length", head)
	m.u32("attention.value_length", head)
	networks := make([]int32, m.blocks)
	for i := range networks {
		switch k := m.kind(i); {
		case k == 'E' && m.arch == "nemotron_h_moe":
			networks[i] = int32(m.need("moe_intermediate_size"))
		case k == '-' && m.arch == "nemotron_h":
			networks[i] = int32(m.need("intermediate_size", "n_inner", "hidden_dim"))
		}
	}
	m.list("feed_forward_length", networks)
	if m.arch == "nemotron_h" {
		return
	}
	m.u32("expert_used_count", m.need("num_experts_per_tok"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_feed_forward_length", m.need("moe_shared_expert_intermediate_size"))
	m.u32("expert_count", m.need("n_routed_experts"))
	m.u32("expert_shared_count", m.need("n_shared_experts"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.u32("expert_group_count", m.need("n_group"))
	m.count("moe_latent_size", "moe_latent_size")
}
