package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Exports of newer decoders.

var (
	_ = invert("gemma3n", inverse{class: "Gemma3nForCausalLM", modelType: "gemma3n_text",
		restore: (*exporter).gemma3n, config: (*exporter).gemma3nConfig,
		implied: []string{"feed_forward_length"},
		says: []string{"feed_forward_length intermediate_size", "altup.active_idx altup_active_idx",
			"altup.num_inputs altup_num_inputs", "embedding_length_per_layer_input hidden_size_per_layer_input",
			"attention.shared_kv_layers num_kv_shared_layers"}})
	_ = invert("llama4", inverse{class: "Llama4ForCausalLM", modelType: "llama4_text", restore: (*exporter).llama4,
		config:  (*exporter).llama4Config,
		implied: []string{"feed_forward_length"},
		says: []string{"feed_forward_length intermediate_size_mlp", "expert_feed_forward_length intermediate_size",
			"interleave_moe_layer_step interleave_moe_layer_step"}})
	_ = invert("gemma-embedding", inverse{class: "Gemma3TextModel", modelType: "gemma3_text",
		restore: (*exporter).gemma, config: (*exporter).embeddingGemma,
		names: map[string]string{"blk.#.post_attention_norm": "layers.#.post_attention_layernorm",
			"blk.#.ffn_norm":      "layers.#.pre_feedforward_layernorm",
			"blk.#.post_ffw_norm": "layers.#.post_feedforward_layernorm"}})
	_ = invert("mistral3", inverse{class: "Ministral3ForCausalLM", modelType: "ministral3",
		fits: (*exporter).scalesByPosition, restore: (*exporter).llama,
		config: (*exporter).ministral})
	_ = invert("cohere2moe", inverse{class: "Cohere2MoeForCausalLM", modelType: "cohere2_moe",
		config:  (*exporter).cohere2MoE,
		implied: []string{"feed_forward_length"},
		fixed:   map[string]any{"shared_expert_combination_strategy": "average", "expert_selection_fn": "softmax"},
		says: []string{"feed_forward_length prefix_dense_intermediate_size",
			"expert_feed_forward_length intermediate_size", "expert_shared_count num_shared_experts",
			"expert_weights_norm norm_topk_prob", "leading_dense_block_count first_k_dense_replace",
			"nextn_predict_layers num_nextn_predict_layers"}})
	_ = invert("hy_v3", inverse{class: "HYV3ForCausalLM", modelType: "hy_v3", config: (*exporter).hyV3,
		says: []string{"expert_feed_forward_length moe_intermediate_size", "expert_weights_norm route_norm",
			"expert_weights_scale router_scaling_factor", "nextn_predict_layers num_nextn_predict_layers"}})
	_ = invert("exaone-moe", inverse{class: "ExaoneMoeForCausalLM", modelType: "exaone_moe",
		restore: (*exporter).exaoneMoE, config: (*exporter).exaoneMoEConfig,
		says: append([]string{"expert_shared_count num_shared_experts"}, sparsePlaces...)})
	_ = invert("mellum", inverse{class: "MellumForCausalLM", modelType: "mellum", config: (*exporter).mellum,
		says: []string{"expert_feed_forward_length moe_intermediate_size"}})
	_ = invert("afmoe", inverse{class: "AfmoeForCausalLM", modelType: "afmoe", restore: (*exporter).withoutFactors,
		config: (*exporter).afmoe,
		says: []string{"expert_shared_count num_shared_experts", "expert_feed_forward_length moe_intermediate_size",
			"leading_dense_block_count num_dense_layers", "expert_weights_norm route_norm",
			"expert_weights_scale route_scale"}})
	_ = invert("granite_swa",
		inverse{class: "GraniteMoeSWAForCausalLM", modelType: "granitemoe_swa", fits: (*exporter).hasExperts,
			names:   map[string]string{"blk.#.ffn_gate_inp": "model.layers.#.block_sparse_moe.router"},
			restore: (*exporter).graniteSWA,
			config:  (*exporter).graniteSWAConfig,
			says:    []string{"expert_shared_feed_forward_length shared_intermediate_size"}},
		inverse{class: "GraniteSWAForCausalLM", modelType: "granite_swa", restore: (*exporter).graniteSWA,
			config: (*exporter).graniteSWAConfig})
	_ = invert("deepseek32", inverse{class: "DeepseekV32ForCausalLM", modelType: "deepseek_v32",
		restore: (*exporter).latent, config: (*exporter).indexed,
		implied: []string{"attention.head_count_kv"}, says: append(indexerPlaces, sparsePlaces...)})
	_ = invert("glm-dsa", inverse{class: "GlmMoeDsaForCausalLM", modelType: "glm_moe_dsa",
		restore: (*exporter).latent, config: (*exporter).indexed,
		implied: []string{"attention.head_count_kv"}, says: append(indexerPlaces, sparsePlaces...)})
	_ = invert("minicpm3", inverse{class: "MiniCPM3ForCausalLM", modelType: "minicpm3", restore: (*exporter).phi3,
		config: (*exporter).miniCPM3})
	_ = invert("smallthinker", inverse{class: "SmallThinkerForCausalLM", modelType: "smallthinker",
		config:  (*exporter).smallThinker,
		implied: []string{"expert_count", "expert_used_count", "feed_forward_length"},
		says: []string{"expert_count moe_num_primary_experts", "expert_used_count moe_num_active_primary_experts",
			"expert_feed_forward_length moe_ffn_hidden_size", "attention.sliding_window sliding_window_size"}})
)

var indexerPlaces = []string{"attention.indexer.head_count index_n_heads",
	"attention.indexer.key_length index_head_dim", "attention.indexer.top_k index_topk"}

// gemma3n gives back a tensor; the projections of three streams stand alone.
func (x *exporter) gemma3n(name string, t tensor) error {
	part, _ := strings.CutSuffix(name, ".weight")
	to := map[string]string{"altup_proj": "altup_projections", "altup_unembd_proj": "altup_unembed_projections"}[part]
	switch {
	case to != "" && t.dims(3):
		for i := range t.shape[0] {
			x.emit(fmt.Sprintf("model.%s.%d.weight", to, i), t.rows(i, i+1).reshape(t.shape[1:]...))
		}
		return nil
	case strings.HasSuffix(part, ".altup_correct_scale"):
		return x.emitAs(name, func(s string) string { return strings.TrimSuffix(s, ".weight") }, t)
	}
	return x.plain(name, t)
}

func (x *exporter) gemma3nConfig() {
	x.gemma3()
	delete(x.cfg, "query_pre_attn_scalar")
	x.layerTypes()
	x.cfg["vocab_size_per_layer_input"] = x.rowsOf("per_layer_token_embd.weight")
	x.cfg["laurel_rank"] = x.rowsOf("blk.0.laurel_l.weight")
	scales, err := x.f.Floats(x.arch + ".activation_sparsity_scale")
	if err != nil {
		x.fail("activation_sparsity_scale", ErrUnsupported, "%v", err)
	}
	shares := make([]any, len(scales))
	for i, s := range scales {
		shares[i] = product(0.5, 1+math.Erf(float64(s)/math.Sqrt2))
	}
	x.cfg["activation_sparsity_pattern"] = shares
}

func (x *exporter) embeddingGemma() {
	x.gemma3()
	heads := x.cfg["num_key_value_heads"]
	x.encoder()
	x.cfg["num_key_value_heads"] = heads
}

// llama4 gives back a tensor; matrices of experts stand together and transposed.
func (x *exporter) llama4(name string, t tensor) error {
	layer, part := layerOf(name)
	to := fmt.Sprintf("model.layers.%d.feed_forward.experts.", block(name))
	switch part {
	case "ffn_gate_exps.weight":
		both, err := x.gateUps(layer, t)
		if err == nil {
			x.emit(to+"gate_up_proj", both.transpose())
		}
		return err
	case "ffn_up_exps.weight":
		return nil // with the gates
	case "ffn_down_exps.weight":
		if !t.dims(3) {
			return fmt.Errorf("%w: shape %v is none of experts' matrices", ErrFile, t.shape)
		}
		x.emit(to+"down_proj", t.transpose())
		return nil
	}
	return x.withoutFactors(name, t)
}

func (x *exporter) llama4Config() {
	kind := "chunked_attention"
	if n, ok := x.uint("attention.sliding_window"); ok && n == 0 {
		kind = "full_attention"
	}
	types, rotates := make([]string, x.layers), make([]int, x.layers)
	for i := range types {
		if types[i], rotates[i] = kind, 1; i%4 == 3 {
			types[i], rotates[i] = "full_attention", 0
		}
	}
	x.cfg["layer_types"], x.cfg["no_rope_layers"] = types, rotates
	x.cfg["use_qk_norm"] = x.need("expert_count") != 128 // Maverick's experts
}

// scalesByPosition reports whether queries grow with their positions, as in Mistral's third generation.
func (x *exporter) scalesByPosition() bool { return x.f.Has(x.arch + ".attention.temperature_scale") }

func (x *exporter) ministral() {
	r, ok := x.cfg["rope_scaling"].(map[string]any)
	beta, okBeta := x.float("attention.temperature_scale")
	all, okAll := x.float("rope.scaling.yarn_log_multiplier")
	if !ok || !okBeta || !okAll {
		x.fail("rope.scaling.type", ErrUnsupported, "a %s has YaRN with a multiplier of its logarithm", x.class)
		return
	}
	r["rope_theta"], r["llama_4_scaling_beta"], r["mscale"], r["mscale_all_dim"] = x.cfg["rope_theta"], number(beta),
		number(1), number(all)
	x.cfg["rope_parameters"] = r
	delete(x.cfg, "rope_scaling")
}

func (x *exporter) cohere2MoE() {
	x.commandR()
	x.layerTypes()
	x.cfg["num_hidden_layers"] = x.mainLayers()
	x.sparseLayers()
}

func (x *exporter) hyV3() {
	x.cfg["num_hidden_layers"] = x.mainLayers()
	if one, all := x.need("expert_feed_forward_length"), x.need("expert_shared_feed_forward_length"); one > 0 {
		x.cfg["num_shared_experts"] = all / one
	}
	types := make([]string, x.mainLayers())
	for i := range types {
		if types[i] = "sparse"; !x.has(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)) {
			types[i] = "dense"
		}
	}
	x.cfg["mlp_layer_types"] = types
}

// exaoneMoE gives back a tensor; layers that predict a token further on stand apart, and share what they have of their
// own.
func (x *exporter) exaoneMoE(name string, t tensor) error {
	main := x.mainLayers()
	if n := block(name); n < main || !strings.HasPrefix(name, "blk.") {
		return x.withoutFactors(name, t)
	}
	_, part := layerOf(name)
	if own := nextnModules[part]; own != "" {
		if block(name) == main {
			x.emit(own, t)
		}
		return nil
	}
	from, to := fmt.Sprintf("model.layers.%d.", block(name)), fmt.Sprintf("mtp.layers.%d.", block(name)-main)
	at := len(x.out)
	err := x.plain(name, t)
	for i := range x.out[at:] {
		x.out[at+i].name = strings.Replace(x.out[at+i].name, from, to, 1)
	}
	return err
}

func (x *exporter) exaoneMoEConfig() {
	x.layerTypes()
	x.cfg["num_hidden_layers"] = x.mainLayers()
	if types, ok := x.cfg["layer_types"].([]string); ok {
		x.cfg["layer_types"] = types[:min(len(types), x.mainLayers())]
	}
	x.sparseLayers()
}

func (x *exporter) mellum() {
	x.layerTypes()
	x.cfg["mlp_layer_types"] = slices.Repeat([]string{"sparse"}, x.layers)
	x.cfg["norm_topk_prob"] = true
	x.twoRotations()
}

// twoRotations says the bases of rotation of layers that see everything and of those with a window.
func (x *exporter) twoRotations() {
	local, ok := x.float("rope.freq_base_swa")
	if !ok {
		return
	}
	full := map[string]any{"rope_type": "default", "rope_theta": x.cfg["rope_theta"]}
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok {
		r["rope_theta"] = x.cfg["rope_theta"]
		full = r
	}
	x.cfg["rope_parameters"] = map[string]any{"full_attention": full,
		"sliding_attention": map[string]any{"rope_type": "default", "rope_theta": number(local)}}
	delete(x.cfg, "rope_scaling")
	delete(x.cfg, "rope_theta")
}

func (x *exporter) afmoe() {
	x.window()
	x.scoring()
	x.cfg["score_func"] = x.cfg["scoring_func"]
	delete(x.cfg, "scoring_func")
	types := make([]string, x.layers)
	for i := range types {
		if types[i] = "sliding_attention"; i%4 == 3 {
			types[i] = "full_attention"
		}
	}
	x.cfg["layer_types"], x.cfg["global_attn_every_n_layers"], x.cfg["mup_enabled"] = types, 4, true
}

// graniteSWA gives back a tensor; the matrices of experts stand as they are.
func (x *exporter) graniteSWA(name string, t tensor) error {
	_, part := layerOf(name)
	if to := map[string]string{"ffn_gate_up_exps.weight": "block_sparse_moe.experts.gate_up_proj",
		"ffn_down_exps.weight": "block_sparse_moe.experts.down_proj",
		"ffn_up_shexp.weight":  "shared_mlp.input_linear.weight"}[part]; to != "" {
		x.emit(fmt.Sprintf("model.layers.%d.%s", block(name), to), t)
		return nil
	}
	return x.llama(name, t)
}

func (x *exporter) graniteSWAConfig() {
	x.granite()
	x.layerTypes()
	if list, err := x.f.Bools(x.arch + ".attention.rope_pattern"); err == nil {
		rotates := make([]int, len(list))
		for i, b := range list {
			rotates[i] = int(number01(b))
		}
		x.cfg["no_rope_layers"] = rotates
	}
}

func (x *exporter) indexed() {
	x.deepSeek()
	x.sparseLayers()
	x.ownIndexers()
}

// ownIndexers adds which layers have an indexer of their own.
func (x *exporter) ownIndexers() {
	list, err := x.f.Bools(x.arch + ".attention.indexer.types")
	if err != nil {
		return
	}
	types := make([]string, min(len(list), x.mainLayers()))
	for i := range types {
		if types[i] = "shared"; list[i] {
			types[i] = "full"
		}
	}
	x.cfg["indexer_types"] = types
}

// gateUps are gates and up-projections of all experts of a layer, matrix by matrix, of the former.
func (x *exporter) gateUps(layer string, gates tensor) (tensor, error) {
	up, err := x.other(layer + "ffn_up_exps.weight")
	if err != nil {
		return gates, err
	}
	if !gates.dims(3) || !slices.Equal(gates.shape, up.shape) {
		return gates, fmt.Errorf("%w: shapes %v and %v", ErrFile, gates.shape, up.shape)
	}
	return gates.beside(up).reshape(gates.shape[0], 2*gates.shape[1], gates.shape[2]), nil
}

// miniCPM3 adds the sizes of latent attention, and the multipliers that the architecture has as constants.
func (x *exporter) miniCPM3() {
	x.longRope()
	keys, rope, heads := x.need("attention.key_length"), x.need("rope.dimension_count"), x.need("attention.head_count")
	x.say([]string{"attention.kv_lora_rank kv_lora_rank", "attention.q_lora_rank q_lora_rank"})
	x.cfg["qk_rope_head_dim"], x.cfg["qk_nope_head_dim"] = rope, keys-min(rope, keys)
	x.cfg["v_head_dim"], x.cfg["head_dim"] = x.need("embedding_length")/max(heads, 1), rope
	x.cfg["scale_emb"], x.cfg["scale_depth"], x.cfg["dim_model_base"] = 12, number(1.4), 256
}

func (x *exporter) smallThinker() {
	x.scoring()
	x.cfg["moe_primary_router_apply_softmax"] = x.cfg["scoring_func"] == "softmax"
	delete(x.cfg, "scoring_func")
	windows := make([]int, x.layers)
	if n, ok := x.uint("attention.sliding_window"); ok && n > 0 {
		for i := range windows {
			windows[i] = int(number01(i%4 != 0 || len(windows) == 1))
		}
	}
	x.cfg["sliding_window_layout"] = windows
}
