package huggingface

import (
	"math"
	"strconv"
	"strings"
)

var _ = register(family{
	arch:   "step35",
	names:  stepNames,
	init:   (*model).stepInit,
	extra:  (*model).stepFactors,
	filter: stepFilter,
	modify: (*model).step,
	keys:   (*model).stepKeys,
}, "Step3p5ForCausalLM", "Step3p7ForConditionalGeneration")

var stepNames = withNextn(map[string]string{
	"model.layers.#.self_attn.g_proj":       "blk.#.attn_gate",
	"model.layers.#.moe.gate":               "blk.#.ffn_gate_inp",
	"model.layers.#.moe.router_bias":        "blk.#.exp_probs_b",
	"model.layers.#.moe.gate_proj":          "blk.#.ffn_gate_exps",
	"model.layers.#.moe.up_proj":            "blk.#.ffn_up_exps",
	"model.layers.#.moe.down_proj":          "blk.#.ffn_down_exps",
	"model.layers.#.share_expert.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.share_expert.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.share_expert.down_proj": "blk.#.ffn_down_shexp",
})

// stepInit counts layers that predict a token further on, and takes the bases of rotation of both kinds of layers, which
// a list may have.
func (m *model) stepInit() error {
	if err := m.nextnLayers(); err != nil {
		return err
	}
	if bases := m.cfg.numbers("rope_theta"); len(bases) >= 2 {
		list := m.cfg["rope_theta"].([]any)
		m.cfg["rope_theta"], m.cfg["local_rope_theta"] = list[0], list[1]
		m.rope = m.ropeParameters()
	}
	return nil
}

// stepFilter gives the layers that predict a token further on the names that others have.
func stepFilter(m *model, name string) (string, bool) {
	if strings.HasSuffix(name, ".moe.router_bias") {
		name += ".bias"
	}
	if strings.HasPrefix(name, "model.layers.") && block(name) >= m.need("num_hidden_layers") {
		name = strings.ReplaceAll(name, ".transformer.", ".")
		name = strings.ReplaceAll(name, "shared_head.output", "shared_head.head")
	}
	return name, true
}

// step adds a tensor; norms are stored as the difference from 1.
func (m *model) step(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, "norm.weight") {
		t = t.plusOne()
	}
	for _, part := range []string{".self_attn.g_proj", ".moe.gate", ".moe.up_proj", ".moe.gate_proj", ".moe.down_proj"} {
		if strings.HasSuffix(name, part+".weight") {
			t = t.squeeze()
		}
	}
	return m.plain(name, bid, t)
}

// stepWindows says which layers see a window only.
func (m *model) stepWindows() []bool {
	types := m.cfg.texts("layer_types")
	out := make([]bool, m.blocks)
	for i := range out {
		out[i] = i < len(types) && types[i] == "sliding_attention"
	}
	for i, share := range m.cfg.numbers("partial_rotary_factors") {
		if i < len(out) && (share == 1) != out[i] || share != 1 && share != 0.5 {
			m.fail("partial_rotary_factors has %v for layer %d: layers with a window rotate whole heads, others half", share, i)
			break
		}
	}
	return out
}

// stepFactors adds what Llama 3 divides frequencies by, for the half of a head that layers without a window rotate; 1
// for the other half, so that layers with a window are as they are.
func (m *model) stepFactors() error {
	dim := m.headDim()
	l, err := m.llama3Numbers(dim/2, dim)
	if l == nil || err != nil {
		return err
	}
	factors := make([]float32, dim/2)
	for i := range factors {
		factors[i] = 1
		if i >= (l.dim+1)/2 {
			continue
		}
		wavelen := 2 * math.Pi / float64(l.frequency(i))
		switch {
		case wavelen < l.context/l.high:
		case wavelen > l.context/l.low:
			factors[i] = float32(l.factor)
		default:
			smooth := (l.context/wavelen - l.low) / (l.high - l.low)
			factors[i] = float32(1 / ((1-smooth)/l.factor + smooth))
		}
	}
	return m.emit("rope_freqs.weight", constant(factors))
}

// stepHeads returns the heads of each layer: of queries, and of keys and values.
func (m *model) stepHeads(windows []bool) (heads, keys []int32) {
	other := m.cfg.object("attention_other_setting")
	pick := func(key string, window bool) int32 {
		if n, ok := other.integer(key); ok && window {
			return int32(n)
		}
		return int32(m.need(key))
	}
	for _, w := range windows {
		heads, keys = append(heads, pick("num_attention_heads", w)), append(keys, pick("num_attention_groups", w))
	}
	return heads, keys
}

func (m *model) stepKeys() {
	m.commonKeys()
	windows := m.stepWindows()
	heads, keys := m.stepHeads(windows)
	m.list("attention.head_count", heads)
	m.list("attention.head_count_kv", keys)
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", windows)
	m.u32("attention.value_length", m.need("head_dim"))
	m.u32("expert_count", m.need("moe_num_experts"))
	m.u32("expert_used_count", m.need("moe_top_k"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	m.u32("expert_shared_feed_forward_length", m.need("share_expert_dim"))
	m.float("expert_weights_scale", "moe_router_scaling_factor")
	m.flag("expert_weights_norm", "norm_expert_weight")
	m.u32("leading_dense_block_count", m.firstOf("moe_layers_enum"))
	m.u32("moe_every_n_layers", m.or(1, "moe_every_n_layer"))
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-5, "rms_norm_eps"))
	m.limits("swiglu_clamp_exp", "swiglu_limits")
	m.limits("swiglu_clamp_shexp", "swiglu_limits_shared")
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
}

// firstOf returns the smallest of the numbers of a text such as "3,4,5", 0 for none.
func (m *model) firstOf(key string) int {
	text := strings.TrimSpace(m.cfg.text(key))
	if text == "" {
		return 0
	}
	first := maxLayers
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			m.fail("%s: %q is no number of a layer", key, part)
		}
		first = min(first, n)
	}
	return max(first, 0)
}

// limits sets a number for each layer at which activations are cut off, 0 where they are not.
func (m *model) limits(name, key string) {
	v := m.cfg[key]
	if v == nil {
		return
	}
	list, ok := v.([]any)
	out := make([]float32, m.blocks)
	for i, v := range list {
		x, isNumber := toFloat(v)
		ok = ok && (isNumber || v == nil)
		if i < len(out) {
			out[i] = float32(x)
		}
	}
	if !ok {
		m.fail("%s is no list of numbers", key)
		return
	}
	m.list(name, out)
}
