package huggingface

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Exports of PLaMo.

var (
	_ = invert("plamo", inverse{class: "PlamoForCausalLM", modelType: "plamo", restore: (*exporter).plamo1,
		config: (*exporter).plamo1Config, implied: []string{"context_length", "attention.head_count_kv"}})
	_ = invert("plamo2", inverse{class: "Plamo2ForCausalLM", modelType: "plamo2", restore: (*exporter).plamo2,
		config: (*exporter).plamo2Config, vocab: (*exporter).plamoTokens,
		implied: []string{"attention.head_count", "attention.head_count_kv"},
		says: []string{"attention.value_length hidden_size_per_head", "ssm.state_size mamba_d_state",
			"ssm.conv_kernel mamba_d_conv", "ssm.time_step_rank mamba_num_heads"}})
	_ = invert("plamo3", inverse{class: "Plamo3ForCausalLM", modelType: "plamo3", restore: (*exporter).plamo3,
		config: (*exporter).plamo3Config, vocab: (*exporter).plamoTokens,
		says: []string{"attention.sliding_window window_size", "rope.freq_base_swa rope_local_theta",
			"attention.sliding_window_pattern sliding_window_pattern"}})
)

// plamo1 gives back a tensor: heads with the same key stand apart again.
func (x *exporter) plamo1(name string, t tensor) error {
	_, part := layerOf(name)
	if part != "attn_q.weight" && part != "attn_output.weight" {
		return x.plain(name, t)
	}
	heads := int(x.need("attention.head_count"))
	if heads <= 0 || heads%plamoKeyHeads != 0 || !t.dims(2) || t.shape[0] != t.shape[1] || t.shape[0]%heads != 0 {
		return fmt.Errorf("%w: shape %v for %d heads", ErrFile, t.shape, heads)
	}
	dim, per := t.shape[0]/heads, heads/plamoKeyHeads
	from := func(i int) int {
		head, in := i/dim, i%dim
		return (head%plamoKeyHeads*per+head/plamoKeyHeads)*dim + in
	}
	if part == "attn_q.weight" {
		return x.plain(name, t.permuted(from))
	}
	return x.plain(name, t.columns(from))
}

func (x *exporter) plamo1Config() {
	x.cfg["num_key_value_heads"] = x.need("attention.head_count_kv")
	x.cfg["n_shared_head"] = x.need("attention.head_count") / plamoKeyHeads
}

// plamoNorms are the parts of names of plamoBare that stand in folders, by what files have.
var plamoNorms = map[string]string{
	"post_attention_norm": "post_mixer_norm.weight", "post_ffw_norm": "post_mlp_norm.weight",
	"ssm_dt_norm": "mixer.dt_norm_weight", "ssm_b_norm": "mixer.B_norm_weight", "ssm_c_norm": "mixer.C_norm_weight"}

// plamoLayer gives back a tensor that all layers have.
func (x *exporter) plamoLayer(name string, t tensor) (err error) {
	_, part := layerOf(name)
	to, ok := plamoNorms[part]
	if ok {
		to = fmt.Sprintf("model.layers.layers.%d.%s", block(name), to)
	} else if to, err = x.hubName(name); err != nil {
		return err
	}
	short := strings.TrimSuffix(to, ".weight")
	if k, ok := plamoOffsets[short[strings.LastIndex(short, ".")+1:]]; ok && short != to {
		t = t.less(float32(k))
	}
	x.precise[to] = inFloat32(name)
	x.emit(to, t)
	return nil
}

// plamo2 gives back a tensor of a layer that attends or has a state space.
func (x *exporter) plamo2(name string, t tensor) (err error) {
	layer := fmt.Sprintf("model.layers.layers.%d.mixer.", block(name))
	switch _, part := layerOf(name); part {
	case "attn_q_norm.weight", "attn_k_norm.weight":
		x.emit(layer+part[len("attn_"):][:1]+"_weight", t)
		return nil
	case "ssm_dt.bias":
		x.emit(layer+"dt_bias", t)
		return nil
	case "ssm_a":
		t = t.logOfNegative()
	case "ssm_conv1d.weight":
		if t, err = t.kernel(); err != nil {
			return err
		}
	}
	return x.plamoLayer(name, t)
}

// plamo2Config says which layers attend by the step from one to the next.
func (x *exporter) plamo2Config() {
	keys, heads := x.kvHeads()
	queries, err := x.f.Ints(x.arch + ".attention.head_count")
	if err != nil || len(queries) != len(keys) {
		x.fail("attention.head_count", ErrUnsupported, "a %s has a list of as many as layers", x.class)
	}
	if x.err != nil {
		return
	}
	first, step := x.every(func(i int) bool { return keys[i] > 0 })
	if first >= x.layers {
		x.fail("attention.head_count_kv", ErrUnsupported, "no layer attends")
		return
	}
	if step/2 != first { // one layer only
		step = 2*first + 1
	}
	x.cfg["num_key_value_heads"], x.cfg["num_attention_heads"] = heads, queries[first]
	x.cfg["mamba_step"], x.cfg["mamba_enabled"] = step, true
	delete(x.cfg, "head_dim")
}

// plamo3 gives back a tensor; norms of queries and keys are stored as the difference from 1.
func (x *exporter) plamo3(name string, t tensor) error {
	if _, part := layerOf(name); part == "attn_q_norm.weight" || part == "attn_k_norm.weight" {
		t = t.less(1)
	}
	return x.plamoLayer(name, t)
}

// plamo3Config says YaRN in keys of its own.
func (x *exporter) plamo3Config() {
	if r, ok := x.cfg["rope_scaling"].(map[string]any); ok && r["rope_type"] == "yarn" {
		x.cfg["rope_scaling_factor"] = r["factor"]
		x.cfg["initial_context_length"] = r["original_max_position_embeddings"]
		delete(x.cfg, "rope_scaling")
	}
}

// plamoTokens writes tokenizer.jsonl: a list per line with a token's text, score and kind.
func (x *exporter) plamoTokens(v *fileVocab) error {
	kinds := map[int32]string{}
	for name, kind := range plamoKinds {
		kinds[kind] = name
	}
	n := len(v.tokens)
	for n > 0 && v.tokens[n-1].kind == kindUnused {
		n--
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, t := range v.tokens[:n] {
		kind := kinds[t.kind]
		if kind == "" {
			kind = "NORMAL"
		}
		if err := enc.Encode([]any{t.text, number(float64(t.score)), kind}); err != nil {
			return err
		}
	}
	x.files["tokenizer.jsonl"] = out.Bytes()
	return nil
}
