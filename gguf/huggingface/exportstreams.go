package huggingface

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// Exports of models of 2026 whose layers mix streams before and after each part.

// hyperPlaces are the numbers of what mixes streams.
var hyperPlaces = []string{"hyper_connection.count hc_mult", "hyper_connection.sinkhorn_iterations hc_sinkhorn_iters",
	"hyper_connection.epsilon hc_eps", "hyper_connection.magnitude hc_magnitude"}

var (
	_ = invert("deepseek4", inverse{class: "DeepseekV4ForCausalLM", modelType: "deepseek_v4",
		restore: (*exporter).deepseek4, config: (*exporter).deepseek4Config,
		fixed: map[string]any{"num_nextn_predict_layers": 0},
		says: slices.Concat([]string{"rope.dimension_count qk_rope_head_dim", "attention.q_lora_rank q_lora_rank",
			"attention.sliding_window sliding_window", "attention.output_group_count o_groups",
			"attention.output_lora_rank o_lora_rank", "attention.compress_ratios compress_ratios",
			"attention.compress_rope_freq_base compress_rope_theta", "hash_layer_count num_hash_layers"},
			indexerPlaces, hyperPlaces, sparsePlaces)})
	_ = invert("glm5-next", inverse{class: "Glm5NextForConditionalGeneration", modelType: "glm5_next_text",
		within: seeing{"glm5_next", "model.", "model.language_model."},
		names:  invertedCommon, restore: (*exporter).glm5, config: (*exporter).glm5Config,
		implied: []string{"attention.head_count_kv", "attention.layer_norm_epsilon"},
		fixed:   map[string]any{"mla_use_nope": true, "mhc": true},
		says: slices.Concat([]string{"attention.indexer.kpool index_kpool",
			"attention.indexer.kpool_select_tail index_kpool_always_select_tail"},
			indexerPlaces, hyperPlaces, sparsePlaces)})
	_ = invert("hy_v4", inverse{class: "HYV4ForCausalLM", modelType: "hy_v4", restore: (*exporter).hyV4,
		config: (*exporter).hyV4Config, implied: []string{"attention.head_count_kv"},
		says: slices.Concat(indexerPlaces, hyperPlaces, sparsePlaces)})
	_ = invert("dots3note", inverse{class: "Dots3NoteForCausalLM", modelType: "dots3_note_text",
		restore: (*exporter).dots3, config: (*exporter).dots3Config,
		implied: []string{"attention.head_count", "attention.head_count_kv"},
		known: []string{"max_position_embeddings", "hidden_size", "intermediate_size", "rms_norm_eps", "n_routed_experts",
			"num_experts_per_tok", "n_group", "topk_group"},
		fixed: map[string]any{"use_dsa": true, "k_rope_only_layernorm": true, "apply_mla_qkv_lora_rescale": true,
			"topk_method": "noaux_tc", "attention_gate_type": "headwise", "swa_attention_gate_type": "headwise"},
		says: slices.Concat([]string{"rope.freq_base_swa swa_rope_theta", "attention.sliding_window sliding_window_size",
			"attention.kv_lora_rank_swa swa_kv_lora_rank", "attention.value_length_mla_swa swa_v_head_dim",
			"attention.q_lora_rank swa_q_lora_rank", "rope.dimension_count swa_qk_rope_head_dim",
			"attention.key_length_mla head_dim", "attention.key_length_mla_swa swa_head_dim",
			"expert_feed_forward_length moe_shared_expert_intermediate_size"},
			indexerPlaces, sparsePlaces)})
	_ = invert("qwen4exp", inverse{class: "Qwen4ExpForCausalLM", modelType: "qwen4_exp_text", names: qwenShared,
		restore: (*exporter).qwen4, config: (*exporter).qwen4Config, vocab: (*exporter).qwen4Ends,
		implied: []string{"feed_forward_length"},
		fixed:   map[string]any{"indexer_kv_heads": 1, "mtp_num_hidden_layers": 0, "output_gate_type": "sigmoid"},
		says: []string{"feed_forward_length intermediate_size", "hyper_connection.count hc_count", "hyper_connection.low_rank hc_lowrank",
			"attention.indexer.head_count indexer_n_heads", "attention.indexer.key_length indexer_head_dim",
			"attention.indexer.top_k indexer_budget", "ple.ngram_size ngram_size",
			"ple.heads_per_ngram heads_per_ngram", "ple.conv_kernel ple_conv_kernel_size",
			"ple.image_token_id image_token_id"}})
)

// emitExact is emitAs for a tensor that keeps the precision of the file, and whose name is one of a parameter and not
// of a module.
func (x *exporter) emitExact(name string, t tensor) error {
	at := len(x.out)
	err := x.emitAs(name, func(s string) string { return strings.TrimSuffix(s, ".weight") }, t)
	for _, o := range x.out[at:] {
		x.precise[o.name] = true
	}
	return err
}

// clamped adds the number at which activations of all layers are cut off.
func (x *exporter) clamped() {
	list, err := x.f.Floats(x.arch + ".swiglu_clamp_exp")
	if err != nil {
		return
	}
	if len(list) == 0 || slices.ContainsFunc(list, func(v float32) bool { return v != list[0] }) {
		x.fail("swiglu_clamp_exp", ErrUnsupported, "a %s has one number for all layers", x.class)
		return
	}
	x.cfg["swiglu_limit"] = number(float64(list[0]))
}

// deepseek4 gives back a tensor: what the file has in single precision stays so.
func (x *exporter) deepseek4(name string, t tensor) error {
	layer, part := layerOf(name)
	to := strings.Replace(layer, "blk.", "layers.", 1)
	switch {
	case part == "ffn_gate_tid2eid.weight":
		x.emit(to+"ffn.gate.tid2eid", tensor{shape: t.shape, block: typeI64, raw: wholeNumbers{t, 8}})
		return nil
	case part == "exp_probs_b.bias":
		x.emit(to+"ffn.gate.bias", t)
		return nil
	case part == "exp_probs_b_vl.bias":
		x.emit(to+"ffn.gate.bias_vl", t)
		return nil
	case strings.Contains(name, "hc_"), part == "attn_sinks.weight", strings.HasSuffix(part, "_ape.weight"):
		return x.emitExact(name, t)
	}
	at := len(x.out)
	err := x.plain(name, t)
	if f, ferr := x.f.Tensor(name); ferr == nil && f.Type == typeF32 {
		for _, o := range x.out[at:] {
			x.precise[o.name] = true
		}
	}
	return err
}

func (x *exporter) deepseek4Config() {
	x.scoring()
	x.clamped()
}

// glm5 gives back a tensor of a layer with latent attention or Kimi Delta Attention.
func (x *exporter) glm5(name string, t tensor) error {
	_, part := layerOf(name)
	switch {
	case strings.HasPrefix(part, "hc_"), strings.HasPrefix(part, "indexer_compressor_"):
		return x.emitExact(name, t)
	case part == "ssm_a":
		return x.plain(name, t.reshape(elements(t.shape)).logOfNegative())
	}
	return x.kimi(name, t)
}

func (x *exporter) glm5Config() {
	x.deepSeek()
	x.clamped()
	x.ownIndexers()
	x.sparseLayers()
	keys := x.each("attention.head_count_kv")
	types := make([]string, min(x.mainLayers(), len(keys)))
	for i := range types {
		if types[i] = "full_attention"; keys[i] == 0 {
			types[i] = "linear_attention"
		}
	}
	before := x.cfg
	x.cfg = map[string]any{"num_heads": before["num_attention_heads"]}
	x.say([]string{"ssm.conv_kernel short_conv_kernel_size", "kda.head_dim head_dim",
		"kda.gate_lower_bound gate_lower_bound"})
	before["linear_attn_config"], before["layer_types"] = x.cfg, types
	x.cfg = before
}

// hyV4 gives back a tensor. What mixes streams stays exact, and the output matrix where the file has it so; matrices of
// experts stand together.
func (x *exporter) hyV4(name string, t tensor) error {
	layer, part := layerOf(name)
	if strings.Contains(name, "hc_") || part == "attn_sinks.weight" {
		return x.emitExact(name, t)
	}
	to := fmt.Sprintf("model.layers.%d.mlp.experts.", block(name))
	switch part {
	case "output.weight":
		x.precise["lm_head.weight"] = x.exactOutput()
		x.emit("lm_head.weight", t)
		return nil
	case "ffn_up_exps.weight":
		return nil // with the gates
	case "ffn_gate_exps.weight":
		both, err := x.gateUps(layer, t)
		if err == nil {
			x.emit(to+"gate_up_proj", both)
		}
		return err
	case "ffn_down_exps.weight":
		x.emit(to+"down_proj", t)
		return nil
	}
	return x.latent(name, t)
}

// exactOutput reports whether the output matrix is in single precision, and the embedding is not.
func (x *exporter) exactOutput() bool {
	out, err1 := x.f.Tensor("output.weight")
	in, err2 := x.f.Tensor("token_embd.weight")
	return err1 == nil && err2 == nil && out.Type == typeF32 && in.Type != typeF32
}

func (x *exporter) hyV4Config() {
	x.indexed()
	x.clamped()
	x.cfg["enable_lm_head_fp32"] = x.exactOutput()
	x.cfg["n_group"], x.cfg["topk_group"] = 1, 1
	for key, name := range map[string]string{"expert_group_count": "n_group", "expert_group_used_count": "topk_group"} {
		if n, ok := x.uint(key); ok {
			x.cfg[name] = n
		}
	}
}

// dots3 gives back a tensor; the embedding of the layer that predicts a token further on stands apart. The class
// multiplies latents, which files have in the norms before.
func (x *exporter) dots3(name string, t tensor) error {
	rank := ""
	switch _, part := layerOf(name); part {
	case "nextn.embed_tokens.weight":
		x.emit("model.mtp.embed_tokens.weight", t)
		return nil
	case "attn_q_a_norm.weight":
		rank = "attention.q_lora_rank"
	case "attn_kv_a_norm.weight":
		rank = "attention.kv_lora_rank"
		types, _ := x.cfg["layer_types"].([]string)
		if n := block(name); n >= len(types) || types[n] != "full_attention" {
			rank += "_swa"
		}
	}
	if rank != "" {
		t = t.over(float32(math.Sqrt(float64(x.need("embedding_length")) / float64(max(x.need(rank), 1)))))
	}
	return x.latent(name, t)
}

// dots3Config says the sizes of layers that see everything, and those of layers with a window.
func (x *exporter) dots3Config() {
	main := x.mainLayers()
	x.layerTypes()
	types, _ := x.cfg["layer_types"].([]string)
	heads := x.each("attention.head_count")
	if len(types) != main || x.err != nil {
		x.fail("attention.sliding_window_pattern", ErrUnsupported, "a %s has a list of as many as layers", x.class)
		return
	}
	for i := range heads {
		if i < main && types[i] == "full_attention" {
			x.cfg["num_attention_heads"] = heads[i]
		} else {
			x.cfg["swa_num_attention_heads"], x.cfg["swa_num_key_value_heads"] = heads[i], heads[i]
		}
	}
	x.deepSeek()
	delete(x.cfg, "sliding_window")
	keys, rope := x.need("attention.key_length_mla_swa"), x.need("rope.dimension_count")
	x.cfg["swa_qk_nope_head_dim"] = keys - min(rope, keys)
	x.cfg["num_nextn_predict_layers"] = x.layers - main
}

// qwen4 gives back a tensor. Queries and keys of an indexer stand together; the table of n-grams stands in the first
// layer that has some.
func (x *exporter) qwen4(name string, t tensor) error {
	layer, part := layerOf(name)
	to := strings.Replace("model."+layer, "blk.", "layers.", 1)
	switch {
	case part == "indexer.q_proj.weight":
		k, err := x.other(layer + "indexer.k_proj.weight")
		if err != nil {
			return err
		}
		if !t.dims(2) || !k.dims(2) || t.shape[1] != k.shape[1] {
			return fmt.Errorf("%w: shapes %v and %v", ErrFile, t.shape, k.shape)
		}
		x.emit(to+"self_attn.indexer.index_qk_proj.weight", concat(t, k))
		return nil
	case part == "indexer.k_proj.weight":
		return nil // with the queries
	case strings.HasPrefix(part, "ple_norm_"):
		return x.plain(name, t.minusOne())
	case part == "ple_conv1d.weight":
		t, err := t.kernel()
		if err != nil {
			return err
		}
		return x.plain(name, t)
	case name == "per_layer_token_embd.weight":
		x.emit(x.ngramModule()+"ngram_embedding.shard_0.weight", t)
		return nil
	}
	return x.qwen35(name, t)
}

// ngramModule is what names of the parts begin with that make rows of a table of n-grams.
func (x *exporter) ngramModule() string {
	layers, err := x.f.Ints(x.arch + ".ple.layers")
	if err != nil || len(layers) == 0 {
		x.fail("ple.layers", ErrFile, "there is a table of n-grams for no layer")
		return ""
	}
	return fmt.Sprintf("model.layers.%d.ple.ple_embedding.", layers[0])
}

func (x *exporter) qwen4Config() {
	x.qwen35Config()
	ratios := x.each("attention.compress_ratios")
	x.cfg["indexer_compress_ratio"] = slices.Max(append(ratios, 0))
	layers, err := x.f.Ints(x.arch + ".ple.layers")
	if err != nil {
		return
	}
	for i := range layers {
		layers[i]++ // from 1 on
	}
	x.cfg["ple_layer_ids"], x.cfg["split_ngram_parts"] = layers, 1
	rows := x.need("ple.heads_per_ngram") * (max(x.need("ple.ngram_size"), 1) - 1)
	x.cfg["ple_embed_dim"] = x.need("embedding_length_per_layer_input") * rows
	for _, e := range pleNumbers {
		var list []uint64
		if v, ok := x.f.Value(x.arch + "." + e[1]); ok {
			list, _ = v.Any().([]uint64)
		}
		if list == nil {
			x.fail(e[1], ErrFile, "it is missing, or no list of whole numbers of 64 bits")
			return
		}
		if e[1] == "ple.head_vocab_sizes" && len(list) > 0 { // the class counts primes from there on
			x.cfg["ngram_vocab_size_base"] = list[0]
			x.cfg["make_ngram_vocab_size_divisible_by"] = x.rowsOf("per_layer_token_embd.weight")
		}
		var raw []byte
		for _, n := range list {
			raw = binary.LittleEndian.AppendUint64(raw, n)
		}
		module, _, _ := strings.Cut(x.ngramModule(), "ple_embedding.")
		x.emit(module+e[0], tensor{shape: []int{len(list)}, block: typeI64, raw: strings.NewReader(string(raw))})
	}
}

// qwen4Ends says the token at which n-grams begin anew where the class looks for it; the tokenizer says the one that
// ends a text.
func (x *exporter) qwen4Ends(*fileVocab) error {
	if n, ok := x.uint("ple.eos_token_id"); ok {
		x.cfg["eos_token_id"] = n
	}
	return x.err
}

// typeI64 is the type of whole numbers of 64 bits.
const typeI64 = gguf.Type(27)
