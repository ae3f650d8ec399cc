package huggingface

import (
	"fmt"
	"strings"
)

// Exports that need no more than what a file says in other words.

var (
	_ = invert("phi2", inverse{class: "PhiForCausalLM", modelType: "phi", config: (*exporter).phi2})
	_ = invert("phi3", inverse{class: "Phi3ForCausalLM", modelType: "phi3", restore: (*exporter).phi3, config: (*exporter).phi3Config})
	_ = invert("cohere2", inverse{class: "Cohere2ForCausalLM", modelType: "cohere2", config: (*exporter).cohere2})
	_ = invert("exaone4", inverse{class: "Exaone4ForCausalLM", modelType: "exaone4", restore: (*exporter).withoutFactors, config: (*exporter).layerTypes})
	_ = invert("glm4", inverse{class: "Glm4ForCausalLM", modelType: "glm4", config: (*exporter).glm4})
	_ = invert("olmo", inverse{class: "OlmoForCausalLM", modelType: "olmo", restore: (*exporter).llama, config: (*exporter).olmo,
		implied: []string{"attention.layer_norm_epsilon"}})
	_ = invert("starcoder2", inverse{class: "Starcoder2ForCausalLM", modelType: "starcoder2", config: (*exporter).starcoder2})
	_ = invert("stablelm", inverse{class: "StableLmForCausalLM", modelType: "stablelm", config: (*exporter).stableLM})
	_ = invert("nemotron", inverse{class: "NemotronForCausalLM", modelType: "nemotron", restore: (*exporter).gemma, config: (*exporter).nemotron,
		implied: []string{"attention.layer_norm_epsilon"}})
	_ = invert("gpt2", inverse{class: "GPT2LMHeadModel", modelType: "gpt2", restore: (*exporter).gpt2, config: (*exporter).gpt2Config})
	_ = invert("gptneox", inverse{class: "GPTNeoXForCausalLM", modelType: "gpt_neox", restore: (*exporter).neoX, config: (*exporter).neoXConfig})
)

// partly adds the share of a head that rotates.
func (x *exporter) partly() {
	dims, heads := x.need("rope.dimension_count"), x.need("attention.head_count")
	size, ok := x.uint("attention.key_length")
	if !ok && heads > 0 {
		size = x.need("embedding_length") / heads
	}
	if size == 0 {
		x.fail("attention.head_count", ErrFile, "%d heads", heads)
		return
	}
	x.cfg["partial_rotary_factor"] = number(float64(dims) / float64(size))
}

// phi2 takes the width of networks from their weights: files say four times the model's, whatever it is.
func (x *exporter) phi2() {
	x.partly()
	if t, err := x.f.Tensor("blk.0.ffn_up.weight"); err == nil && len(t.Shape) == 2 {
		x.cfg["intermediate_size"] = t.Shape[1]
	}
}

// window adds how far layers see that do not see everything.
func (x *exporter) window() {
	if n, ok := x.uint("attention.sliding_window"); ok && n > 0 {
		x.cfg["sliding_window"] = n
	}
}

// layerTypes adds the window, and which layers have it.
func (x *exporter) layerTypes() {
	x.window()
	v, ok := x.f.Value(x.arch + ".attention.sliding_window_pattern")
	if !ok {
		return
	}
	list, ok := v.Any().([]bool)
	if !ok {
		x.fail("attention.sliding_window_pattern", ErrUnsupported, "a %s has a list", x.class)
		return
	}
	types := make([]string, len(list))
	for i, sliding := range list {
		if types[i] = "full_attention"; sliding {
			types[i] = "sliding_attention"
		}
	}
	x.cfg["layer_types"] = types
}

// withoutFactors gives back a tensor; factors of frequencies are numbers of config.json.
func (x *exporter) withoutFactors(name string, t tensor) error {
	if name == "rope_freqs.weight" {
		return nil
	}
	return x.plain(name, t)
}

func (x *exporter) cohere2() {
	x.commandR()
	x.window()
	x.partly()
	x.cfg["rotary_pct"] = x.cfg["partial_rotary_factor"]
	delete(x.cfg, "partial_rotary_factor")
}

func (x *exporter) glm4() {
	x.partly()
	x.cfg["attention_bias"] = x.has("blk.0.attn_q.bias")
}

func (x *exporter) olmo() {
	if v, ok := x.float("attention.clamp_kqv"); ok && v != 0 {
		x.cfg["clip_qkv"] = number(v)
	}
}

func (x *exporter) starcoder2() {
	x.window()
	x.cfg["use_bias"] = x.has("blk.0.attn_q.bias")
}

func (x *exporter) stableLM() {
	x.partly()
	if v, err := x.f.Bool(x.arch + ".use_parallel_residual"); err == nil {
		x.cfg["use_parallel_residual"] = v
	}
	x.cfg["use_qkv_bias"] = x.has("blk.0.attn_q.bias")
}

func (x *exporter) nemotron() {
	x.partly()
	if v, ok := x.float("attention.layer_norm_epsilon"); ok {
		x.cfg["norm_eps"] = number(v)
	}
	x.cfg["attention_bias"], x.cfg["mlp_bias"] = x.has("blk.0.attn_output.bias"), x.has("blk.0.ffn_up.bias")
}

// phi3 gives back a tensor; factors of frequencies are numbers of config.json.
func (x *exporter) phi3(name string, t tensor) error {
	if strings.HasPrefix(name, "rope_factors_") {
		return nil
	}
	return x.plain(name, t)
}

func (x *exporter) phi3Config() {
	x.window()
	x.partly()
	x.cfg["original_max_position_embeddings"] = x.need("rope.scaling.original_context_length")
	x.longRope()
}

// gpt2 gives back a tensor; matrices stand transposed.
func (x *exporter) gpt2(name string, t tensor) error {
	if t.dims(2) && strings.HasPrefix(name, "blk.") {
		t = t.transpose()
	}
	return x.plain(name, t)
}

func (x *exporter) gpt2Config() {
	x.cfg["n_inner"] = nil // four times the width, as the reader has it
	x.cfg["n_ctx"] = x.cfg["n_positions"]
	for _, k := range []string{"num_key_value_heads", "num_hidden_layers"} {
		delete(x.cfg, k)
	}
	x.cfg["n_layer"] = x.layers
}

// neoX gives back a tensor; queries, keys and values stand together head by head.
func (x *exporter) neoX(name string, t tensor) error {
	if strings.Contains(name, ".attn_qkv.") {
		heads := int(x.need("attention.head_count"))
		if heads <= 0 || len(t.shape) == 0 || t.shape[0]%(3*heads) != 0 {
			return fmt.Errorf("%w: %v rows for %d heads", ErrFile, t.shape, heads)
		}
		dim := t.shape[0] / heads / 3
		t = t.permuted(func(i int) int {
			head, part, in := i/(3*dim), i/dim%3, i%dim
			return (part*heads+head)*dim + in
		})
	}
	return x.plain(name, t)
}

func (x *exporter) neoXConfig() {
	x.partly()
	x.cfg["rotary_pct"] = x.cfg["partial_rotary_factor"]
	delete(x.cfg, "partial_rotary_factor")
	delete(x.cfg, "num_key_value_heads")
	if v, err := x.f.Bool(x.arch + ".use_parallel_residual"); err == nil {
		x.cfg["use_parallel_residual"] = v
	}
	x.cfg["attention_bias"] = x.has("blk.0.attn_qkv.bias")
}
