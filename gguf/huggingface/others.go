package huggingface

import (
	"errors"
	"fmt"
	"strings"
)

var _ = register(family{
	arch:   "mistral3",
	init:   (*model).mistralKind,
	modify: (*model).llama,
	extra:  (*model).llama3Factors,
	keys:   (*model).mistral3Keys,
	vocab:  (*model).vocabLlama,
}, "Mistral3ForConditionalGeneration", "Ministral3ForCausalLM")

var _ = register(family{arch: "command-r", init: commandRContext, keys: (*model).commandRKeys}, "CohereForCausalLM")
var _ = register(family{
	arch:   "cohere2",
	modify: (*model).withoutZeroBiases,
	keys:   (*model).cohere2Keys,
}, "Cohere2ForCausalLM")
var _ = register(family{
	arch:  "exaone4",
	names: exaone4Names,
	extra: (*model).llama3Factors,
	keys:  (*model).exaone4Keys,
}, "Exaone4ForCausalLM")
var _ = register(family{
	arch:   "ernie4_5",
	filter: ernieFilter,
	keys:   (*model).commonKeys,
	vocab:  (*model).vocabErnie,
}, "Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM")
var _ = register(family{arch: "dots1", modify: (*model).qwenExperts, keys: (*model).dots1Keys}, "Dots1ForCausalLM")
var _ = register(family{
	arch:   "minimax-m2",
	names:  miniMaxNames,
	modify: (*model).miniMax,
	keys:   (*model).miniMaxKeys,
}, "MiniMaxM2ForCausalLM")
var _ = register(family{
	arch:   "nemotron",
	modify: (*model).gemma,
	keys:   (*model).nemotronKeys,
	vocab:  (*model).vocabNemotron,
}, "NemotronForCausalLM")
var _ = register(family{
	arch:   "apertus",
	names:  apertusNames,
	modify: (*model).apertus,
	extra:  (*model).llama3Factors,
	keys:   (*model).llamaKeys,
	vocab:  (*model).vocabLlama,
}, "ApertusForCausalLM")

var (
	_ = invert("ernie4_5", inverse{class: "Ernie4_5ForCausalLM", modelType: "ernie4_5"})
	_ = invert("command-r", inverse{class: "CohereForCausalLM", modelType: "cohere", config: (*exporter).commandR})
)

// commandR adds what logits are multiplied by.
func (x *exporter) commandR() {
	if v, ok := x.float("logit_scale"); ok {
		x.cfg["logit_scale"] = number(v)
	}
}

// mistralKind turns to the family of the fourth generation, whose class is that of the third.
func (m *model) mistralKind() error {
	if m.cfg.text("model_type") != "mistral4" {
		return nil
	}
	m.family = mistral4()
	m.arch = m.family.arch
	return m.family.init(m)
}

func (m *model) mistral3Keys() {
	m.llamaKeys()
	if m.cfg.text("model_type") != "ministral3" {
		return
	}
	for _, k := range [][2]string{{"rope.scaling.yarn_log_multiplier", "mscale_all_dim"}, {"attention.temperature_scale", "llama_4_scaling_beta"}} {
		x, ok := m.rope.number(k[1])
		if !ok {
			m.fail("rope_parameters have no %s", k[1])
		}
		m.f32(k[0], x)
	}
}

// commandRContext takes the length of context that the model was trained for.
func commandRContext(m *model) error {
	if v := m.cfg.first("model_max_length"); v != nil {
		m.cfg["max_position_embeddings"] = v
	}
	return nil
}

func (m *model) commandRKeys() {
	m.commonKeys()
	m.f32("logit_scale", m.needFloat("logit_scale"))
	m.list("rope.scaling.type", "none")
}

// withoutZeroBiases drops biases, which are 0.
func (m *model) withoutZeroBiases(name string, bid int, t tensor) error {
	if !strings.HasSuffix(name, ".bias") {
		return m.plain(name, bid, t)
	}
	x, err := t.all()
	for _, v := range x {
		if v != 0 {
			return fmt.Errorf("a bias that is not 0 is %w", ErrUnsupported)
		}
	}
	return err
}

func (m *model) cohere2Keys() {
	m.commonKeys()
	m.f32("logit_scale", m.needFloat("logit_scale"))
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.u32("vocab_size", m.need("vocab_size"))
	share, ok := m.cfg.number("rotary_pct")
	if !ok {
		share = 1
	}
	m.u32("rope.dimension_count", int(share*float64(m.per(m.need("hidden_size"), m.need("num_attention_heads")))))
	m.list("rope.scaling.type", "none")
}

var exaone4Names = map[string]string{
	"model.layers.#.post_attention_layernorm":   "blk.#.post_attention_norm",
	"model.layers.#.post_feedforward_layernorm": "blk.#.post_ffw_norm",
}

func (m *model) exaone4Keys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	if !m.cfg.has("sliding_window") {
		return
	}
	m.u32("attention.sliding_window", m.need("sliding_window"))
	switch p := m.cfg["sliding_window_pattern"].(type) {
	case string: // such as LLLG
		if m.cfg.texts("layer_types") == nil && p != "" {
			windows := make([]bool, m.blocks)
			for i := range windows {
				windows[i] = p[i%len(p)] == 'L'
			}
			m.list("attention.sliding_window_pattern", windows)
			return
		}
	default:
		n, ok := toInt(p)
		if m.cfg.texts("layer_types") == nil && (!ok || n <= 0) {
			return
		}
		m.list("attention.sliding_window_pattern", m.windows(n))
		return
	}
	if m.cfg.texts("layer_types") != nil {
		m.list("attention.sliding_window_pattern", m.windows(1))
	}
}

func ernieFilter(_ *model, name string) (string, bool) {
	return strings.ReplaceAll(name, "ernie.", "model."), true
}

func (m *model) vocabErnie() error {
	if err := m.vocabSPM(); err != nil {
		return err
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if b, ok := tc["add_prefix_space"].(bool); ok {
		m.set("tokenizer.ggml.add_space_prefix", b)
	}
	return err
}

func (m *model) dots1Keys() {
	m.qwenMoEKeys()
	m.u32("leading_dense_block_count", m.need("first_k_dense_replace"))
	m.u32("expert_shared_count", m.need("n_shared_experts"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", m.cfg.boolean("norm_topk_prob", false))
}

var miniMaxNames = map[string]string{
	"model.layers.#.block_sparse_moe.gate":               "blk.#.ffn_gate_inp",
	"model.layers.#.block_sparse_moe.e_score_correction": "blk.#.exp_probs_b",
	"model.layers.#.block_sparse_moe.experts.w1":         "blk.#.ffn_gate_exps",
	"model.layers.#.block_sparse_moe.experts.w2":         "blk.#.ffn_down_exps",
	"model.layers.#.block_sparse_moe.experts.w3":         "blk.#.ffn_up_exps",
}

func (m *model) miniMax(name string, bid int, t tensor) error {
	if strings.Contains(name, "block_sparse_moe.experts.") {
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts"), "w1", "w2", "w3")
	}
	return m.plain(name, bid, t)
}

func (m *model) miniMaxKeys() {
	m.commonKeys()
	m.u32("expert_feed_forward_length", m.need("intermediate_size"))
	m.u32("rope.dimension_count", m.need("rotary_dim"))
}

func (m *model) nemotronKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"))
	share, _ := m.rope.number("partial_rotary_factor")
	m.u32("rope.dimension_count", m.per(int(share*float64(m.need("hidden_size", "n_embd"))), m.need("num_attention_heads", "n_head")))
	factor, ok := m.cfg.number("factor")
	if !ok || factor == 0 {
		factor, ok = m.rope.number("factor")
	}
	if !ok {
		m.list("rope.scaling.type", "none")
		return
	}
	m.list("rope.scaling.type", "linear")
	m.f32("rope.scaling.factor", factor)
}

func (m *model) vocabNemotron() error {
	if err := m.vocabSPM(); err != nil {
		return err
	}
	m.set("tokenizer.ggml.padding_token_id", uint32(0))
	m.set("tokenizer.ggml.unknown_token_id", uint32(1))
	return nil
}

var apertusNames = map[string]string{
	"model.layers.#.attention_layernorm":   "blk.#.attn_norm",
	"model.layers.#.feedforward_layernorm": "blk.#.ffn_norm",
}

// apertus adds a tensor; the numbers of the activation become keys.
func (m *model) apertus(name string, bid int, t tensor) error {
	for _, k := range []string{"alpha_n", "alpha_p", "beta", "eps"} {
		if !strings.HasSuffix(name, ".act_fn."+k) {
			continue
		}
		x, err := t.all()
		if err != nil || len(x) != 1 || bid < 0 || bid >= m.blocks {
			return errors.Join(err, fmt.Errorf("%w: no single number of a layer", ErrFolder))
		}
		return m.activation("xielu."+k, bid, x[0])
	}
	return m.plain(name, bid, t)
}

// activation keeps the number of a layer in a key that has one for each.
func (m *model) activation(name string, bid int, x float32) error {
	for i := range m.early {
		if m.early[i].name == name {
			m.early[i].value.([]float32)[bid] = x
			return nil
		}
	}
	list := make([]float32, m.blocks)
	list[bid] = x
	m.early = append(m.early, key{name, list})
	return nil
}
