package huggingface

import (
	"fmt"
	"strconv"
	"strings"
)

var _ = register(family{
	arch:   "mimo2",
	names:  mimoNames,
	init:   (*model).mimoInit,
	filter: mimoFilter,
	modify: projections("n_routed_experts"),
	keys:   (*model).mimoKeys,
}, "MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM")

var mimoNames = withNextn(map[string]string{
	"model.layers.#.self_attn.attention_sink_bias": "blk.#.attn_sinks",
	"model.layers.#.self_attn.qkv_proj":            "blk.#.attn_qkv",
	"model.layers.#.pre_mlp_layernorm":             "blk.#.ffn_norm",
	"model.layers.#.final_layernorm":               "blk.#.layer_output_norm",
})

// mimoNextn is how many layers predict a token further on. All models have as many, and config.json does not tell.
const mimoNextn = 3

// mimoInit counts those layers too, and refuses what the architecture has no words for.
func (m *model) mimoInit() error {
	m.blocks += mimoNextn
	for _, k := range []string{"head_dim", "num_attention_heads", "v_head_dim"} {
		if n := m.need("swa_" + k); n != m.need(k) {
			m.fail("swa_%s is %d, %s %d", k, n, k, m.need(k))
		}
	}
	if s := m.cfg.text("topk_method"); s != "noaux_tc" {
		m.fail("topk_method is %q, only noaux_tc can be converted", s)
	}
	return m.err
}

// mimoFilter gives the layers that predict a token further on their places behind the others.
func mimoFilter(m *model, name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "model.mtp.layers."); ok {
		number, part, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < mimoNextn {
			name = fmt.Sprintf("model.layers.%d.%s", m.blocks-mimoNextn+n, part)
		}
	}
	if strings.Contains(name, "attention_sink") && !strings.HasSuffix(name, ".weight") {
		name += ".weight"
	}
	return name, true
}

// mimoWindows says which layers see a window only: 1 for one that does. Those that predict a token further on do.
func (m *model) mimoWindows() []int32 {
	out := int32s(m.cfg.wholes("hybrid_layer_pattern"))
	if len(out) != m.blocks-mimoNextn {
		m.fail("hybrid_layer_pattern has %d of %d numbers", len(out), m.blocks-mimoNextn)
	}
	for range mimoNextn {
		out = append(out, 1)
	}
	return out
}

func (m *model) mimoKeys() {
	m.commonKeys()
	windows := m.mimoWindows()
	heads := make([]int32, len(windows))
	for i, w := range windows {
		heads[i] = int32(m.need("num_key_value_heads"))
		if w == 1 {
			heads[i] = int32(m.need("swa_num_key_value_heads"))
		}
	}
	m.list("attention.head_count_kv", heads)
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", windows)
	m.u32("attention.value_length", m.need("v_head_dim"))
	m.u32("expert_count", m.need("n_routed_experts"))
	m.u32("expert_feed_forward_length", m.need("moe_intermediate_size"))
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		m.fail("there is no partial_rotary_factor")
	}
	m.u32("rope.dimension_count", int(float64(m.need("head_dim"))*share))
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-5, "layernorm_epsilon"))
	m.float("attention.value_scale", "attention_value_scale")
	m.u32("nextn_predict_layers", mimoNextn)
}
