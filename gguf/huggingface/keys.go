package huggingface

import (
	"fmt"
	"math"
	"strings"
)

// set sets a key of the file; the first error is kept.
func (m *model) set(name string, value any) {
	if err := m.w.Set(name, value); err != nil && m.err == nil {
		m.err = err
	}
}

// fail keeps an error about a key of config.json.
func (m *model) fail(format string, a ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("config.json: %w: %s", ErrFolder, fmt.Sprintf(format, a...))
	}
}

// u32 sets a key of the architecture to a count.
func (m *model) u32(name string, n int) {
	if n < 0 || int64(n) > math.MaxUint32 {
		m.fail("%s is %d", name, n)
		return
	}
	m.set(m.arch+"."+name, uint32(n))
}

// f32 sets a key of the architecture to a number.
func (m *model) f32(name string, x float64) { m.set(m.arch+"."+name, float32(x)) }

// bool sets a key of the architecture to a bool.
func (m *model) bool(name string, b bool) { m.set(m.arch+"."+name, b) }

// list sets a key of the architecture to a list.
func (m *model) list(name string, v any) { m.set(m.arch+"."+name, v) }

// count sets a key of the architecture to what config.json has under the first of keys that is there; null sets
// nothing. It reports whether it set something.
func (m *model) count(name string, keys ...string) bool {
	v := m.cfg.first(keys...)
	if v == nil {
		return false
	}
	if list, ok := v.([]any); ok {
		m.counts(name, list)
		return true
	}
	n, ok := toInt(v)
	if !ok {
		m.fail("%s is %v, no whole number", strings.Join(keys, " or "), v)
		return false
	}
	m.u32(name, n)
	return true
}

// counts sets a key to a list of counts.
func (m *model) counts(name string, list []any) {
	out := make([]int32, len(list))
	for i, v := range list {
		n, ok := toInt(v)
		if !ok {
			m.fail("%s: %v is no whole number", name, v)
			return
		}
		out[i] = int32(n)
	}
	m.list(name, out)
}

// float is count for a number that need not be whole.
func (m *model) float(name string, keys ...string) bool {
	v := m.cfg.first(keys...)
	if v == nil {
		return false
	}
	x, ok := toFloat(v)
	if !ok {
		m.fail("%s is %v, no number", strings.Join(keys, " or "), v)
		return false
	}
	m.f32(name, x)
	return true
}

// flag is count for a bool.
func (m *model) flag(name, key string) {
	switch b := m.cfg[key].(type) {
	case nil:
	case bool:
		m.bool(name, b)
	default:
		m.fail("%s is %v, neither true nor false", key, b)
	}
}

// need returns a count that config.json must have.
func (m *model) need(keys ...string) int {
	n, ok := m.cfg.integer(keys...)
	if !ok || n < 0 {
		m.fail("there is no %s", strings.Join(keys, " or "))
	}
	return n
}

// needFloat returns a number that config.json must have.
func (m *model) needFloat(keys ...string) float64 {
	x, ok := m.cfg.number(keys...)
	if !ok {
		m.fail("there is no %s", strings.Join(keys, " or "))
	}
	return x
}

// per returns a quotient, 0 and an error for a divisor of 0.
func (m *model) per(a, b int) int {
	if b <= 0 {
		m.fail("a number of heads is %d", b)
		return 0
	}
	return a / b
}

// headDim returns head_dim, or what the width has for each head.
func (m *model) headDim() int {
	if n, ok := m.cfg.integer("head_dim"); ok {
		return n
	}
	return m.per(m.need("hidden_size"), m.need("num_attention_heads"))
}

// global is the part of rope_parameters for layers that see everything.
func (m *model) global() config {
	if full := m.rope.object("full_attention"); full != nil {
		return full
	}
	return m.rope
}

// place is where config.json has what a key of the architecture says: under the first of names that is there.
type place struct {
	key   string
	names []string
}

// What the architectures of decoders have in common, in the order in which the script sets it. An export reads the same
// lists the other way, see exporter.commonConfig.
var (
	sizePlaces = []place{
		{"context_length", []string{"max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"}},
		{"embedding_length", []string{"hidden_size", "n_embd", "dim"}},
		{"feed_forward_length", []string{"prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size", "n_inner", "hidden_dim"}},
		{"attention.head_count", []string{"num_attention_heads", "n_head", "n_heads"}},
		{"attention.head_count_kv", []string{"num_key_value_heads", "n_kv_heads"}},
	}
	normPlaces = []place{
		{"attention.layer_norm_rms_epsilon", []string{"rms_norm_eps", "norm_eps"}},
		{"attention.layer_norm_epsilon", []string{"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"}},
	}
	expertPlaces = []place{
		{"expert_count", []string{"num_local_experts", "num_experts", "n_routed_experts"}},
		{"expert_used_count", []string{"num_experts_per_tok", "num_experts_per_token", "top_k_experts"}},
		{"expert_group_count", []string{"n_group"}},
		{"expert_group_used_count", []string{"topk_group"}},
	}
	qwenExpertPlaces = []place{
		{"expert_feed_forward_length", []string{"moe_intermediate_size"}},
		{"expert_shared_feed_forward_length", []string{"shared_expert_intermediate_size"}},
	}
)

// countAll sets keys to whole numbers.
func (m *model) countAll(places []place) {
	for _, p := range places {
		m.count(p.key, p.names...)
	}
}

// commonKeys sets what the architectures of decoders have in common.
func (m *model) commonKeys() {
	m.u32("block_count", m.blocks)
	m.countAll(sizePlaces)
	if causal, ok := m.cfg["is_causal"].(bool); ok && !causal {
		m.bool("attention.causal", false)
	}
	m.ropeKeys()
	for _, p := range normPlaces {
		m.float(p.key, p.names...)
	}
	m.countAll(expertPlaces)
	m.gating()
	if n, ok := m.cfg.integer("head_dim"); ok {
		m.u32("attention.key_length", n)
		m.u32("attention.value_length", n)
	}
	m.fileType()
}

// gatings are the functions that turn a router's results into weights, as the format numbers them.
var gatings = map[string]uint32{"softmax": 1, "sigmoid": 2, "sqrtsoftplus": 4}

// gating sets the function.
func (m *model) gating() {
	v := m.cfg.first("score_function", "scoring_func", "score_func", "moe_router_activation", "moe_router_activation_func", "expert_selection_fn")
	if v == nil {
		return
	}
	s, _ := v.(string)
	n, ok := gatings[s]
	if !ok {
		m.fail("%v is no function of a router that can be converted", v)
		return
	}
	m.list("expert_gating_func", n)
}

// fileTypes are the numbers of general.file_type.
var fileTypes = map[int]uint32{int(typeF32): 0, int(typeF16): 1, int(typeBF16): 32}

// fileType sets the key.
func (m *model) fileType() {
	n := fileTypes[int(m.typ)]
	if q := m.cfg.object("quantization_config"); q.text("quant_method") == "mxfp4" || q.text("format") == packedMXFP4 {
		n = 38
	}
	m.set("general.file_type", n)
}

// ropeKeys sets how positions are rotated.
func (m *model) ropeKeys() {
	r := m.global()
	factor, scaled := r.number("factor")
	switch r.text("rope_type") {
	case "linear":
		if scaled {
			m.list("rope.scaling.type", "linear")
			m.f32("rope.scaling.factor", factor)
		}
	case "yarn":
		if scaled {
			m.yarnKeys(r, factor)
		}
	case "su", "longrope":
		m.list("rope.scaling.type", "longrope")
	}
	if list := m.rope.numbers("mrope_section"); list != nil {
		sections := make([]int32, 4)
		for i, x := range list[:min(4, len(list))] {
			sections[i] = int32(max(min(x, math.MaxInt32), 0))
		}
		m.list("rope.dimension_sections", sections)
	}
	if theta, ok := r.number("rope_theta"); ok {
		m.f32("rope.freq_base", theta)
	}
	if theta, ok := m.rope.object("sliding_attention").number("rope_theta"); ok {
		m.f32("rope.freq_base_swa", theta)
	}
}

// yarnPlaces are the numbers of YaRN: keys, and their names in config.json.
var yarnPlaces = [][2]string{{"yarn_ext_factor", "extrapolation_factor"}, {"yarn_attn_factor", "attention_factor"},
	{"yarn_beta_fast", "beta_fast"}, {"yarn_beta_slow", "beta_slow"}}

// yarnKeys sets the numbers of YaRN.
func (m *model) yarnKeys(r config, factor float64) {
	m.list("rope.scaling.type", "yarn")
	m.f32("rope.scaling.factor", factor)
	n, ok := r.integer("original_max_position_embeddings")
	if !ok {
		m.fail("rope_parameters have no original_max_position_embeddings")
	}
	m.u32("rope.scaling.original_context_length", n)
	for _, k := range yarnPlaces {
		x, ok := r.number(k[1])
		if !ok && k[1] == "attention_factor" && !hasKey(r, k[1]) {
			x, ok = r.number("attn_factor")
		}
		if ok {
			m.f32("rope.scaling."+k[0], x)
		}
	}
}

// hasKey reports whether a key is there, null or not.
func hasKey(c config, key string) bool {
	_, ok := c[key]
	return ok
}

// decoderKeys sets what every decoder has that does not go by commonKeys, all of it needed, in the order of Gemma's.
func (m *model) decoderKeys() {
	m.u32("context_length", m.need("max_position_embeddings"))
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("block_count", m.blocks)
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.u32("attention.head_count_kv", m.need("num_key_value_heads"))
	m.f32("attention.layer_norm_rms_epsilon", m.needFloat("rms_norm_eps"))
}
