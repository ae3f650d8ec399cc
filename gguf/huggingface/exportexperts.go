package huggingface

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Exports of mixtures of experts.

var (
	_ = invert("glm4moe", inverse{class: "SolarOpenForCausalLM", modelType: "solar_open", fits: (*exporter).isSolar,
		implied: []string{"feed_forward_length"},
		says:    append([]string{"feed_forward_length intermediate_size"}, sparsePlaces...),
		config:  (*exporter).glmMoE}, inverse{class: "Glm4MoeForCausalLM", modelType: "glm4_moe",
		says: sparsePlaces, config: (*exporter).glmMoE})
	_ = invert("dots1", inverse{class: "Dots1ForCausalLM", modelType: "dots1", says: sparsePlaces})
	_ = invert("minimax-m2", inverse{class: "MiniMaxM2ForCausalLM", modelType: "minimax_m2",
		fixed: map[string]any{"use_qk_norm": true},
		says:  []string{"rope.dimension_count rotary_dim"}, config: (*exporter).scoring})
	_ = invert("gpt-oss", inverse{class: "GptOssForCausalLM", modelType: "gpt_oss", restore: (*exporter).gptOSS,
		config: (*exporter).gptOSSConfig,
		fixed:  map[string]any{"attention_bias": true, "swiglu_limit": number(7)}})
	_ = invert("phimoe", inverse{class: "PhiMoEForCausalLM", modelType: "phimoe", restore: (*exporter).phi3,
		config: (*exporter).phiMoE})
	_ = invert("ernie4_5-moe", inverse{class: "Ernie4_5_MoeForCausalLM", modelType: "ernie4_5_moe",
		restore: (*exporter).ernieMoE, config: (*exporter).ernieMoEConfig,
		implied: []string{"expert_count", "expert_used_count"},
		says: []string{"expert_count moe_num_experts", "expert_used_count moe_k",
			"interleave_moe_layer_step moe_layer_interval", "leading_dense_block_count moe_layer_start_index",
			"expert_feed_forward_length moe_intermediate_size", "expert_shared_count moe_num_shared_experts"}})
	_ = invert("bailingmoe2", inverse{class: "BailingMoeV2ForCausalLM", modelType: "bailing_moe",
		config: (*exporter).bailing2,
		says: append([]string{"expert_shared_count num_shared_experts",
			"expert_shared_feed_forward_length moe_shared_expert_intermediate_size"}, sparsePlaces...)})
	_ = invert("bailingmoe", inverse{class: "BailingMoeForCausalLM", modelType: "bailing_moe",
		restore: (*exporter).bailing,
		fixed:   map[string]any{"norm_head": false},
		says:    append([]string{"expert_shared_count num_shared_experts"}, sparsePlaces...)})
	_ = invert("deepseek", inverse{class: "DeepseekForCausalLM", modelType: "deepseek", restore: (*exporter).llama,
		says:    sparsePlaces,
		implied: []string{"expert_count"}, config: (*exporter).deepSeek1})
	_ = invert("hunyuan-moe", inverse{class: "HunYuanMoEV1ForCausalLM", modelType: "hunyuan_v1_moe",
		config:  (*exporter).hunyuanMoE,
		implied: []string{"expert_used_count"}, adapted: hunyuanScaling, fixed: map[string]any{"use_qk_norm": true}})
	_ = invert("hunyuan-dense", inverse{class: "HunYuanDenseV1ForCausalLM", modelType: "hunyuan_v1_dense",
		adapted: hunyuanScaling,
		fixed:   map[string]any{"use_qk_norm": true}, config: (*exporter).hunyuan})
)

// hunyuanScaling is how files say that the base of the rotation contains a factor for long contexts.
var hunyuanScaling = []string{"rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length"}

// scoring adds the function that weighs experts, if the file says one.
func (x *exporter) scoring() {
	n, ok := x.uint("expert_gating_func")
	for name, number := range gatings {
		if ok && uint64(number) == n {
			x.cfg["scoring_func"] = name
		}
	}
}

// isSolar reports whether texts begin with Solar's token.
func (x *exporter) isSolar() bool {
	id, err1 := x.f.Uint("tokenizer.ggml.bos_token_id")
	texts, err2 := x.f.Strings("tokenizer.ggml.tokens")
	return err1 == nil && err2 == nil && id < uint64(len(texts)) && texts[id] == "<|startoftext|>"
}

func (x *exporter) glmMoE() {
	x.cfg["num_hidden_layers"] = x.mainLayers()
	x.partly()
	x.cfg["use_qk_norm"], x.cfg["attention_bias"] = x.has("blk.0.attn_q_norm.weight"), x.has("blk.0.attn_q.bias")
}

// gptOSS gives back a tensor: rows of gates and of up-projections alternate, and matrices of experts stand transposed.
func (x *exporter) gptOSS(name string, t tensor) error {
	layer, part := layerOf(name)
	part, suffix, _ := strings.Cut(part, ".")
	to := fmt.Sprintf("model.layers.%d.mlp.experts.", block(name))
	emit := func(module string, t tensor) error {
		if suffix == "bias" {
			x.emit(to+module+"_bias", t)
			return nil
		}
		if !t.dims(3) {
			return fmt.Errorf("%w: shape %v is none of experts' matrices", ErrFile, t.shape)
		}
		x.emit(to+module, t.transpose())
		return nil
	}
	switch part {
	case "ffn_gate_exps":
		up, err := x.other(layer + "ffn_up_exps." + suffix)
		if err != nil {
			return err
		}
		if len(t.shape) < 2 || !slices.Equal(t.shape, up.shape) {
			return fmt.Errorf("%w: shapes %v and %v", ErrFile, t.shape, up.shape)
		}
		return emit("gate_up_proj", t.alternating(up))
	case "ffn_up_exps":
		return nil // with the gates
	case "ffn_down_exps":
		return emit("down_proj", t)
	}
	return x.plain(name, t)
}

// alternating is rows of t and of u in turn, matrix by matrix.
func (t tensor) alternating(u tensor) tensor {
	shape := slices.Clone(t.shape)
	rows := shape[1]
	shape[1] *= 2
	matrices, rest := shape[0], shape[2:]
	both := concat(t.reshape(append([]int{matrices * rows}, rest...)...), u.reshape(append([]int{matrices * rows},
		rest...)...))
	return both.permuted(func(i int) int { return i%2*matrices*rows + i/2 }).reshape(shape...)
}

func (x *exporter) gptOSSConfig() {
	x.window()
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok {
		r["truncate"] = false
	}
	types := slices.Repeat([]string{"full_attention"}, x.layers)
	for i := 0; i < len(types); i += 2 {
		types[i] = "sliding_attention"
	}
	x.cfg["layer_types"] = types
	x.cfg["intermediate_size"] = x.need("expert_feed_forward_length")
}

func (x *exporter) phiMoE() {
	x.phi3Config()
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok {
		r["short_mscale"], r["long_mscale"] = number(1), number(1)
		if v, ok := x.float("rope.scaling.attn_factor"); ok {
			r["short_mscale"], r["long_mscale"] = number(v), number(v)
		}
	}
	x.cfg["attention_bias"], x.cfg["lm_head_bias"] = x.has("blk.0.attn_q.bias"), x.has("output.bias")
}

// ernieMoE gives back a tensor; what is added to the weights of experts has a dimension more.
func (x *exporter) ernieMoE(name string, t tensor) error {
	if strings.HasSuffix(name, ".exp_probs_b.bias") {
		t = t.reshape(1, elements(t.shape))
	}
	return x.plain(name, t)
}

func (x *exporter) ernieMoEConfig() {
	x.cfg["moe_layer_end_index"], x.cfg["use_bias"] = x.layers-1, x.has("blk.0.attn_q.bias")
}

func (x *exporter) bailing2() {
	x.cfg["num_hidden_layers"] = x.mainLayers()
	x.partly()
	x.scoring()
	x.cfg["score_function"] = x.cfg["scoring_func"]
	delete(x.cfg, "scoring_func")
	x.cfg["use_qk_norm"], x.cfg["use_qkv_bias"] = x.has("blk.0.attn_q_norm.weight"), x.has("blk.0.attn_qkv.bias")
}

// bailing gives back a tensor of Ling's first generation.
func (x *exporter) bailing(name string, t tensor) error {
	return x.joinInto("model.layers.#.attention.query_key_value", name, t, nil)
}

func (x *exporter) deepSeek1() {
	x.cfg["n_routed_experts"] = x.need("expert_count")
	x.scoring()
}

// hunyuan adds the token that ends a text, for which the class has one of its own, and the factor that the base of the
// rotation contains, if it is one that folders have; else they say the base.
func (x *exporter) hunyuan() {
	x.cfg["eod_token_id"] = nil
	if id, err := x.f.Uint("tokenizer.ggml.eos_token_id"); err == nil {
		x.cfg["eod_token_id"] = id
	}
	if kind, err := x.f.String(x.arch + ".rope.scaling.type"); err != nil || kind != "none" {
		return
	}
	heads, width := x.need("attention.head_count"), x.need("embedding_length")
	dim := float64(width) / float64(max(heads, 1))
	if n, ok := x.uint("attention.key_length"); ok && x.arch == "hunyuan-dense" {
		dim = float64(n)
	}
	const base = 10000
	theta, _ := x.float("rope.freq_base")
	alpha := math.Round(math.Pow(theta/base, (dim-2)/dim))
	if float32(base*math.Pow(alpha, dim/(dim-2))) == float32(theta) {
		x.cfg["rope_theta"] = number(base)
		x.cfg["rope_scaling"] = object{"type": "dynamic", "alpha": number(alpha), "factor": number(1)}
	}
}

func (x *exporter) hunyuanMoE() {
	x.hunyuan()
	list := func(n uint64) []uint64 { return slices.Repeat([]uint64{n}, x.layers) }
	x.cfg["moe_topk"], x.cfg["moe_intermediate_size"] = list(x.need("expert_used_count")),
		list(x.need("expert_feed_forward_length"))
	x.cfg["num_shared_expert"] = list(x.need("expert_shared_count"))
	x.cfg["intermediate_size"] = x.need("expert_shared_feed_forward_length")
}
