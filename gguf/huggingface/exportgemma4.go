package huggingface

import (
	"fmt"
	"strings"
)

// Gemma 4's export.

var _ = invert("gemma4", inverse{class: "Gemma4ForCausalLM", modelType: "gemma4_text", restore: (*exporter).gemma4,
	config:  (*exporter).gemma4Config,
	fixed:   map[string]any{"hidden_activation": "gelu_pytorch_tanh", "attention_bias": false},
	implied: []string{"feed_forward_length", "attention.head_count_kv", "expert_count", "expert_used_count"},
	says: []string{"attention.key_length_swa head_dim", "attention.key_length global_head_dim",
		"attention.value_length global_head_dim", "attention.shared_kv_layers num_kv_shared_layers",
		"embedding_length_per_layer_input hidden_size_per_layer_input",
		"expert_feed_forward_length moe_intermediate_size", "expert_count num_experts",
		"expert_used_count top_k_experts", "final_logit_softcapping final_logit_softcapping"}})

// gemma4Parts are tensors of a layer that are no modules with weights in folders.
var gemma4Parts = map[string]string{"layer_output_scale.weight": "layer_scalar", "ffn_gate_inp.scale": "router.scale",
	"ffn_down_exps.scale":     "router.per_expert_scale",
	"ffn_gate_up_exps.weight": "experts.gate_up_proj", "ffn_down_exps.weight": "experts.down_proj"}

// gemma4 gives back a tensor; factors of frequencies are a number of config.json.
func (x *exporter) gemma4(name string, t tensor) error {
	_, part := layerOf(name)
	if to := gemma4Parts[part]; to != "" {
		x.emit(fmt.Sprintf("model.layers.%d.%s", block(name), to), t)
		return nil
	}
	return x.withoutFactors(name, t)
}

func (x *exporter) gemma4Config() {
	x.layerTypes()
	types, _ := x.cfg["layer_types"].([]string)
	x.gemma4Widths(types)
	x.gemma4Rope()
	x.cfg["enable_moe_block"] = x.hasExperts()
	if n := x.rowsOf("per_layer_token_embd.weight"); n > 0 {
		x.cfg["vocab_size_per_layer_input"] = n
	}
}

// gemma4Widths adds the sizes that differ between layers: of networks, and of heads of layers that see everything.
func (x *exporter) gemma4Widths(types []string) {
	widths, err := x.f.Ints(x.arch + ".feed_forward_length")
	if x.cfg["use_double_wide_mlp"] = err == nil; err == nil && len(widths) > 0 {
		x.cfg["intermediate_size"] = widths[0]
	} else {
		x.cfg["intermediate_size"] = x.need("feed_forward_length")
	}
	heads, err := x.f.Ints(x.arch + ".attention.head_count_kv")
	if err != nil {
		x.cfg["num_key_value_heads"] = x.need("attention.head_count_kv")
	}
	full, shared := object{}, true
	for i, typ := range types {
		if typ != "full_attention" {
			if i < len(heads) {
				x.cfg["num_key_value_heads"] = heads[i]
			}
			continue
		}
		own := object{"head_dim": x.need("attention.key_length")}
		if i < len(heads) {
			own["num_key_value_heads"], x.cfg["num_global_key_value_heads"] = heads[i], heads[i]
		}
		full[fmt.Sprint(i)] = own
		shared = shared && !x.has(fmt.Sprintf("blk.%d.attn_v.weight", i))
	}
	x.cfg["per_layer_config"], x.cfg["attention_k_eq_v"] = full, shared
}

// gemma4Rope adds how positions rotate: in layers that see everything by a share of the frequencies, which is those that
// are not divided by much.
func (x *exporter) gemma4Rope() {
	factors, err := x.floats("rope_freqs.weight")
	if err != nil {
		x.err = err
		return
	}
	n := 0
	for n < len(factors) && factors[n] == 1 {
		n++
	}
	full := object{"rope_type": "proportional", "rope_theta": x.cfg["rope_theta"],
		"partial_rotary_factor": number(float64(n) / float64(max(len(factors), 1)))}
	window := object{"rope_type": "default"}
	if theta, ok := x.float("rope.freq_base_swa"); ok {
		window["rope_theta"] = number(theta)
	}
	x.cfg["rope_parameters"] = object{"full_attention": full, "sliding_attention": window}
	delete(x.cfg, "rope_theta")
	delete(x.cfg, "rope_scaling")
}

// spacedPairs is Gemma 4's vocabulary: SentencePiece's BPE, with merges in the file. Texts are cut between line ends and
// all else, as llama.cpp cuts them; real merges go over no line end.
func (x *exporter) spacedPairs(v *fileVocab) (model, steps object, err error) {
	n := len(v.tokens) // without tokens behind all others, which are added ones
	for n > 0 && (v.tokens[n-1].kind == kindControl || v.tokens[n-1].kind == kindUserDefined) {
		n--
	}
	ids, err := (&fileVocab{tokens: v.tokens[:n]}).ids()
	if err != nil {
		return nil, nil, err
	}
	merges, err := x.merges(v)
	if err != nil {
		return nil, nil, err
	}
	unknown := ""
	for _, t := range v.tokens {
		if t.kind == kindUnknown || unknown == "" && strings.EqualFold(t.text, "<unk>") {
			unknown = t.text
		}
	}
	return object{"type": "BPE", "dropout": nil, "unk_token": unknown, "continuing_subword_prefix": nil,
			"end_of_word_suffix": nil,
			"fuse_unk":           true, "byte_fallback": true, "ignore_merges": false, "vocab": ids, "merges": merges},
		object{"normalizer": object{"type": "Replace", "pattern": object{"String": " "}, "content": "▁"},
			"pre_tokenizer": object{"type": "Split", "pattern": object{"Regex": `\n+`}, "behavior": "Isolated",
				"invert": false},
			"decoder": object{"type": "Sequence", "decoders": []object{{"type": "Replace",
				"pattern": object{"String": "▁"}, "content": " "},
				{"type": "ByteFallback"}, {"type": "Fuse"}}}}, nil
}
