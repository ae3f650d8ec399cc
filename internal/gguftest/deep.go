package gguftest

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Deep describes a small random model with DeepSeek's latent attention and experts.
type Deep struct {
	Arch                                      string // deepseek2 when empty
	Layers, Dense, Width, FFN, Vocab          int    // Dense: layers without experts
	Heads, NoRope, Rope, Value, QueryRank, L  int    // sizes of a head's parts; QueryRank 0: queries from one matrix
	Experts, Used, ExpertWidth, SharedExperts int
	OldKV, GateBias, Fused                    bool // one matrix for keys and values; a bias of the router; gate and up as one
	Matrix                                    ggtype.Type
	Keys                                      map[string]any // below the architecture's name
}

// DeepLite is like DeepSeek-V2-Lite.
func DeepLite() Deep {
	return Deep{
		Layers: 3, Dense: 1, Width: 64, FFN: 96, Vocab: 80, Heads: 4, NoRope: 32, Rope: 16, Value: 32, L: 64,
		Experts: 8, Used: 3, ExpertWidth: 32, SharedExperts: 2, Matrix: ggtype.F32,
		Keys: map[string]any{
			"rope.scaling.type": "yarn", "rope.scaling.factor": float32(40), "rope.scaling.original_context_length": uint32(64),
			"rope.scaling.yarn_log_multiplier": float32(0.0707), "expert_weights_scale": float32(1),
		},
	}
}

// DeepV3 is like DeepSeek-V3.
func DeepV3() Deep {
	d := DeepLite()
	d.QueryRank, d.Experts, d.SharedExperts, d.GateBias = 32, 16, 1, true
	d.Keys = map[string]any{
		"rope.scaling.type": "yarn", "rope.scaling.factor": float32(4), "rope.scaling.original_context_length": uint32(64),
		"rope.scaling.yarn_log_multiplier": float32(0.1), "expert_weights_scale": float32(2.5), "expert_weights_norm": true,
		"expert_gating_func": uint32(2), "expert_group_count": uint32(4), "expert_group_used_count": uint32(2),
	}
	return d
}

// DeepDense is what a conversion writes for llama.cpp: no experts, queries from one matrix, one key/value head.
func DeepDense() Deep {
	d := DeepLite()
	d.Dense, d.Experts, d.Used, d.ExpertWidth, d.SharedExperts = 3, 0, 0, 0, 0
	d.Keys = map[string]any{"rope.scaling.factor": float32(2)}
	return d
}

// DeepVariants are the models that llama.cpp's logits in engine/testdata/deepseek2 belong to.
func DeepVariants() map[string]Deep {
	with := func(d Deep, keys map[string]any) Deep {
		for k, v := range keys {
			d.Keys[k] = v
		}
		return d
	}
	models := map[string]Deep{"lite": DeepLite(), "v3": DeepV3(), "dense": DeepDense()}
	old := DeepLite()
	old.OldKV, old.Value = true, 48
	models["old"] = old
	models["softmax-norm"] = with(DeepLite(), map[string]any{"expert_weights_norm": true, "expert_gating_func": uint32(1)})
	models["yarn-plain"] = with(DeepLite(), map[string]any{
		"rope.scaling.yarn_log_multiplier": float32(0), "rope.scaling.attn_factor": float32(0.9),
		"rope.scaling.yarn_beta_fast": float32(4),
	})
	fused := DeepV3()
	fused.Fused = true
	models["fused"] = with(fused, map[string]any{"expert_group_count": uint32(0)})
	models["temperature"] = with(DeepV3(), map[string]any{
		"attention.temperature_scale": float32(0.3), "attention.temperature_length": uint32(8),
	})
	return models
}

// Build returns the model as a file, with a tokenizer that nobody knows.
func (d Deep) Build() *Builder {
	b := d.Metadata()
	tokens := make([]string, d.Vocab)
	for i := range tokens {
		tokens[i] = fmt.Sprint("tok_", i)
	}
	b.AddKV("tokenizer.ggml.model", "test").AddKV("tokenizer.ggml.tokens", tokens)
	r := rand.New(rand.NewPCG(7, 8))
	b.AddRandom(r, "token_embd.weight", d.Matrix, d.Width, d.Vocab)
	b.AddRandom(r, "output_norm.weight", ggtype.F32, d.Width)
	for i := range d.Layers {
		add := func(name string, t ggtype.Type, shape ...int) {
			b.AddRandom(r, fmt.Sprintf("blk.%d.%s", i, name), t, shape...)
		}
		d.AddLayer(add, i < d.Dense)
	}
	return b
}

// AddLayer calls add with the name, type and shape of each tensor of a layer.
func (d Deep) AddLayer(add func(name string, t ggtype.Type, shape ...int), dense bool) {
	d.attention(add)
	d.feedForward(add, dense)
}

// Metadata returns a file that has the model's keys and nothing else.
func (d Deep) Metadata() *Builder {
	arch := cmp.Or(d.Arch, "deepseek2")
	b := (&Builder{}).AddKV("general.architecture", arch)
	d.metadata(func(k string, v any) { b.Set(arch+"."+k, v) })
	return b
}

func (d Deep) metadata(set func(string, any)) {
	set("block_count", uint32(d.Layers))
	set("context_length", uint32(512))
	set("embedding_length", uint32(d.Width))
	set("feed_forward_length", uint32(d.FFN))
	set("attention.head_count", uint32(d.Heads))
	set("attention.layer_norm_rms_epsilon", float32(1e-5))
	set("attention.q_lora_rank", uint32(d.QueryRank))
	set("attention.kv_lora_rank", uint32(d.L))
	set("rope.dimension_count", uint32(d.Rope))
	set("rope.freq_base", float32(10000))
	set("leading_dense_block_count", uint32(d.Dense))
	set("expert_feed_forward_length", uint32(d.ExpertWidth))
	set("expert_shared_count", uint32(d.SharedExperts))
	if d.Experts > 0 {
		set("expert_count", uint32(d.Experts))
		set("expert_used_count", uint32(d.Used))
	}
	if d.OldKV {
		set("attention.head_count_kv", uint32(d.Heads))
		set("attention.key_length", uint32(d.NoRope+d.Rope))
		set("attention.value_length", uint32(d.Value))
	} else {
		set("attention.head_count_kv", uint32(1))
		set("attention.key_length", uint32(d.L+d.Rope))
		set("attention.value_length", uint32(d.L))
		set("attention.key_length_mla", uint32(d.NoRope+d.Rope))
		set("attention.value_length_mla", uint32(d.Value))
	}
	for k, v := range d.Keys {
		set(k, v)
	}
}

func (d Deep) attention(add func(string, ggtype.Type, ...int)) {
	add("attn_norm.weight", ggtype.F32, d.Width)
	if d.QueryRank > 0 {
		add("attn_q_a.weight", d.Matrix, d.Width, d.QueryRank)
		add("attn_q_a_norm.weight", ggtype.F32, d.QueryRank)
		add("attn_q_b.weight", d.Matrix, d.QueryRank, d.Heads*(d.NoRope+d.Rope))
	} else {
		add("attn_q.weight", d.Matrix, d.Width, d.Heads*(d.NoRope+d.Rope))
	}
	add("attn_kv_a_mqa.weight", d.Matrix, d.Width, d.L+d.Rope)
	add("attn_kv_a_norm.weight", ggtype.F32, d.L)
	if d.OldKV {
		add("attn_kv_b.weight", d.Matrix, d.L, d.Heads*(d.NoRope+d.Value))
	} else {
		add("attn_k_b.weight", d.Matrix, d.NoRope, d.L, d.Heads)
		add("attn_v_b.weight", d.Matrix, d.L, d.Value, d.Heads)
	}
	add("attn_output.weight", d.Matrix, d.Heads*d.Value, d.Width)
}

func (d Deep) feedForward(add func(string, ggtype.Type, ...int), dense bool) {
	add("ffn_norm.weight", ggtype.F32, d.Width)
	if dense {
		add("ffn_gate.weight", d.Matrix, d.Width, d.FFN)
		add("ffn_up.weight", d.Matrix, d.Width, d.FFN)
		add("ffn_down.weight", d.Matrix, d.FFN, d.Width)
		return
	}
	add("ffn_gate_inp.weight", ggtype.F32, d.Width, d.Experts)
	if d.GateBias {
		add("exp_probs_b.bias", ggtype.F32, d.Experts)
	}
	if d.Fused {
		add("ffn_gate_up_exps.weight", d.Matrix, d.Width, 2*d.ExpertWidth, d.Experts)
	} else {
		add("ffn_gate_exps.weight", d.Matrix, d.Width, d.ExpertWidth, d.Experts)
		add("ffn_up_exps.weight", d.Matrix, d.Width, d.ExpertWidth, d.Experts)
	}
	add("ffn_down_exps.weight", d.Matrix, d.ExpertWidth, d.Width, d.Experts)
	if w := d.ExpertWidth * d.SharedExperts; w > 0 {
		add("ffn_gate_shexp.weight", d.Matrix, d.Width, w)
		add("ffn_up_shexp.weight", d.Matrix, d.Width, w)
		add("ffn_down_shexp.weight", d.Matrix, w, d.Width)
	}
}
