package huggingface

import (
	"fmt"
	"slices"
	"strings"
)

// Exports of the language models of those that also see, which read texts as plain ones do, and of models that few
// have.

// imagePlaces are what files say of positions in images, and of a tower that they do not have.
var imagePlaces = []string{"rope.dimension_sections", "n_deepstack_layers"}

var (
	_ = invert("qwen2vl", inverse{class: "Qwen2ForCausalLM", modelType: "qwen2", becomes: "qwen2", adapted: imagePlaces})
	_ = invert("qwen3vl", inverse{class: "Qwen3ForCausalLM", modelType: "qwen3", becomes: "qwen3", adapted: imagePlaces})
	_ = invert("qwen3vlmoe", inverse{class: "Qwen3MoeForCausalLM", modelType: "qwen3_moe", becomes: "qwen3moe",
		adapted: imagePlaces, config: (*exporter).qwenMoE})

	_ = invert("paddleocr", inverse{class: "LlamaForCausalLM", modelType: "llama", becomes: "llama",
		adapted: imagePlaces, config: (*exporter).paddleOCR})

	_ = invert("apertus", inverse{class: "ApertusForCausalLM", modelType: "apertus",
		restore: (*exporter).withoutFactors, config: (*exporter).apertus,
		fixed: map[string]any{"hidden_act": "xielu", "qk_norm": true}})
	_ = invert("mistral4", inverse{class: "Mistral4ForCausalLM", modelType: "mistral4", restore: (*exporter).mistral4,
		config: (*exporter).mistral4Config,
		says:   sparsePlaces, implied: []string{"attention.head_count_kv"}})
	_ = invert("dbrx", inverse{class: "DbrxForCausalLM", modelType: "dbrx", restore: (*exporter).dbrx,
		config: (*exporter).dbrxConfig,
		implied: []string{"context_length", "embedding_length", "feed_forward_length", "attention.head_count",
			"attention.head_count_kv", "expert_count", "expert_used_count", "attention.layer_norm_epsilon"},
		says: []string{"context_length max_seq_len", "embedding_length d_model", "attention.head_count n_heads",
			"block_count n_layers"}})
	_ = invert("mimo2", inverse{class: "MiMoV2FlashForCausalLM", modelType: "mimo_v2_flash",
		restore: (*exporter).mimo, config: (*exporter).mimoConfig,
		implied: []string{"attention.head_count_kv", "attention.layer_norm_rms_epsilon"},
		fixed: map[string]any{"topk_method": "noaux_tc", "norm_topk_prob": true, "n_shared_experts": nil,
			"routed_scaling_factor": nil},
		says: []string{"expert_feed_forward_length moe_intermediate_size", "expert_count n_routed_experts",
			"attention.value_scale attention_value_scale", "attention.layer_norm_rms_epsilon layernorm_epsilon",
			"attention.key_length head_dim swa_head_dim", "attention.value_length v_head_dim swa_v_head_dim",
			"attention.sliding_window sliding_window sliding_window_size",
			"rope.freq_base_swa swa_rope_theta", "attention.head_count swa_num_attention_heads"}})
	_ = invert("jais", inverse{class: "JAISLMHeadModel", modelType: "jais", restore: (*exporter).jais,
		config: (*exporter).jaisConfig,
		says: []string{"context_length n_positions", "embedding_length n_embd", "block_count n_layer",
			"attention.head_count n_head", "feed_forward_length n_inner",
			"attention.layer_norm_epsilon layer_norm_epsilon"},
		implied: []string{"context_length", "embedding_length", "feed_forward_length", "attention.head_count",
			"attention.layer_norm_epsilon"},
		fixed: map[string]any{"activation_function": "swiglu", "position_embedding_type": "alibi",
			"mup_embeddings_scale": number(1), "mup_output_alpha": number(1),
			"mup_width_scale": number(1)}})
	_ = invert("refact", inverse{class: "GPTRefactForCausalLM", modelType: "gpt_refact", restore: (*exporter).refact,
		config:  (*exporter).gpt2Config,
		implied: []string{"feed_forward_length", "attention.head_count_kv", "attention.layer_norm_rms_epsilon"},
		known:   []string{"n_positions", "n_embd", "n_head"},
		says:    []string{"attention.layer_norm_rms_epsilon layer_norm_epsilon"}})
	_ = invert("openelm", inverse{class: "OpenELMForCausalLM", modelType: "openelm", restore: (*exporter).openELM,
		config: (*exporter).openELMConfig,
		implied: []string{"context_length", "embedding_length", "feed_forward_length", "attention.head_count",
			"attention.head_count_kv", "attention.layer_norm_rms_epsilon"},
		says: []string{"context_length max_context_length", "embedding_length model_dim",
			"rope.freq_base rope_freq_constant", "attention.head_count num_query_heads",
			"attention.head_count_kv num_kv_heads", "block_count num_transformer_layers"}})
	_ = invert("grovemoe", inverse{class: "GroveMoeForCausalLM", modelType: "grove_moe", restore: (*exporter).grove,
		fixed: map[string]any{"norm_topk_prob": true}, says: []string{"expert_feed_forward_length moe_intermediate_size"}})
	_ = invert("maple", inverse{class: "MapleForCausalLM", modelType: "maple", config: (*exporter).maple,
		says: []string{"expert_feed_forward_length moe_intermediate_size"},
		fixed: map[string]any{"hidden_act": "silu", "norm_topk_prob": true, "nope_on_global_attention": true,
			"num_shared_experts": 0}})
	_ = invert("minimax-01", inverse{class: "MiniMaxM1ForCausalLM", modelType: "minimax_m1", config: (*exporter).miniMax01,
		says: []string{"rope.dimension_count rotary_dim", "residual_scale layernorm_full_attention_alpha " +
			"layernorm_linear_attention_alpha layernorm_mlp_alpha"},
		fixed: map[string]any{"layernorm_full_attention_beta": number(1), "layernorm_linear_attention_beta": number(1),
			"layernorm_mlp_beta": number(1), "postnorm": true}})
	_ = invert("neo-bert", inverse{class: "NeoBERT", modelType: "neobert", config: (*exporter).neoBERT,
		fits: (*exporter).withoutClasses, implied: []string{"feed_forward_length"},
		says: []string{"attention.layer_norm_rms_epsilon norm_eps"}})
	_ = invert("minimax-m3", inverse{class: "MiniMaxM3SparseForCausalLM", modelType: "minimax_m3_text",
		restore: (*exporter).miniMaxM3, config: (*exporter).miniMaxM3Config,
		implied: []string{"feed_forward_length"},
		says: []string{"rope.dimension_count rotary_dim", "feed_forward_length dense_intermediate_size",
			"expert_feed_forward_length intermediate_size", "expert_shared_count n_shared_experts",
			"expert_weights_scale routed_scaling_factor"}})
)

// paddleOCR is Llama where a text's positions, the same in all dimensions, rotate whole heads.
func (x *exporter) paddleOCR() {
	x.llamaBiases()
	heads := x.need("attention.head_count")
	dim, ok := x.uint("attention.key_length")
	if !ok {
		dim = x.need("embedding_length") / max(heads, 1)
	}
	parts, err := x.f.Ints(x.arch + ".rope.dimension_sections")
	if err == nil && (len(parts) != 4 || parts[3] != 0 || uint64(2*(parts[0]+parts[1]+parts[2])) != dim) {
		x.fail("rope.dimension_sections", ErrUnsupported,
			"no plain language model rotates a part of a head for each dimension of positions")
	}
}

// grove gives back a tensor; small experts have no module of experts above them.
func (x *exporter) grove(name string, t tensor) error {
	at := len(x.out)
	err := x.plain(name, t)
	for i := range x.out[at:] {
		x.out[at+i].name = strings.Replace(x.out[at+i].name, ".chunk_experts.experts.", ".chunk_experts.", 1)
	}
	return err
}

func (x *exporter) maple() {
	x.layerTypes()
	x.partly()
	x.scoring()
}

// miniMax01 says which layers attend: those without a gate.
func (x *exporter) miniMax01() {
	attend := make([]int, x.layers)
	for i := range attend {
		attend[i] = int(number01(!x.has(fmt.Sprintf("blk.%d.attn_gate.weight", i))))
	}
	x.cfg["attn_type_list"] = attend
}

// neoBERT says the width that networks would have without gates.
func (x *exporter) neoBERT() {
	x.encoder()
	x.cfg["intermediate_size"] = (3*x.need("feed_forward_length") + 1) / 2
}

// apertus adds the numbers of each layer's activation, which files have as keys, as tensors.
func (x *exporter) apertus() {
	for _, k := range []string{"alpha_n", "alpha_p", "beta", "eps"} {
		list, err := x.f.Floats("xielu." + k)
		if err != nil || len(list) != x.layers {
			x.err = fmt.Errorf("key xielu.%s: %w: not as many numbers as layers", k, ErrFile)
			return
		}
		for i, v := range list {
			t := constant([]float32{v})
			if k == "beta" || k == "eps" {
				t = t.reshape()
			}
			x.emit(fmt.Sprintf("model.layers.%d.mlp.act_fn.%s", i, k), t)
		}
	}
}

// mistral4 gives back a tensor; the experts of a layer stand together as they do in files.
func (x *exporter) mistral4(name string, t tensor) error {
	_, part := layerOf(name)
	if to := map[string]string{"ffn_gate_up_exps.weight": "gate_up_proj",
		"ffn_down_exps.weight": "down_proj"}[part]; to != "" {
		x.emit(fmt.Sprintf("model.layers.%d.mlp.experts.%s", block(name), to), t)
		return nil
	}
	return x.latent(name, t)
}

func (x *exporter) mistral4Config() {
	x.deepSeek()
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok {
		r["mscale"], r["rope_theta"], r["llama_4_scaling_beta"] = number(1), x.cfg["rope_theta"], number(0)
		if v, ok := x.float("attention.temperature_scale"); ok {
			r["llama_4_scaling_beta"] = number(v)
		}
		x.cfg["rope_parameters"] = r
		delete(x.cfg, "rope_scaling")
	}
}

// dbrx gives back a tensor; experts stand one below the other.
func (x *exporter) dbrx(name string, t tensor) error {
	to, err := x.hubName(name)
	if err != nil {
		return err
	}
	if !strings.Contains(to, ".experts.") {
		return x.plain(name, t)
	}
	if !t.dims(3) {
		return fmt.Errorf("%w: shape %v is none of experts' matrices", ErrFile, t.shape)
	}
	if strings.HasSuffix(to, ".w2.weight") {
		t = t.transpose()
	}
	x.emit(strings.TrimSuffix(to, ".weight"), t.reshape(t.shape[0]*t.shape[1], t.shape[2]))
	return nil
}

func (x *exporter) dbrxConfig() {
	clip, _ := x.float("attention.clamp_kqv")
	x.cfg["attn_config"] = object{"kv_n_heads": x.need("attention.head_count_kv"), "rope_theta": x.cfg["rope_theta"],
		"clip_qkv": number(clip)}
	x.cfg["ffn_config"] = object{"ffn_hidden_size": x.need("feed_forward_length"),
		"moe_num_experts": x.need("expert_count"), "moe_top_k": x.need("expert_used_count"),
		"ffn_act_fn": object{"name": "silu"}}
	for _, k := range []string{"rope_theta", "num_hidden_layers", "num_key_value_heads"} {
		delete(x.cfg, k)
	}
}

// mimo gives back a tensor; layers that predict a token further on stand apart.
func (x *exporter) mimo(name string, t tensor) error {
	at := len(x.out)
	if err := x.plain(name, t); err != nil {
		return err
	}
	main := x.mainLayers()
	for i := range x.out[at:] {
		o := &x.out[at+i]
		if n := block(name); n >= main && strings.HasPrefix(name, "blk.") {
			o.name = strings.Replace(o.name, fmt.Sprintf("model.layers.%d.", n), fmt.Sprintf("model.mtp.layers.%d.",
				n-main), 1)
		} else if strings.HasSuffix(o.name, ".pre_mlp_layernorm.weight") {
			o.name = strings.Replace(o.name, ".pre_mlp_", ".post_attention_", 1)
		}
		o.name = strings.Replace(o.name, "attention_sink_bias.weight", "attention_sink_bias", 1)
	}
	return nil
}

func (x *exporter) mimoConfig() {
	heads, err1 := x.f.Ints(x.arch + ".attention.head_count_kv")
	windows, err2 := x.f.Ints(x.arch + ".attention.sliding_window_pattern")
	main := x.mainLayers()
	if err1 != nil || err2 != nil || len(heads) != x.layers || len(windows) != x.layers {
		x.fail("attention.head_count_kv", ErrUnsupported,
			"a %s has a list of as many as layers, as of those with a window", x.class)
		return
	}
	x.cfg["num_hidden_layers"] = main
	x.cfg["hybrid_layer_pattern"] = windows[:main]
	sparse := make([]int, main)
	for i := range heads {
		key := "num_key_value_heads"
		if windows[i] == 1 {
			key = "swa_" + key
		}
		x.cfg[key] = heads[i]
		if i < main && x.has(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)) {
			sparse[i] = 1
		}
	}
	x.cfg["moe_layer_freq"] = sparse
	x.partly()
	x.scoring()
}

// jais gives back a tensor. Embedding and output have their multipliers in the weights.
func (x *exporter) jais(name string, t tensor) error {
	if t.dims(2) && strings.HasPrefix(name, "blk.") {
		t = t.transpose()
	}
	return x.plain(name, t)
}

func (x *exporter) jaisConfig() {
	if v, ok := x.float("attention.max_alibi_bias"); !ok || v != 8 {
		x.fail("attention.max_alibi_bias", ErrUnsupported, "a %s has 8", x.class)
	}
	delete(x.cfg, "num_key_value_heads")
	delete(x.cfg, "num_hidden_layers")
}

// together gives back two tensors of a layer as one.
func (x *exporter) together(layer, first, second, module string) error {
	a, err := x.other(layer + first)
	if err != nil {
		return err
	}
	b, err := x.other(layer + second)
	if err != nil {
		return err
	}
	if !a.dims(2) || !slices.Equal(a.shape, b.shape) {
		return fmt.Errorf("%w: shapes %v and %v", ErrFile, a.shape, b.shape)
	}
	x.emit(module, concat(a, b))
	return nil
}

// refact gives back a tensor; all heads share one key and one value.
func (x *exporter) refact(name string, t tensor) error {
	layer, part := layerOf(name)
	to := fmt.Sprintf("transformer.h.%d.", block(name))
	switch part {
	case "attn_k.weight":
		return x.together(layer, "attn_k.weight", "attn_v.weight", to+"attn.kv.weight")
	case "ffn_gate.weight":
		return x.together(layer, "ffn_gate.weight", "ffn_up.weight", to+"mlp.gate_up_proj.weight")
	case "attn_v.weight", "ffn_up.weight":
		return nil // with the other
	case "ffn_down.weight":
		x.emit(to+"mlp.c_proj.weight", t)
		return nil
	}
	return x.plain(name, t)
}

// openELM gives back a tensor; gates and up-projections stand together.
func (x *exporter) openELM(name string, t tensor) error {
	layer, part := layerOf(name)
	switch part {
	case "ffn_gate.weight":
		return x.together(layer, "ffn_gate.weight", "ffn_up.weight",
			fmt.Sprintf("transformer.layers.%d.ffn.proj_1.weight", block(name)))
	case "ffn_up.weight":
		return nil // with the gates
	}
	return x.plain(name, t)
}

func (x *exporter) openELMConfig() {
	widths, err := x.f.Ints(x.arch + ".feed_forward_length")
	width := x.need("embedding_length")
	if err != nil || width == 0 {
		x.fail("feed_forward_length", ErrUnsupported, "a %s has a list", x.class)
		return
	}
	by := make([]any, len(widths))
	for i, n := range widths {
		by[i] = number(float64(n) / float64(width))
	}
	x.cfg["ffn_multipliers"], x.cfg["ffn_dim_divisor"] = by, 1
	for _, k := range []string{"rope_theta", "num_hidden_layers", "num_key_value_heads"} {
		delete(x.cfg, k)
	}
	x.cfg["normalize_qk_projections"], x.cfg["share_input_output_layers"] = x.has("blk.0.attn_q_norm.weight"),
		!x.has("output.weight")
}

// miniMaxM3 gives back a tensor: norms as the difference from 1.
func (x *exporter) miniMaxM3(name string, t tensor) error {
	if strings.HasSuffix(name, "norm.weight") {
		t = t.minusOne()
	}
	return x.plain(name, t)
}

func (x *exporter) miniMaxM3Config() {
	x.scoring()
	before := x.cfg
	x.cfg = map[string]any{}
	x.say([]string{"attention.indexer.head_count sparse_num_index_heads",
		"attention.indexer.key_length sparse_index_dim", "attention.indexer.top_k sparse_topk_blocks",
		"attention.indexer.block_size sparse_block_size", "attention.indexer.local_blocks sparse_local_block"})
	before["sparse_attention_config"] = x.cfg
	x.cfg = before
	freq := slices.Repeat([]int{1}, x.layers)
	for i := range min(x.need("leading_dense_block_count"), uint64(x.layers)) {
		freq[i] = 0
	}
	x.cfg["moe_layer_freq"] = freq
}
