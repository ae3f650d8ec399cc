package huggingface

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Exports of models whose layers are not all attention.

var (
	_ = invert("lfm2", inverse{class: "Lfm2ForCausalLM", modelType: "lfm2", restore: (*exporter).lfm2, config: (*exporter).lfm2Config,
		implied: []string{"attention.head_count_kv"}})
	_ = invert("lfm2moe", inverse{class: "Lfm2MoeForCausalLM", modelType: "lfm2_moe", restore: (*exporter).lfm2, config: (*exporter).lfm2MoEConfig,
		implied: []string{"attention.head_count_kv"}})
	_ = invert("qwen3next", inverse{class: "Qwen3NextForCausalLM", modelType: "qwen3_next", names: qwenShared, restore: (*exporter).qwenNext,
		config: (*exporter).qwenNextConfig})
	_ = invert("qwen35", inverse{class: "Qwen3_5ForCausalLM", modelType: "qwen3_5_text", restore: (*exporter).qwen35, config: (*exporter).qwen35Config})
	_ = invert("qwen35moe", inverse{class: "Qwen3_5MoeForCausalLM", modelType: "qwen3_5_moe_text", names: qwenShared, restore: (*exporter).qwen35,
		config: (*exporter).qwen35Config, known: []string{"intermediate_size"}})
)

// layerOf splits the name of a layer's tensor: "blk.", the number of the layer and a point, and the rest.
func layerOf(name string) (layer, part string) {
	rest, ok := strings.CutPrefix(name, "blk.")
	n, part, _ := strings.Cut(rest, ".")
	if _, err := strconv.Atoi(n); !ok || err != nil {
		return "", name
	}
	return "blk." + n + ".", part
}

// other is another tensor of the file.
func (x *exporter) other(name string) (tensor, error) {
	t, err := x.f.Tensor(name)
	if err != nil {
		return tensor{}, err
	}
	return fromFile(t)
}

// emitAs adds a tensor under a name that is made of the one that the class has for another.
func (x *exporter) emitAs(name string, change func(string) string, t tensor) error {
	to, err := x.hubName(name)
	if err != nil {
		return err
	}
	to = change(to)
	x.precise[to] = inFloat32(name)
	x.emit(to, t)
	return nil
}

// kvHeads returns how many heads for keys each layer has, 0 where it has no attention, and the number of those that have.
func (x *exporter) kvHeads() (list []int64, heads int64) {
	const key = "attention.head_count_kv"
	list, err := x.f.Ints(x.arch + "." + key)
	if err != nil || len(list) != x.layers {
		x.fail(key, ErrUnsupported, "a %s has a list of as many as layers", x.class)
		return nil, 0
	}
	for _, n := range list {
		if n != 0 && heads != 0 && n != heads {
			x.fail(key, ErrUnsupported, "a %s has as many in all layers", x.class)
		}
		heads = max(heads, n)
	}
	return list, heads
}

// attendingLayers adds which layers attend, by the names that the class has for layers.
func (x *exporter) attendingLayers(attends, other string) {
	list, heads := x.kvHeads()
	types := make([]string, len(list))
	for i, n := range list {
		if types[i] = other; n > 0 {
			types[i] = attends
		}
	}
	x.cfg["layer_types"], x.cfg["num_key_value_heads"] = types, heads
}

// lfm2 gives back a tensor: the kernel of a convolution has a dimension more, a bias of experts another name.
func (x *exporter) lfm2(name string, t tensor) (err error) {
	switch _, part := layerOf(name); part {
	case "shortconv.conv.weight":
		if t, err = t.kernel(); err != nil {
			return err
		}
	}
	return x.plain(name, t)
}

func (x *exporter) lfm2Config() {
	x.attendingLayers("full_attention", "conv")
	x.cfg["conv_L_cache"] = x.need("shortconv.l_cache")
	x.cfg["conv_bias"] = x.has("blk.0.shortconv.in_proj.bias")
	x.cfg["block_auto_adjust_ff_dim"] = false
}

func (x *exporter) lfm2MoEConfig() {
	x.lfm2Config()
	delete(x.cfg, "block_auto_adjust_ff_dim")
	dense := x.need("leading_dense_block_count")
	x.cfg["num_dense_layers"], x.cfg["moe_intermediate_size"] = dense, x.need("expert_feed_forward_length")
	x.cfg["use_expert_bias"] = x.has(fmt.Sprintf("blk.%d.exp_probs_b.bias", dense))
	delete(x.cfg, "num_local_experts")
	x.cfg["num_experts"] = x.need("expert_count")
	x.cfg["norm_topk_prob"], x.cfg["routed_scaling_factor"] = true, number(1)
}

// logOfNegative undoes negativeExp.
func (t tensor) logOfNegative() tensor {
	return t.apply(func(v float32) float32 { return float32(math.Log(-float64(v))) })
}

// fileLinear is the shape of linear attention.
func (x *exporter) fileLinear() linear {
	heads := x.need("ssm.time_step_rank")
	l := linear{keyDim: int(x.need("ssm.state_size")), keyHeads: int(x.need("ssm.group_count")), valueHeads: int(heads)}
	if inner := x.need("ssm.inner_size"); heads == 0 || inner%heads != 0 || l.keyHeads == 0 || l.valueHeads%l.keyHeads != 0 {
		x.fail("ssm.time_step_rank", ErrFile, "%d heads of values for %d of keys, in a width of %d", heads, l.keyHeads, inner)
	} else {
		l.valueDim = int(inner / heads)
	}
	return l
}

// mainLayers is the number of layers but for those that predict a token further on.
func (x *exporter) mainLayers() int {
	n, _ := x.uint("nextn_predict_layers")
	return x.layers - int(min(n, uint64(x.layers)))
}

// nextnModules are what a layer that predicts a token further on has of its own.
var nextnModules = map[string]string{"nextn.eh_proj.weight": "mtp.fc.weight", "nextn.enorm.weight": "mtp.pre_fc_norm_embedding.weight",
	"nextn.hnorm.weight": "mtp.pre_fc_norm_hidden.weight", "nextn.shared_head_norm.weight": "mtp.norm.weight"}

// qwenNext gives back a tensor of Qwen 3 Next or Qwen 3.5.
func (x *exporter) qwenNext(name string, t tensor) (err error) {
	layer, part := layerOf(name)
	if strings.HasSuffix(name, "norm.weight") && part != "ssm_norm.weight" {
		t = t.minusOne()
	}
	to := func(s string) string { return s }
	if n := block(name); layer != "" && n >= x.mainLayers() {
		if own := nextnModules[part]; own != "" {
			if n != x.mainLayers() {
				return fmt.Errorf("%w: layers that predict tokens have one of these together", ErrUnsupported)
			}
			x.emit(own, t)
			return nil
		}
		from, with := fmt.Sprintf("model.layers.%d.", n), fmt.Sprintf("mtp.layers.%d.", n-x.mainLayers())
		to = func(s string) string { return strings.Replace(s, from, with, 1) }
	}
	switch part {
	case "ssm_a":
		return x.emitAs(name, to, t.logOfNegative())
	case "ssm_dt.bias":
		return x.emitAs(name, to, t)
	case "ssm_conv1d.weight":
		if t, err = t.kernel(); err != nil {
			return err
		}
	case "attn_qkv.weight", "attn_gate.weight":
		if x.arch == "qwen3next" {
			return x.joinQKVZ(layer, part)
		}
	}
	at := len(x.out)
	err = x.plain(name, t)
	for i := range x.out[at:] {
		old := x.out[at+i].name
		x.out[at+i].name = to(old)
		x.precise[to(old)] = x.precise[old]
	}
	return err
}

// joinQKVZ gives back the projection whose rows are queries, keys, values and gates of one key head after the other.
func (x *exporter) joinQKVZ(layer, part string) error {
	if part == "attn_gate.weight" {
		return nil // with attn_qkv
	}
	qkv, err := x.other(layer + "attn_qkv.weight")
	if err != nil {
		return err
	}
	z, err := x.other(layer + "attn_gate.weight")
	if err != nil {
		return err
	}
	l := x.fileLinear()
	if x.err != nil {
		return x.err
	}
	values := l.valueHeads / l.keyHeads * l.valueDim
	keys, rows := l.keyHeads*l.keyDim, l.keyHeads*values
	if !qkv.dims(2) || !z.dims(2) || qkv.shape[0] != 2*keys+rows || z.shape[0] != rows || qkv.shape[1] != z.shape[1] {
		return fmt.Errorf("%w: shapes %v and %v for %+v", ErrFile, qkv.shape, z.shape, l)
	}
	per := 2*l.keyDim + 2*values
	x.emit(fmt.Sprintf("model.layers.%d.linear_attn.in_proj_qkvz.weight", block(layer)), concat(qkv, z).permuted(func(i int) int {
		head, in := i/per, i%per
		switch {
		case in < l.keyDim:
			return head*l.keyDim + in
		case in < 2*l.keyDim:
			return keys + head*l.keyDim + in - l.keyDim
		case in < 2*l.keyDim+values:
			return 2*keys + head*values + in - 2*l.keyDim
		}
		return 2*keys + rows + head*values + in - 2*l.keyDim - values
	}))
	return nil
}

// qwen35 is qwenNext, with value heads in the order of the folder again.
func (x *exporter) qwen35(name string, t tensor) error {
	l := x.fileLinear()
	if x.err != nil {
		return x.err
	}
	keys, rows := 2*l.keyDim*l.keyHeads, l.valueHeads*l.valueDim
	back := linear{l.keyDim, l.valueDim, l.valueHeads / l.keyHeads, l.valueHeads} // what tiled did, undone
	_, part := layerOf(name)
	want := map[string][2]int{"attn_qkv.weight": {keys, l.valueDim}, "ssm_conv1d.weight": {keys, l.valueDim}, "attn_gate.weight": {0, l.valueDim},
		"ssm_alpha.weight": {0, 1}, "ssm_beta.weight": {0, 1}, "ssm_a": {0, 1}, "ssm_dt.bias": {0, 1}}
	if at, ok := want[part]; ok && (part != "attn_qkv.weight" || x.has(strings.TrimSuffix(name, part)+"ssm_a")) {
		if n := at[0] + l.valueHeads*at[1]; len(t.shape) == 0 || t.shape[0] != n {
			return fmt.Errorf("%w: shape %v, not of %d rows", ErrFile, t.shape, n)
		}
		t = t.permuted(back.tiled(at[0], at[1]))
	}
	if part == "ssm_out.weight" {
		if !t.dims(2) || t.shape[1] != rows {
			return fmt.Errorf("%w: shape %v, not of %d columns", ErrFile, t.shape, rows)
		}
		t = t.columns(back.tiled(0, l.valueDim))
	}
	return x.qwenNext(name, t)
}

func (x *exporter) qwenNextConfig() {
	x.cfg["num_hidden_layers"] = x.mainLayers()
	if x.f.Has(x.arch + ".expert_count") {
		x.places(qwenExpertPlaces)
		delete(x.cfg, "num_local_experts")
		x.cfg["num_experts"], x.cfg["norm_topk_prob"], x.cfg["decoder_sparse_step"] = x.need("expert_count"), true, 1
	}
	l := x.fileLinear()
	x.cfg["linear_conv_kernel_dim"] = x.need("ssm.conv_kernel")
	x.cfg["linear_key_head_dim"], x.cfg["linear_num_key_heads"] = l.keyDim, l.keyHeads
	x.cfg["linear_value_head_dim"], x.cfg["linear_num_value_heads"] = l.valueDim, l.valueHeads
	x.partly()
	interval, ok := x.uint("full_attention_interval")
	if !ok || interval == 0 {
		interval = 4
	}
	x.cfg["full_attention_interval"] = interval
	types := make([]string, x.mainLayers())
	for i := range types {
		if types[i] = "linear_attention"; !x.has(fmt.Sprintf("blk.%d.ssm_a", i)) {
			types[i] = "full_attention"
		}
	}
	x.cfg["layer_types"] = types
}

func (x *exporter) qwen35Config() {
	x.qwenNextConfig()
	if n, ok := x.uint("nextn_predict_layers"); ok {
		x.cfg["mtp_num_hidden_layers"] = n
	}
	sections, err := x.f.Ints(x.arch + ".rope.dimension_sections")
	if err != nil || len(sections) < 3 || sections[0] == 11 && sections[1] == 11 && sections[2] == 10 {
		return
	}
	r := map[string]any{"rope_type": "default", "mrope_section": sections[:3], "partial_rotary_factor": x.cfg["partial_rotary_factor"]}
	if theta, ok := x.cfg["rope_theta"]; ok {
		r["rope_theta"] = theta
	}
	x.cfg["rope_parameters"] = r
}
