package huggingface

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Exports of decoders of 2026 with layers that see a window only.

var (
	_ = invert("step35", inverse{class: "Step3p5ForCausalLM", modelType: "step3p5", restore: (*exporter).step,
		config:  (*exporter).stepConfig,
		implied: []string{"attention.head_count", "attention.head_count_kv", "expert_count", "expert_used_count"},
		says: []string{"expert_count moe_num_experts", "expert_used_count moe_top_k",
			"expert_feed_forward_length moe_intermediate_size", "expert_shared_feed_forward_length share_expert_dim",
			"expert_weights_scale moe_router_scaling_factor", "expert_weights_norm norm_expert_weight",
			"moe_every_n_layers moe_every_n_layer", "nextn_predict_layers num_nextn_predict_layers"}})
	_ = invert("laguna", inverse{class: "LagunaForCausalLM", modelType: "laguna", names: qwenShared,
		restore: (*exporter).laguna, config: (*exporter).lagunaConfig, vocab: (*exporter).lagunaEnds,
		implied: []string{"attention.head_count"},
		says: []string{"expert_feed_forward_length moe_intermediate_size",
			"expert_shared_feed_forward_length shared_expert_intermediate_size",
			"expert_weights_scale moe_routed_scaling_factor"}})
	_ = invert("muse-glimmer", inverse{class: "MuseGlimmerForConditionalGeneration", modelType: "muse_glimmer_text",
		within:  seeing{"muse_glimmer", "model.", "model.language_model."},
		restore: (*exporter).museGlimmer, config: (*exporter).museGlimmerConfig,
		says: []string{"final_logit_softcapping final_logit_softcapping", "logit_scale output_multiplier"}})
	_ = invert("spark2_5", inverse{class: "Spark2_5ForCausalLM", modelType: "spark", config: (*exporter).spark,
		fixed: map[string]any{"gate_attn_act_mode": "sigmoid", "headwise_attn_output_gate": true, "hidden_act": "gelu"}})
)

// step gives back a tensor; norms are stored as the difference from 1.
func (x *exporter) step(name string, t tensor) error {
	if name == "rope_freqs.weight" {
		return nil // numbers of config.json
	}
	if strings.HasSuffix(name, "norm.weight") {
		t = t.minusOne()
	}
	return x.emitAs(name, func(s string) string {
		s = strings.Replace(s, ".shared_head.head.", ".shared_head.output.", 1)
		s = strings.Replace(s, ".shared_head.", ".transformer.shared_head.", 1)
		return strings.TrimSuffix(s, ".bias")
	}, t)
}

// stepConfig says of each layer what it has of its own: heads, a window, a base of rotation, experts, limits.
func (x *exporter) stepConfig() {
	x.layerTypes()
	x.scoring()
	x.cfg["moe_router_activation"] = x.cfg["scoring_func"]
	delete(x.cfg, "scoring_func")
	x.cfg["num_hidden_layers"] = x.mainLayers()
	types, ok := x.cfg["layer_types"].([]string)
	if !ok || len(types) != x.layers {
		x.fail("attention.sliding_window_pattern", ErrUnsupported, "a %s has a list of as many as layers", x.class)
		return
	}
	heads, keys := x.each("attention.head_count"), x.each("attention.head_count_kv")
	window := object{"attention_type": "sliding_attention", "head_dim": x.cfg["head_dim"]}
	shares, bases := make([]any, len(types)), make([]any, len(types))
	local, hasLocal := x.float("rope.freq_base_swa")
	var sparse []string
	for i, kind := range types {
		sizes := x.cfg
		if shares[i], bases[i] = number(0.5), x.cfg["rope_theta"]; kind == "sliding_attention" {
			sizes, shares[i], bases[i] = window, number(1), number(local)
		}
		sizes["num_attention_heads"], sizes["num_attention_groups"] = heads[i], keys[i]
		if x.has(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)) {
			sparse = append(sparse, strconv.Itoa(i))
		}
	}
	if hasLocal {
		if x.cfg["rope_theta"] = bases; len(types) < 2 || types[0] == types[1] || types[1] != "sliding_attention" {
			x.fail("attention.sliding_window_pattern", ErrUnsupported,
				"the first two layers of a %s tell its two bases of rotation", x.class)
		}
	}
	x.cfg["num_key_value_heads"] = x.cfg["num_attention_groups"]
	x.cfg["attention_other_setting"], x.cfg["partial_rotary_factors"] = window, shares
	x.cfg["moe_layers_enum"], x.cfg["yarn_only_types"] = strings.Join(sparse, ","), []string{"full_attention"}
	x.limits("swiglu_clamp_exp", "swiglu_limits")
	x.limits("swiglu_clamp_shexp", "swiglu_limits_shared")
}

// limits adds at which number activations of each layer are cut off, null where they are not.
func (x *exporter) limits(key, name string) {
	list, err := x.f.Floats(x.arch + "." + key)
	if err != nil {
		return
	}
	out := make([]any, len(list))
	for i, v := range list {
		if v != 0 {
			out[i] = number(float64(v))
		}
	}
	x.cfg[name] = out
}

// laguna gives back a tensor; what is added to the weights of experts stands among these.
func (x *exporter) laguna(name string, t tensor) error {
	if strings.HasSuffix(name, ".exp_probs_b.bias") {
		return x.emitAs(name, func(s string) string { return s }, t)
	}
	return x.plain(name, t)
}

func (x *exporter) lagunaConfig() {
	x.layerTypes()
	heads := x.each("attention.head_count")
	if len(heads) == 0 || x.err != nil {
		return
	}
	x.cfg["num_attention_heads"], x.cfg["num_attention_heads_per_layer"] = heads[0], heads
	x.lagunaGates(heads)
	if _, ok := x.cfg["layer_types"]; !ok { // the architecture has a window in all layers but every fourth
		types := slices.Repeat([]string{"full_attention"}, x.layers)
		for i := range types {
			if x.cfg["sliding_window"] != nil && i%4 != 0 {
				types[i] = "sliding_attention"
			}
		}
		x.cfg["layer_types"] = types
	}
	x.sparseLayers()
	x.twoShares()
}

// lagunaGates says whether gates have a value for each head or for each of its elements.
func (x *exporter) lagunaGates(heads []int64) {
	var kinds []string
	for i := range heads {
		rows := x.rowsOf(fmt.Sprintf("blk.%d.attn_gate.weight", i))
		kinds = append(kinds, "per-head")
		if rows != uint64(heads[i]) {
			kinds[i] = "per-element"
		}
	}
	x.cfg["gating"] = true
	if slices.Contains(kinds, "per-element") {
		x.cfg["gating"] = "per-element"
	}
	if slices.Contains(kinds, "per-head") && slices.Contains(kinds, "per-element") {
		x.cfg["gating_types"] = kinds
	}
}

// twoShares says the bases of rotation of layers that see everything and of those with a window, and what share of a
// head each rotates.
func (x *exporter) twoShares() {
	x.twoRotations()
	r, ok := x.cfg["rope_parameters"].(map[string]any)
	if !ok {
		x.fail("rope.freq_base_swa", ErrUnsupported, "a %s has one", x.class)
		return
	}
	dim := x.need("attention.key_length")
	for name, key := range map[string]string{"full_attention": "rope.dimension_count",
		"sliding_attention": "rope.dimension_count_swa"} {
		n, ok := x.uint(key)
		if !ok {
			n = dim
		}
		r[name].(map[string]any)["partial_rotary_factor"] = number(float64(n) / float64(max(dim, 1)))
	}
}

// lagunaEnds says the token that ends an answer beside the one that ends a text.
func (x *exporter) lagunaEnds(*fileVocab) error {
	if end, err := x.f.Uint("tokenizer.ggml.eot_token_id"); err == nil {
		x.cfg["eos_token_id"] = []any{x.cfg["eos_token_id"], end}
		if x.cfg["bos_token_id"] != nil {
			x.cfg["eos_token_id"] = []any{x.cfg["bos_token_id"], end}
		}
	}
	return nil
}

// museGlimmer gives back a tensor. The norms of queries and keys are a number of config.json.
func (x *exporter) museGlimmer(name string, t tensor) error {
	_, part := layerOf(name)
	switch {
	case part == "attn_q_norm.weight", part == "attn_k_norm.weight":
		return nil
	case part != name && strings.HasSuffix(part, "norm.weight"):
		t = t.minusOne()
	}
	return x.llama(name, t)
}

func (x *exporter) museGlimmerConfig() {
	x.layerTypes()
	var scale float32
	for i := range x.layers {
		for j, part := range []string{"q", "k"} {
			list, err := x.floats(fmt.Sprintf("blk.%d.attn_%s_norm.weight", i, part))
			if err != nil || len(list) == 0 {
				x.fail("attention.head_count", ErrFile, "layer %d has no norms of queries and keys", i)
				return
			}
			if i == 0 && j == 0 {
				scale = list[0]
			}
			want := [2]float32{scale, 1}[j]
			if slices.ContainsFunc(list, func(v float32) bool { return v != want }) {
				x.err = fmt.Errorf("tensor %q: %w: norms of queries have one number for all, those of keys 1",
					fmt.Sprintf("blk.%d.attn_%s_norm.weight", i, part), ErrUnsupported)
				return
			}
		}
	}
	x.cfg["qk_scale_factor"] = number(float64(scale))
	if types, ok := x.cfg["layer_types"].([]string); ok { // layers that see everything do not rotate
		bases := make([]any, len(types))
		for i, kind := range types {
			if bases[i] = 0; kind == "sliding_attention" {
				bases[i] = x.cfg["rope_theta"]
			}
		}
		x.cfg["layer_rope_theta"] = bases
	}
}

func (x *exporter) spark() {
	x.layerTypes()
	x.twoShares()
}
