package huggingface

import (
	"fmt"
	"slices"
	"strings"
)

// Exports of Grok, of what NVIDIA cut down, and of models that few have.

// invertedNames are the names that files have for what a table and commonNames name, to these.
func invertedNames(names map[string]string) map[string]string {
	return family{names: names}.inverseNames()
}

var (
	grokKnown  = append([]string{"num_local_experts"}, usualNames...)
	grokPlaces = []string{"attn_logit_softcapping attn_logit_softcapping",
		"router_logit_softcapping router_logit_softcapping", "final_logit_softcapping final_logit_softcapping",
		"attention.output_scale attn_output_multiplier", "embedding_scale embedding_multiplier_scale",
		"logit_scale output_multiplier_scale", "attention.temperature_length attn_temperature_len",
		"expert_feed_forward_length moe_intermediate_size"}
	// grokScales are what older files do not say.
	grokScales = map[string]any{"embedding_multiplier_scale": number(78.38367176906169),
		"output_multiplier_scale": number(0.5773502691896257)}
	_ = invert("grok",
		inverse{class: "Grok1ForCausalLM", modelType: "grok-1", fits: (*exporter).isGrok1, fixed: grokScales,
			names: invertedNames(grok1Names), restore: (*exporter).grok1, says: grokPlaces, known: grokKnown},
		inverse{class: "Grok1ForCausalLM", modelType: "git", names: invertedNames(grok2Names),
			config: (*exporter).grok2, vocab: (*exporter).grokTemplate, known: grokKnown,
			says: append([]string{"rope.scaling.factor scaling_factor",
				"rope.scaling.original_context_length original_max_position_embeddings",
				"rope.scaling.yarn_ext_factor extrapolation_factor", "rope.scaling.yarn_attn_factor attn_factor",
				"rope.scaling.yarn_beta_fast beta_fast", "rope.scaling.yarn_beta_slow beta_slow"}, grokPlaces...)})
	_ = invert("deci", inverse{class: "DeciLMForCausalLM", modelType: "nemotron-nas", restore: (*exporter).deci,
		config:  (*exporter).deciConfig,
		implied: []string{"attention.head_count", "attention.head_count_kv", "feed_forward_length"}})
	_ = invert("hrm_text", inverse{class: "HrmTextForCausalLM", modelType: "hrm_text", restore: (*exporter).hrm,
		config: (*exporter).hrmConfig,
		says: []string{"embedding_scale embedding_scale", "hrm.layers_per_stack num_layers_per_stack",
			"hrm.h_cycles H_cycles", "hrm.l_cycles L_cycles", "hrm.prefix_lm prefix_lm"}})
	_ = invert("cogvlm", inverse{class: "CogVLMForCausalLM", modelType: "cogvlm", restore: (*exporter).withoutFactors})
	_ = invert("talkie", inverse{class: "TalkieForCausalLM", modelType: "talkie", restore: (*exporter).talkie,
		config: (*exporter).talkieConfig, implied: []string{"attention.layer_norm_rms_epsilon"}})
	_ = invert("neo-bert", inverse{class: "NeoBERTForSequenceClassification", modelType: "neobert",
		restore: (*exporter).neoBERTHead, config: (*exporter).neoBERTClasses,
		names:   map[string]string{"cls": "dense", "cls.output": "classifier"},
		implied: []string{"feed_forward_length"}, says: []string{"attention.layer_norm_rms_epsilon norm_eps"}})
)

// isGrok1 reports whether the model is the first Grok, by the norm behind its experts.
func (x *exporter) isGrok1() bool { return x.has("blk.0.layer_output_norm.weight") }

// grok1 gives back a tensor; experts have no module above them.
func (x *exporter) grok1(name string, t tensor) error {
	at := len(x.out)
	err := x.plain(name, t)
	for i := range x.out[at:] {
		x.out[at+i].name = strings.Replace(x.out[at+i].name, ".moe.experts.", ".moe.", 1)
	}
	return err
}

// grok2 says YaRN as the folder does, beside all other keys.
func (x *exporter) grok2() {
	if _, ok := x.cfg["rope_scaling"]; ok {
		x.cfg["rope_type"] = "original"
		delete(x.cfg, "rope_scaling")
	}
}

// grokTemplate writes the template into a file of its own, without which the folder's tokenizer.json does not count.
func (x *exporter) grokTemplate(v *fileVocab) error {
	if text, err := x.f.String("tokenizer.chat_template"); v.model == "gpt2" {
		if err != nil {
			return fmt.Errorf("key tokenizer.chat_template: %w: a %s needs one beside tokenizer.json",
				ErrUnsupported, x.class)
		}
		x.files["chat_template.jinja"] = []byte(text)
	}
	return nil
}

// each returns what a key says for each layer: a list, or one number for all.
func (x *exporter) each(key string) []int64 {
	if n, err := x.f.Uint(x.arch + "." + key); err == nil && n < 1<<31 {
		return slices.Repeat([]int64{int64(n)}, x.layers)
	}
	list, err := x.f.Ints(x.arch + "." + key)
	if err != nil || len(list) != x.layers {
		x.fail(key, ErrUnsupported, "a %s has a number or a list of as many as layers", x.class)
		return make([]int64, x.layers)
	}
	return list
}

// deci gives back a tensor; queries and keys of a layer with as many heads as it has rotate in halves again.
func (x *exporter) deci(name string, t tensor) error {
	if name == "rope_freqs.weight" {
		return nil // numbers of config.json
	}
	_, part := layerOf(name)
	module, _, _ := strings.Cut(part, ".")
	key := map[string]string{"attn_q": "attention.head_count", "attn_k": "attention.head_count_kv"}[module]
	if n := block(name); key != "" && n < x.layers {
		var err error
		if t, err = inHalves(t, x.each(key)[n]); err != nil {
			return err
		}
	}
	return x.plain(name, t)
}

// deciConfig says the layers: heads of keys of each, or all that each has of its own.
func (x *exporter) deciConfig() {
	heads, keys := x.each("attention.head_count"), x.each("attention.head_count_kv")
	widths := x.each("feed_forward_length")
	if x.err != nil {
		return
	}
	x.cfg["num_attention_heads"] = x.need("embedding_length") / max(x.need("attention.key_length"), 1)
	if _, err := x.f.Uint(x.arch + ".attention.head_count"); err == nil {
		x.cfg["num_attention_heads"], x.cfg["num_key_value_heads_per_layer"] = heads[0], keys
		x.cfg["intermediate_size"] = widths[0]
		delete(x.cfg, "num_key_value_heads")
		return
	}
	blocks := make([]object, x.layers)
	for i := range blocks {
		attention := object{"no_op": heads[i] == 0, "replace_with_linear": heads[i] > 0 && keys[i] == 0,
			"n_heads_in_group": nil}
		if keys[i] > 0 {
			attention["n_heads_in_group"] = heads[i] / keys[i]
		}
		ffn := object{"no_op": widths[i] == 0, "replace_with_linear": false, "ffn_mult": nil}
		if widths[i] > 0 {
			ffn["ffn_mult"] = number(1.5 * float64(widths[i]) / float64(max(x.need("embedding_length"), 1)))
		}
		blocks[i] = object{"attention": attention, "ffn": ffn}
	}
	x.cfg["block_configs"], x.cfg["num_key_value_heads"], x.cfg["intermediate_size"] = blocks, nil, nil
}

// hrm gives back a tensor; gates, queries, keys and values stand together.
func (x *exporter) hrm(name string, t tensor) error {
	layer, part := layerOf(name)
	parts := map[string][]string{"attn_gate.weight": {"attn_gate", "attn_q", "attn_k", "attn_v"},
		"ffn_gate.weight": {"ffn_gate", "ffn_up"}}[part]
	to := map[string]string{"attn_gate.weight": "attn.gqkv_proj", "ffn_gate.weight": "mlp.gate_up_proj",
		"attn_output.weight": "attn.o_proj", "ffn_down.weight": "mlp.down_proj"}[part]
	switch {
	case name == "hrm.z_l_init":
		x.emit("model.z_L_init", t)
		return nil
	case layer == "":
		return x.plain(name, t)
	case part == "attn_q.weight", part == "attn_k.weight", part == "attn_v.weight", part == "ffn_up.weight":
		return nil // with the gates
	case to == "":
		_, err := x.hubName(name)
		return err
	}
	list := []tensor{t}
	for _, p := range parts[min(1, len(parts)):] {
		u, err := x.other(layer + p + ".weight")
		if err != nil {
			return err
		}
		if !t.dims(2) || !slices.Equal(u.shape, t.shape) {
			return fmt.Errorf("%w: shapes %v and %v", ErrFile, t.shape, u.shape)
		}
		list = append(list, u)
	}
	stack, n := "L", block(name)
	if per := int(x.need("hrm.layers_per_stack")); n >= per {
		stack, n = "H", n-per
	}
	x.emit(fmt.Sprintf("model.%s_module.layers.%d.%s.weight", stack, n, to), concat(list...))
	return nil
}

// hrmConfig says how many layers run, of which the weights of two stacks are in the file.
func (x *exporter) hrmConfig() {
	x.cfg["num_hidden_layers"] = x.layers
	if _, ok := x.cfg["head_dim"]; !ok { // of which the class has a default
		x.cfg["head_dim"] = x.need("embedding_length") / max(x.need("attention.head_count"), 1)
	}
}

// talkie gives back a tensor. Positions rotate the other way round, which the signs of half of each head make good.
func (x *exporter) talkie(name string, t tensor) error {
	_, part := layerOf(name)
	to := fmt.Sprintf("model.blocks.%d.", block(name))
	switch part {
	case "attn_output.scale":
		x.emit(to+"attn_gain.a_g", t)
		return nil
	case "ffn_down.scale":
		x.emit(to+"mlp_gain.a_g", t)
		return nil
	case "attn_q.weight", "attn_k.weight":
		dim := int(x.need("attention.key_length"))
		if dim <= 0 || !t.dims(2) || t.shape[0]%dim != 0 {
			return fmt.Errorf("%w: shape %v for heads of %d", ErrFile, t.shape, dim)
		}
		t = t.signed(func(row int) bool { return row%dim >= dim/2 })
	case "attn_q_norm.weight":
		t = t.reshape(elements(t.shape))
	}
	return x.emitAs(name, func(s string) string {
		if s == "lm_head.weight" || strings.HasSuffix(s, "_g.weight") {
			return strings.TrimSuffix(s, ".weight")
		}
		return s
	}, t)
}

// talkieConfig adds the factor of logits as a tensor.
func (x *exporter) talkieConfig() {
	v, ok := x.float("logit_scale")
	if !ok {
		x.fail("logit_scale", ErrUnsupported, "a %s has one", x.class)
	}
	x.emit("lm_head_gain.w_g", constant([]float32{float32(v)}))
}

// neoBERTHead gives back a tensor: beside a head the encoder is called model.
func (x *exporter) neoBERTHead(name string, t tensor) error {
	return x.emitAs(name, func(s string) string {
		if strings.HasPrefix(name, "cls.") {
			return s
		}
		return "model." + s
	}, t)
}

func (x *exporter) neoBERTClasses() {
	x.neoBERT()
	x.classes()
}
