package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Exports of mixtures of experts of 2026 in which few layers attend, and the others have Kimi Delta Attention.

var (
	_ = invert("kimi-k3", inverse{class: "KimiK3ForConditionalGeneration", modelType: "kimi_linear",
		within:  seeing{"kimi_k3", "", "language_model."},
		restore: (*exporter).kimiK3, config: (*exporter).kimiK3Config,
		implied: []string{"attention.head_count_kv", "expert_used_count"},
		fixed:   map[string]any{"mla_use_nope": true, "pad_token_id": nil},
		says: append([]string{"expert_shared_count num_shared_experts", "expert_used_count num_experts_per_token",
			"context_length model_max_length", "expert_latent_length routed_expert_hidden_size",
			"expert_weights_norm moe_renormalize", "activation.situ_beta activation_situ_beta",
			"activation.situ_linear_beta activation_situ_linear_beta", "attn_res.block_size attn_res_block_size"},
			sparsePlaces...)})
	_ = invert("bailingmoe3", inverse{class: "BailingMoeV3ForCausalLM", modelType: "bailing_hybrid",
		names:   map[string]string{"blk.#.attn_gate": "model.layers.#.attention.g_proj"},
		restore: (*exporter).bailing3, config: (*exporter).bailing3Config,
		implied: []string{"attention.head_count_kv"}, adapted: imagePlaces,
		known: usualNames,
		fixed: map[string]any{"no_kda_lora": true, "kda_safe_gate": true,
			"gated_attention_proj_granularity_type": "head_wise"},
		says: append([]string{"ssm.conv_kernel short_conv_kernel_size", "kda.head_dim head_dim",
			"kda.gate_lower_bound kda_lower_bound", "expert_shared_count num_shared_experts",
			"expert_shared_feed_forward_length moe_shared_expert_intermediate_size"}, sparsePlaces...)})
)

// kimiK3 gives back a tensor. What scores earlier layers, a norm's weights times a row, is given to the former.
func (x *exporter) kimiK3(name string, t tensor) error {
	layer, part := layerOf(name)
	for _, r := range residualScores {
		if part == r[1]+".weight" {
			to := "model." + strings.Replace(layer, "blk.", "layers.", 1) + r[0]
			n := elements(t.shape)
			x.precise[to+"_norm.weight"] = true
			x.emit(to+"_norm.weight", t.reshape(n))
			x.emit(to+"_proj.weight", constant(slices.Repeat([]float32{1}, min(n, 1<<20))).reshape(1, n))
			return nil
		}
	}
	switch part {
	case "attn_gate.weight", "ssm_g.weight":
		x.emit("model."+strings.Replace(layer, "blk.", "layers.", 1)+"self_attn.g_proj.weight", t)
		return nil
	case "ssm_a":
		return x.plain(name, t.reshape(elements(t.shape)).logOfNegative())
	}
	return x.kimi(name, t)
}

func (x *exporter) kimiK3Config() {
	x.kimiConfig()
	x.cfg["hidden_act"] = "situ"
	if linear, ok := x.cfg["linear_attn_config"].(map[string]any); ok {
		if v, ok := x.float("kda.gate_lower_bound"); ok {
			linear["gate_lower_bound"] = number(v)
		}
	}
}

// bailing3 gives back a tensor of a layer that attends or has Kimi Delta Attention.
func (x *exporter) bailing3(name string, t tensor) error {
	layer, part := layerOf(name)
	to := "model." + strings.Replace(layer, "blk.", "layers.", 1) + "attention."
	attends := x.has(layer + "attn_kv_a_mqa.weight")
	switch {
	case part == "ssm_f_a.weight":
		x.emit(to+"f_proj.weight", t)
		return nil
	case part == "ssm_g_a.weight":
		x.emit(to+"g_proj.weight", t)
		return nil
	case part == "attn_output.weight" && attends:
		x.emit(to+"dense.weight", t)
		return nil
	case part == "ssm_a":
		log := func(v float32) float32 { return float32(math.Log(float64(v))) }
		return x.plain(name, t.reshape(elements(t.shape)).apply(log))
	}
	at := len(x.out)
	err := x.kimi(name, t)
	for i := range x.out[at:] {
		x.out[at+i].name = strings.Replace(x.out[at+i].name, ".self_attn.kv_b_proj.", ".attention.kv_b_proj.", 1)
	}
	return err
}

// bailing3Config says which layers attend by the size of groups, of which the last does.
func (x *exporter) bailing3Config() {
	dim := x.cfg["head_dim"]
	x.latentSizes()
	x.cfg["head_dim"] = dim
	x.scoring()
	x.cfg["score_function"], x.cfg["num_hidden_layers"] = x.cfg["scoring_func"], x.mainLayers()
	delete(x.cfg, "scoring_func")
	first, _ := x.every(func(i int) bool { return x.has(fmt.Sprintf("blk.%d.attn_kv_a_mqa.weight", i)) })
	x.cfg["layer_group_size"] = first + 1
	x.limits("swiglu_clamp_exp", "expert_swiglu_limit_list")
	x.limits("swiglu_clamp_shexp", "share_expert_swiglu_limit_list")
}
