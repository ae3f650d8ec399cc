package huggingface

import (
	"fmt"
	"slices"
)

// Exports of Granite's mixtures of experts and hybrids, whose gates and up-projections stand together.

var (
	_ = invert("granitemoe",
		inverse{class: "GraniteMoeSharedForCausalLM", modelType: "granitemoeshared", fits: (*exporter).hasShared, restore: (*exporter).graniteMoE,
			config: (*exporter).graniteShared},
		inverse{class: "GraniteMoeForCausalLM", modelType: "granitemoe", restore: (*exporter).graniteMoE, config: (*exporter).granite})
	_ = invert("granitehybrid", inverse{
		class: "GraniteMoeHybridForCausalLM", modelType: "granitemoehybrid",
		names: map[string]string{"output_norm": "model.norm", "blk.#.ffn_norm": "model.layers.#.post_attention_layernorm",
			"blk.#.ffn_down": "model.layers.#.shared_mlp.output_linear"},
		restore: (*exporter).graniteHybrid, config: (*exporter).graniteHybridConfig,
		implied: []string{"attention.head_count_kv"},
		known: []string{"max_position_embeddings", "hidden_size", "intermediate_size", "num_attention_heads", "rms_norm_eps", "num_local_experts",
			"num_experts_per_tok"},
	})
)

// hasShared reports whether there is a network that all tokens meet.
func (x *exporter) hasShared() bool { return x.has("blk.0.ffn_up_shexp.weight") }

func (x *exporter) graniteShared() {
	x.granite()
	x.cfg["shared_intermediate_size"] = x.need("expert_shared_feed_forward_length")
}

// graniteMoE gives back a tensor of a mixture of experts.
func (x *exporter) graniteMoE(name string, t tensor) error {
	layer, part := layerOf(name)
	join := func(up, module string) error {
		u, err := x.other(layer + up + ".weight")
		if err != nil {
			return err
		}
		rows := len(t.shape) - 2
		if rows < 0 || !slices.Equal(t.shape, u.shape) {
			return fmt.Errorf("%w: shapes %v and %v", ErrFile, t.shape, u.shape)
		}
		both := concat(t, u)
		if rows == 1 {
			both = t.beside(u).reshape(t.shape[0], 2*t.shape[1], t.shape[2])
		}
		x.emit(fmt.Sprintf("model.layers.%d.%s.input_linear.weight", block(layer), module), both)
		return nil
	}
	switch part {
	case "ffn_gate_exps.weight":
		return join("ffn_up_exps", "block_sparse_moe")
	case "ffn_gate_shexp.weight":
		return join("ffn_up_shexp", "shared_mlp")
	case "ffn_gate.weight":
		return join("ffn_up", "shared_mlp")
	case "ffn_up_exps.weight", "ffn_up_shexp.weight", "ffn_up.weight":
		return nil // with the gates
	}
	return x.llama(name, t)
}

// graniteHybrid gives back a tensor of a layer with a state space or with attention.
func (x *exporter) graniteHybrid(name string, t tensor) error {
	t, err := stateSpace(name, t)
	if err != nil {
		return err
	}
	return x.graniteMoE(name, t)
}

func (x *exporter) graniteHybridConfig() {
	x.granite()
	x.attendingLayers("attention", "mamba")
	inner, heads, width := x.need("ssm.inner_size"), x.need("ssm.time_step_rank"), x.need("embedding_length")
	if heads == 0 || width == 0 || inner%heads != 0 || inner%width != 0 {
		x.fail("ssm.inner_size", ErrUnsupported, "%d is no multiple of the width %d and of %d heads", inner, width, heads)
		return
	}
	x.cfg["mamba_n_heads"], x.cfg["mamba_d_head"], x.cfg["mamba_expand"] = heads, inner/heads, inner/width
	x.cfg["mamba_n_groups"], x.cfg["mamba_d_state"], x.cfg["mamba_d_conv"] = x.need("ssm.group_count"), x.need("ssm.state_size"), x.need("ssm.conv_kernel")
	x.withBiases("mamba_proj_bias", "mamba_conv_bias")
	x.cfg["attention_bias"] = false
	delete(x.cfg, "mlp_bias")
	x.cfg["position_embedding_type"] = nil
	if rotates, err := x.f.Bool(x.arch + ".rope.scaling.finetuned"); err == nil && rotates {
		x.cfg["position_embedding_type"] = "rope"
	}
	if n, ok := x.uint("expert_shared_feed_forward_length"); ok {
		x.cfg["shared_intermediate_size"] = n
	}
	if n, ok := x.uint("expert_count"); !ok || n == 0 {
		x.cfg["num_local_experts"], x.cfg["num_experts_per_tok"] = 0, 0
		x.cfg["shared_intermediate_size"] = x.need("feed_forward_length")
	}
}
