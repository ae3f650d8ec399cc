package huggingface

import (
	"fmt"
	"maps"
	"strings"
)

// Exports of models with state spaces, and of Kimi Linear.

// noAttention are what files of models without attention say of it.
var noAttention = []string{"context_length", "feed_forward_length", "attention.head_count",
	"attention.layer_norm_rms_epsilon"}

var (
	_ = invert("mamba",
		inverse{class: "FalconMambaForCausalLM", modelType: "falcon_mamba", fits: (*exporter).normsTimeSteps,
			implied: noAttention, says: mambaPlaces,
			fixed: map[string]any{"expand": 2}, restore: (*exporter).mamba, config: (*exporter).mambaConfig},
		inverse{class: "MambaForCausalLM", modelType: "mamba", implied: noAttention, says: mambaPlaces,
			fixed: map[string]any{"expand": 2}, restore: (*exporter).mamba, config: (*exporter).mambaConfig})
	_ = invert("mamba2", inverse{class: "Mamba2ForCausalLM", modelType: "mamba2", implied: noAttention,
		says:    append([]string{"ssm.group_count n_groups", "ssm.time_step_rank num_heads"}, mambaPlaces[1:]...),
		restore: (*exporter).mamba2, config: (*exporter).mamba2Config})
	_ = invert("falcon-h1", inverse{class: "FalconH1ForCausalLM", modelType: "falcon_h1",
		restore: (*exporter).falconH1, config: (*exporter).falconH1Config,
		says: []string{"ssm.conv_kernel mamba_d_conv", "ssm.inner_size mamba_d_ssm", "ssm.state_size mamba_d_state",
			"ssm.time_step_rank mamba_n_heads", "ssm.group_count mamba_n_groups"}})
	_ = invert("jamba", inverse{class: "JambaForCausalLM", modelType: "jamba", restore: (*exporter).mamba,
		config:  (*exporter).jambaConfig,
		implied: []string{"attention.head_count_kv"},
		says: []string{"ssm.conv_kernel mamba_d_conv", "ssm.state_size mamba_d_state",
			"ssm.time_step_rank mamba_dt_rank"}})
	nemotronH = inverse{class: "NemotronHForCausalLM", modelType: "nemotron_h", restore: (*exporter).nemotronH,
		config: (*exporter).nemotronHConfig,
		implied: []string{"attention.head_count_kv", "feed_forward_length", "attention.layer_norm_rms_epsilon",
			"attention.layer_norm_epsilon", "expert_count"},
		says: append([]string{"ssm.conv_kernel conv_kernel", "ssm.state_size ssm_state_size",
			"ssm.group_count n_groups", "ssm.time_step_rank mamba_num_heads",
			"attention.layer_norm_rms_epsilon layer_norm_epsilon",
			"attention.layer_norm_epsilon layer_norm_epsilon", "expert_count n_routed_experts",
			"expert_shared_feed_forward_length moe_shared_expert_intermediate_size",
			"moe_latent_size moe_latent_size"}, sparsePlaces...)}
	_ = invert("nemotron_h", nemotronH)
	_ = invert("nemotron_h_moe", nemotronH)
	_ = invert("kimi-linear", inverse{class: "KimiLinearForCausalLM", modelType: "kimi_linear",
		restore: (*exporter).kimi, config: (*exporter).kimiConfig,
		implied: []string{"attention.head_count_kv", "expert_used_count"}, fixed: map[string]any{"mla_use_nope": true,
			"moe_renormalize": true, "pad_token_id": nil},
		says: append([]string{"attention.value_length head_dim", "expert_shared_count num_shared_experts",
			"expert_used_count num_experts_per_token", "context_length model_max_length"}, sparsePlaces...)})
)

var mambaPlaces = []string{
	"ssm.time_step_rank time_step_rank",
	"ssm.conv_kernel conv_kernel",
	"ssm.inner_size intermediate_size",
	"ssm.state_size state_size",
	"attention.layer_norm_rms_epsilon layer_norm_epsilon",
	"embedding_length hidden_size",
}

// normsTimeSteps reports whether a state space has norms for what it takes from a token, which have no weights.
func (x *exporter) normsTimeSteps() bool {
	b, _ := x.f.Bool(x.arch + ".ssm.dt_b_c_rms")
	return b
}

// mamba gives back a tensor of a state space with numbers of its own for each channel.
func (x *exporter) mamba(name string, t tensor) (err error) {
	switch _, part := layerOf(name); part {
	case "ssm_a":
		t = t.logOfNegative()
	case "ssm_conv1d.weight":
		t, err = t.kernel()
	}
	if err != nil {
		return err
	}
	return x.plain(name, t)
}

// mamba2 gives back a tensor of a state space with one number per head.
func (x *exporter) mamba2(name string, t tensor) error {
	t, err := stateSpace(name, t)
	if err != nil {
		return err
	}
	return x.plain(name, t)
}

// stateSpace is a tensor of a state space with one number per head in the shape that folders have, and others as they
// are.
func stateSpace(name string, t tensor) (tensor, error) {
	switch _, part := layerOf(name); part {
	case "ssm_a":
		return t.reshape(elements(t.shape)).logOfNegative(), nil
	case "ssm_d", "ssm_norm.weight":
		return t.reshape(elements(t.shape)), nil
	case "ssm_conv1d.weight":
		return t.kernel()
	}
	return t, nil
}

// withBiases adds whether projections and convolutions of the first layer that has a state space have biases.
func (x *exporter) withBiases(projections, convolution string) {
	n := 0
	for n < x.layers && !x.has(fmt.Sprintf("blk.%d.ssm_a", n)) {
		n++
	}
	x.cfg[projections], x.cfg[convolution] = x.has(fmt.Sprintf("blk.%d.ssm_in.bias", n)),
		x.has(fmt.Sprintf("blk.%d.ssm_conv1d.bias", n))
}

func (x *exporter) mambaConfig() {
	x.withBiases("use_bias", "use_conv_bias")
	delete(x.cfg, "num_key_value_heads")
}

// perHead returns how wide each of the heads of a state space is.
func (x *exporter) perHead() uint64 {
	inner, heads := x.need("ssm.inner_size"), x.need("ssm.time_step_rank")
	if heads == 0 || inner%heads != 0 {
		x.fail("ssm.time_step_rank", ErrFile, "%d heads for an inner width of %d", heads, inner)
		return 0
	}
	return inner / heads
}

func (x *exporter) mamba2Config() {
	x.mambaConfig()
	x.cfg["head_dim"] = x.perHead()
	if width := x.need("embedding_length"); width > 0 {
		x.cfg["expand"] = x.need("ssm.inner_size") / width
	}
}

// falconH1 gives back a tensor. The norm in front of the network is a name without "weight" in files.
func (x *exporter) falconH1(name string, t tensor) error {
	if _, part := layerOf(name); part == "ffn_norm" {
		return x.emitAs(name, func(s string) string { return s + ".weight" }, t)
	}
	return x.mamba2(name, t)
}

// falconH1Config says that the model's multipliers are 1: files have them in the weights.
func (x *exporter) falconH1Config() {
	one := number(1)
	for _, k := range []string{"attention_in", "attention_out", "embedding", "key", "lm_head", "ssm_in", "ssm_out"} {
		x.cfg[k+"_multiplier"] = one
	}
	x.cfg["mlp_multipliers"], x.cfg["ssm_multipliers"] = []any{one, one}, []any{one, one, one, one, one}
	x.withBiases("mamba_proj_bias", "mamba_conv_bias")
	x.cfg["mamba_d_head"], x.cfg["mamba_rms_norm"] = x.perHead(), x.has("blk.0.ssm_norm.weight")
	x.cfg["attention_bias"], x.cfg["projectors_bias"], x.cfg["mlp_bias"] = x.has("blk.0.attn_q.bias"),
		x.has("blk.0.ssm_out.bias"), x.has("blk.0.ffn_up.bias")
}

// every finds from which layer on, and how many apart, are those that have something.
func (x *exporter) every(has func(layer int) bool) (offset, period int) {
	for offset < x.layers && !has(offset) {
		offset++
	}
	for period = 1; offset+period < x.layers && !has(offset+period); {
		period++
	}
	return offset, period
}

func (x *exporter) jambaConfig() {
	list, heads := x.kvHeads()
	if x.err != nil {
		return
	}
	x.cfg["num_key_value_heads"] = heads
	x.cfg["attn_layer_offset"], x.cfg["attn_layer_period"] = x.every(func(i int) bool { return list[i] > 0 })
	x.cfg["expert_layer_offset"],
		x.cfg["expert_layer_period"] = x.every(func(i int) bool { return x.has(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)) })
	x.withBiases("mamba_proj_bias", "mamba_conv_bias")
	if width := x.need("embedding_length"); width > 0 {
		x.cfg["mamba_expand"] = x.need("ssm.inner_size") / width
	}
}

// nemotronH gives back a tensor of a layer with a state space, attention or a network.
func (x *exporter) nemotronH(name string, t tensor) error {
	if _, part := layerOf(name); strings.HasPrefix(part, "attn_q.") || strings.HasPrefix(part, "attn_k.") {
		return x.llama(name, t)
	}
	return x.mamba2(name, t)
}

func (x *exporter) nemotronHConfig() {
	list, heads := x.kvHeads()
	if x.err != nil {
		return
	}
	x.cfg["num_key_value_heads"] = heads
	var pattern []byte
	var types []string
	for i := range list {
		kind := "mlp"
		switch {
		case list[i] > 0:
			kind = "attention"
		case x.has(fmt.Sprintf("blk.%d.ssm_a", i)):
			kind = "mamba"
		case x.has(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i)):
			kind = "moe"
		}
		pattern, types = append(pattern, nemotronKinds[kind]), append(types, kind)
	}
	x.cfg["hybrid_override_pattern"], x.cfg["layers_block_type"] = string(pattern), types
	x.cfg["mamba_head_dim"] = x.perHead()
	widths, _ := x.f.Ints(x.arch + ".feed_forward_length")
	for _, n := range widths {
		if n > 0 {
			x.cfg["intermediate_size"] = n
		}
	}
	x.withBiases("use_bias", "use_conv_bias")
	x.cfg["mlp_hidden_act"], x.cfg["attention_bias"], x.cfg["mlp_bias"] = "relu2", false, false
	if x.arch == "nemotron_h_moe" {
		x.cfg["topk_group"] = 1
	}
}

// kimi gives back a tensor of a layer with latent attention or Kimi Delta Attention.
func (x *exporter) kimi(name string, t tensor) error {
	switch _, part := layerOf(name); {
	case part == "ssm_a":
		return x.plain(name, t.reshape(1, 1, elements(t.shape), 1).logOfNegative())
	case strings.HasPrefix(part, "ssm_conv1d_"):
		if n := len(t.shape); n >= 2 {
			t = t.reshape(elements(t.shape[:n-1]), 1, t.shape[n-1])
		}
	}
	return x.latent(name, t)
}

func (x *exporter) kimiConfig() {
	x.latentSizes()
	x.scoring()
	x.cfg["moe_router_activation_func"] = x.cfg["scoring_func"]
	delete(x.cfg, "scoring_func")
	list, err := x.f.Ints(x.arch + ".attention.head_count_kv")
	if err != nil && x.err == nil {
		x.err = err
	}
	kinds := map[bool][]int{}
	for i, n := range list {
		kinds[n > 0] = append(kinds[n > 0], i+1)
	}
	linear := map[string]any{"full_attn_layers": kinds[true], "kda_layers": kinds[false],
		"num_heads": x.need("attention.head_count")}
	before := maps.Clone(x.cfg)
	x.say([]string{"ssm.conv_kernel short_conv_kernel_size", "kda.head_dim head_dim"})
	linear["short_conv_kernel_size"], linear["head_dim"] = x.cfg["short_conv_kernel_size"], x.cfg["head_dim"]
	x.cfg = before
	x.cfg["linear_attn_config"] = linear
}
