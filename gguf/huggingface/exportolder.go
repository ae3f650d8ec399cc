package huggingface

import (
	"fmt"
	"strings"
)

// Exports of older decoders, and of those whose classes stand in code beside the weights.

var (
	_ = invert("falcon",
		inverse{class: "FalconForCausalLM", modelType: "falcon", fits: (*exporter).hasTwoNorms,
			names:   map[string]string{"blk.#.attn_norm": "transformer.h.#.ln_mlp"},
			restore: (*exporter).falcon, config: (*exporter).falconConfig, implied: falconImplied, says: falconPlaces,
			fixed: map[string]any{"new_decoder_architecture": true, "num_ln_in_parallel_attn": 2, "multi_query": true}},
		inverse{class: "FalconForCausalLM", modelType: "falcon",
			names:   map[string]string{"blk.#.attn_norm": "transformer.h.#.input_layernorm"},
			restore: (*exporter).falcon, config: (*exporter).falconConfig, implied: falconImplied, says: falconPlaces,
			fixed: map[string]any{"new_decoder_architecture": false}})
	_ = invert("bloom", inverse{class: "BloomForCausalLM", modelType: "bloom", restore: (*exporter).neoX,
		config:  (*exporter).bloom,
		implied: []string{"feed_forward_length", "context_length", "attention.head_count", "attention.head_count_kv"},
		says:    []string{"attention.head_count n_head", "context_length seq_length", "embedding_length hidden_size"}})
	_ = invert("mpt", inverse{class: "MptForCausalLM", modelType: "mpt", config: (*exporter).mpt,
		fixed: map[string]any{"expansion_ratio": 4, "layer_norm_epsilon": number(1e-5),
			"norm_type": "low_precision_layernorm"},
		implied: []string{"context_length", "embedding_length", "feed_forward_length", "attention.head_count",
			"attention.head_count_kv", "attention.layer_norm_epsilon"},
		says: []string{"context_length max_seq_len", "embedding_length d_model", "attention.head_count n_heads",
			"block_count n_layers"}})
	_ = invert("starcoder", inverse{class: "GPTBigCodeForCausalLM", modelType: "gpt_bigcode",
		config:  (*exporter).gpt2Config,
		implied: []string{"feed_forward_length", "attention.head_count_kv"},
		fixed:   map[string]any{"multi_query": true, "activation_function": "gelu_pytorch_tanh"}})
	_ = invert("codeshell", inverse{class: "CodeShellForCausalLM", modelType: "kclgpt",
		says: []string{"context_length n_positions", "embedding_length n_embd", "block_count n_layer",
			"attention.head_count n_head", "attention.head_count_kv num_query_groups", "feed_forward_length n_inner",
			"attention.layer_norm_epsilon layer_norm_epsilon"},
		fixed:  map[string]any{"position_embedding_type": "rope", "group_query_attention": true},
		config: (*exporter).codeShell})
	_ = invert("internlm2", inverse{class: "InternLM2ForCausalLM", modelType: "internlm2",
		restore: (*exporter).internLM2})
	_ = invert("exaone", inverse{class: "ExaoneForCausalLM", modelType: "exaone", restore: (*exporter).withoutFactors,
		fixed: map[string]any{"activation_function": "silu"}, config: (*exporter).exaone,
		says: []string{"block_count num_layers", "attention.layer_norm_rms_epsilon layer_norm_epsilon"}})
	_ = invert("orion", inverse{class: "OrionForCausalLM", modelType: "orion",
		implied: []string{"attention.layer_norm_epsilon"},
		says:    []string{"attention.layer_norm_epsilon rms_norm_eps"}})
	_ = invert("baichuan", inverse{class: "BaichuanForCausalLM", modelType: "baichuan", restore: (*exporter).baichuan,
		says: []string{"context_length model_max_length"}})
	_ = invert("minicpm", inverse{class: "MiniCPMForCausalLM", modelType: "minicpm", restore: (*exporter).miniCPM,
		config: (*exporter).miniCPMConfig})
	_ = invert("maincoder", inverse{class: "MaincoderForCausalLM", modelType: "maincoder"})
	_ = invert("nanbeige", inverse{class: "NanbeigeForCausalLM", modelType: "nanbeige", restore: (*exporter).llama,
		says: []string{"num_loops num_loops", "skip_loop_final_norm skip_loop_final_norm"}})
	_ = invert("pangu-embedded", inverse{class: "PanguEmbeddedForCausalLM", modelType: "PanguEmbedded",
		config: (*exporter).pangu})
	_ = invert("jais2", inverse{class: "Jais2ForCausalLM", modelType: "jais2",
		fixed: map[string]any{"hidden_act": "relu2"}, config: (*exporter).jais2})
	_ = invert("chatglm",
		inverse{class: "GlmForCausalLM", modelType: "glm", fits: (*exporter).hasQueries, config: (*exporter).glm,
			names:   withNames(invertedCommon, map[string]string{"blk.#.ffn_up": "model.layers.#.mlp.gate_up_proj"}),
			implied: []string{"attention.layer_norm_rms_epsilon"},
			says: []string{"attention.layer_norm_rms_epsilon rms_norm_eps layernorm_epsilon",
				"context_length seq_length"}},
		inverse{class: "ChatGLMModel", modelType: "chatglm", config: (*exporter).chatGLM,
			implied: []string{"attention.head_count_kv"},
			says: []string{"context_length seq_length", "embedding_length hidden_size",
				"feed_forward_length ffn_hidden_size", "block_count num_layers",
				"attention.head_count_kv multi_query_group_num",
				"attention.layer_norm_rms_epsilon layernorm_epsilon"}})
)

// invertedCommon are commonNames, read the other way, where a family's own stand before them.
var invertedCommon = family{}.inverseNames()

var (
	falconImplied = []string{"context_length", "feed_forward_length", "attention.head_count_kv"}
	falconPlaces  = []string{"attention.head_count_kv num_kv_heads", "feed_forward_length ffn_hidden_size"}
)

// hasTwoNorms reports whether attention and network have a norm each although they stand side by side.
func (x *exporter) hasTwoNorms() bool { return x.has("blk.0.attn_norm_2.weight") }

// hasQueries reports whether queries have a matrix of their own.
func (x *exporter) hasQueries() bool { return x.has("blk.0.attn_q.weight") }

// grouped gives back rows of queries, keys and values of which those of a group, whose queries share a key and a value,
// stand together.
func (x *exporter) grouped(t tensor) (tensor, error) {
	heads, keys := int(x.need("attention.head_count")), 1
	if n, ok := x.uint("attention.head_count_kv"); ok {
		keys = int(n)
	}
	if keys <= 0 || heads <= 0 || heads%keys != 0 || len(t.shape) == 0 || t.shape[0]%(heads+2*keys) != 0 {
		return t, fmt.Errorf("%w: %v rows for %d heads, %d of keys", ErrFile, t.shape, heads, keys)
	}
	dim, per := t.shape[0]/(heads+2*keys), heads/keys
	return t.permuted(func(i int) int {
		group, part, in := i/dim/(per+2), i/dim%(per+2), i%dim
		switch part {
		case per:
			return (heads+group)*dim + in
		case per + 1:
			return (heads+keys+group)*dim + in
		}
		return (group*per+part)*dim + in
	}), nil
}

// joined is queries, keys and values of a layer together, the first two as Llama's folders have them.
func (x *exporter) joined(layer string) (tensor, error) {
	at, modules := len(x.out), x.modules
	x.modules = map[string]string{"blk.#.attn_q": "q", "blk.#.attn_k": "k", "blk.#.attn_v": "v"}
	defer func() { x.out, x.modules = x.out[:at], modules }()
	var parts []tensor
	for i, part := range []string{"attn_q.weight", "attn_k.weight", "attn_v.weight"} {
		t, err := x.other(layer + part)
		if err == nil {
			err = x.llama(layer+part, t)
		}
		if err != nil {
			return t, err
		}
		if t = x.out[at+i].tensor; !t.dims(2) || t.shape[1] != x.out[at].shape[1] {
			return t, fmt.Errorf("tensor %q: %w: shape %v beside %v", layer+part, ErrFile, t.shape, x.out[at].shape)
		}
		parts = append(parts, t)
	}
	return concat(parts...), nil
}

// joinInto gives back a tensor where queries, keys and values stand together in a module of the folder, in an order that
// change makes of all queries, all keys and all values; nil keeps it.
func (x *exporter) joinInto(module, name string, t tensor, change func(tensor) (tensor, error)) error {
	layer, part := layerOf(name)
	switch part {
	case "attn_k.weight", "attn_v.weight":
		return nil // with the queries
	case "attn_q.weight":
		all, err := x.joined(layer)
		if err == nil && change != nil {
			all, err = change(all)
		}
		if err != nil {
			return err
		}
		x.emit(strings.Replace(module, "#", fmt.Sprint(block(name)), 1)+".weight", all)
		return nil
	}
	return x.plain(name, t)
}

func (x *exporter) internLM2(name string, t tensor) error {
	return x.joinInto("model.layers.#.attention.wqkv", name, t, x.grouped)
}

func (x *exporter) baichuan(name string, t tensor) error {
	return x.joinInto("model.layers.#.self_attn.W_pack", name, t, nil)
}

// falcon gives back a tensor; heads that share keys and values stand together with these.
func (x *exporter) falcon(name string, t tensor) (err error) {
	if strings.Contains(name, ".attn_qkv.") {
		if t, err = x.grouped(t); err != nil {
			return err
		}
	}
	return x.plain(name, t)
}

func (x *exporter) falconConfig() {
	delete(x.cfg, "num_key_value_heads")
	if n, _ := x.uint("attention.head_count_kv"); x.cfg["new_decoder_architecture"] == false {
		x.cfg["multi_query"] = n == 1
	}
	x.cfg["parallel_attn"], x.cfg["alibi"], x.cfg["bias"] = true, false, x.has("blk.0.attn_qkv.bias")
}

func (x *exporter) bloom() {
	delete(x.cfg, "num_key_value_heads")
	delete(x.cfg, "num_hidden_layers")
	x.cfg["n_layer"] = x.layers
}

func (x *exporter) mpt() {
	delete(x.cfg, "num_key_value_heads")
	delete(x.cfg, "num_hidden_layers")
	attention := object{"alibi": false, "attn_impl": "torch"}
	if v, ok := x.float("attention.max_alibi_bias"); ok && v != 0 {
		attention["alibi"], attention["alibi_bias_max"] = true, int(v)
	}
	if v, ok := x.float("attention.clamp_kqv"); ok {
		attention["clip_qkv"] = number(v)
	}
	if n, ok := x.uint("attention.head_count_kv"); ok {
		attention["kv_n_heads"] = n
	}
	x.cfg["attn_config"], x.cfg["no_bias"], x.cfg["learned_pos_emb"] = attention, !x.has("blk.0.attn_norm.bias"),
		x.has("position_embd.weight")
}

func (x *exporter) codeShell() {
	for _, k := range []string{"rope_scaling", "rope_theta", "num_hidden_layers"} {
		delete(x.cfg, k)
	}
}

func (x *exporter) exaone() {
	delete(x.cfg, "num_hidden_layers")
	delete(x.cfg, "rms_norm_eps")
}

// miniCPM gives back a tensor; factors of frequencies are numbers of config.json.
func (x *exporter) miniCPM(name string, t tensor) error {
	if strings.HasPrefix(name, "rope_factors_") {
		return nil
	}
	return x.llama(name, t)
}

// miniCPMConfig adds what files have as multipliers: of embeddings, of what layers add, and of logits.
func (x *exporter) miniCPMConfig() {
	x.longRope()
	scale, ok := x.float("residual_scale")
	logits, ok2 := x.float("logit_scale")
	width := x.need("embedding_length")
	if !ok || !ok2 || logits == 0 {
		x.fail("residual_scale", ErrUnsupported, "it is missing, or logit_scale is")
		return
	}
	x.say([]string{"embedding_scale scale_emb"})
	x.cfg["scale_depth"] = product(scale, rootOf(x.layers))
	x.cfg["dim_model_base"] = product(float64(width), 1/logits)
}

func (x *exporter) pangu() { x.cfg["bias"] = x.has("blk.0.attn_q.bias") }

func (x *exporter) jais2() {
	x.cfg["attention_bias"], x.cfg["mlp_bias"] = x.has("blk.0.attn_q.bias"), x.has("blk.0.ffn_up.bias")
}

func (x *exporter) glm() {
	x.partly()
	x.cfg["head_dim"] = x.need("embedding_length") / max(x.need("attention.head_count"),
		1) // of which the class has a default
	x.cfg["attention_bias"] = x.has("blk.0.attn_q.bias")
	x.ropeRatio()
}

// ropeRatio says the base of rotation as a multiple of 10000.
func (x *exporter) ropeRatio() {
	if theta, ok := x.float("rope.freq_base"); ok {
		x.cfg["rope_ratio"] = number(theta / 10000)
	}
}

func (x *exporter) chatGLM() {
	x.ropeRatio()
	for _, k := range []string{"rope_theta", "num_hidden_layers", "num_key_value_heads"} {
		delete(x.cfg, k)
	}
	x.cfg["multi_query_attention"], x.cfg["add_qkv_bias"] = true, x.has("blk.0.attn_qkv.bias")
	x.cfg["partial_rotary_factor"] = number(0.5)
}
