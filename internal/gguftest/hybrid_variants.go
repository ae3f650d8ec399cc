package gguftest

import "github.com/latentgo/latentgo/internal/ggtype"

// HybridVariants are models of all these architectures by name, those that llama.cpp's logits in
// engine/testdata/hybrids belong to.
func HybridVariants() map[string]Hybrid {
	out := hybrids{}
	add := out.add
	key := func(k string, v any) func(h *Hybrid) { return func(h *Hybrid) { h.Keys[k] = v } }
	one := key("attention.head_count_kv", uint32(hybridKV)) // for all layers
	part := func(parts ...hybridPart) func(h *Hybrid) {
		return func(h *Hybrid) { h.parts = append(h.parts, parts...) }
	}
	norm := func(name string) hybridPart { return func(t *hybridTensors, i int) { t.vector(i, name, hybridWidth) } }
	dense := part(norm("ffn_norm.weight"), hybridDense)
	second := part(norm("post_attention_norm.weight"))
	shared := key("expert_shared_feed_forward_length", uint32(40))
	sections := key("rope.dimension_sections", []int32{3, 3, 2, 0})
	q8 := func(h *Hybrid) { h.Matrix = ggtype.Q8_0 }
	half := func(h *Hybrid) { h.Head = hybridWidth / hybridHeads } // heads as wide as the model together

	add("lfm2", "lfm2", "cac", half, dense)
	add("lfm2-window", "lfm2", "cac", half, dense, key("attention.sliding_window", uint32(8)))
	add("lfm2moe", "lfm2moe", "cac", half, hybridMixture, key("leading_dense_block_count", uint32(1)), key("expert_gating_func", uint32(2)),
		part(norm("ffn_norm.weight"), func(t *hybridTensors, i int) {
			if i == 0 {
				hybridDense(t, i)
				return
			}
			hybridExperts(24)(t, i)
			t.vector(i, "exp_probs_b.bias", 4)
		}))
	add("qwen3next", "qwen3next", "nnng", one, second, hybridMixture, shared, key("rope.dimension_count", uint32(8)),
		part(hybridExperts(24), hybridShared(40, true)))
	add("qwen3next-old", "qwen3next", "og", one, second, hybridMixture, shared, key("full_attention_interval", uint32(2)),
		part(hybridExperts(24), hybridShared(40, true)))
	add("qwen35", "qwen35", "dddgd", one, second, sections, part(hybridDense), key("rope.dimension_count", uint32(8)))
	add("qwen35-q8", "qwen35", "dgd", one, second, sections, part(hybridDense), q8, key("full_attention_interval", uint32(2)),
		key("attention.recurrent_layers", []bool{true, false, true}))
	add("qwen35moe", "qwen35moe", "dddg", one, second, sections, hybridMixture, shared, part(hybridExperts(24), hybridShared(40, true)))
	add("mamba2", "mamba2", "sss")
	add("granitehybrid", "granitehybrid", "sps", hybridFactors, dense)
	add("granitehybrid-experts", "granitehybrid", "sps", hybridFactors, hybridMixture, shared, key("rope.scaling.finetuned", false),
		part(norm("ffn_norm.weight"), hybridExperts(hybridFFN), hybridShared(40, false)))
	add("nemotron_h", "nemotron_h", "s-p-", key("feed_forward_length", []uint32{0, hybridFFN, 0, hybridFFN}), part(hybridPlain(hybridFFN)))
	add("nemotron_h_moe", "nemotron_h_moe", "s-p-", hybridMixture, shared, key("feed_forward_length", []uint32{0, hybridFFN, 0, hybridFFN}),
		key("expert_weights_norm", true), key("expert_weights_scale", float32(1.5)), part(hybridPlainExperts(24, hybridWidth)))
	add("nemotron_h_moe-widths", "nemotron_h_moe", "s-p-", shared, key("expert_count", uint32(4)), key("expert_used_count", uint32(2)),
		key("feed_forward_length", []uint32{0, hybridFFN, 0, hybridFFN}), part(hybridPlainExperts(hybridFFN/2, hybridWidth)))
	add("nemotron_h_moe-latent", "nemotron_h_moe", "s-p-", hybridMixture, shared, key("feed_forward_length", []uint32{0, hybridFFN, 0, hybridFFN}),
		key("moe_latent_size", uint32(hybridLatent)), part(hybridPlainExperts(24, hybridLatent)))
	add("falcon-h1", "falcon-h1", "bb", one, part(norm("ffn_norm"), hybridDense))
	add("mamba", "mamba", "mm")
	add("mamba-norms", "mamba", "mm", key("ssm.dt_b_c_rms", true))
	add("jamba", "jamba", "jpj", half, hybridMixture, part(norm("ffn_norm.weight"), func(t *hybridTensors, i int) {
		if i == 1 {
			hybridExperts(hybridFFN)(t, i)
		} else {
			hybridDense(t, i)
		}
	}))
	return out
}

// hybrids are models by name.
type hybrids map[string]Hybrid

func (o hybrids) add(name, arch, mixers string, changes ...func(h *Hybrid)) {
	h := Hybrid{Arch: arch, Mixers: mixers, Keys: map[string]any{}, Matrix: ggtype.F32, Head: 16}
	for _, f := range changes {
		f(&h)
	}
	o[name] = h
}

func hybridMixture(h *Hybrid) {
	h.Keys["expert_count"], h.Keys["expert_used_count"], h.Keys["expert_feed_forward_length"] = uint32(4), uint32(2), uint32(24)
}

func hybridFactors(h *Hybrid) {
	h.Keys["logit_scale"], h.Keys["residual_scale"] = float32(4), float32(0.3)
	h.Keys["embedding_scale"], h.Keys["attention.scale"] = float32(3), float32(0.15)
}

func hybridDense(t *hybridTensors, i int) {
	t.matrixOf(i, "ffn_gate", hybridWidth, hybridFFN)
	t.matrixOf(i, "ffn_up", hybridWidth, hybridFFN)
	t.matrixOf(i, "ffn_down", hybridFFN, hybridWidth)
}

// hybridExperts are 4 experts of so many values.
func hybridExperts(n int) hybridPart {
	return func(t *hybridTensors, i int) {
		t.matrixOf(i, "ffn_gate_inp", hybridWidth, 4)
		t.matrixOf(i, "ffn_gate_exps", hybridWidth, n, 4)
		t.matrixOf(i, "ffn_up_exps", hybridWidth, n, 4)
		t.matrixOf(i, "ffn_down_exps", n, hybridWidth, 4)
	}
}

// hybridShared is what every token runs beside experts.
func hybridShared(n int, gate bool) hybridPart {
	return func(t *hybridTensors, i int) {
		t.matrixOf(i, "ffn_gate_shexp", hybridWidth, n)
		t.matrixOf(i, "ffn_up_shexp", hybridWidth, n)
		t.matrixOf(i, "ffn_down_shexp", n, hybridWidth)
		if gate {
			t.vector(i, "ffn_gate_inp_shexp.weight", hybridWidth)
		}
	}
}

// hybridPlain are networks without a gate in every second layer.
func hybridPlain(n int) hybridPart {
	return func(t *hybridTensors, i int) {
		if i%2 == 1 {
			t.matrixOf(i, "ffn_up", hybridWidth, n)
			t.matrixOf(i, "ffn_down", n, hybridWidth)
			t.vector(i, "ffn_up.bias", n)
			t.vector(i, "ffn_down.bias", hybridWidth)
		}
	}
}

// hybridPlainExperts are 4 experts of such networks, which work on so many values in.
func hybridPlainExperts(n, in int) hybridPart {
	return func(t *hybridTensors, i int) {
		if i%2 == 0 {
			return
		}
		t.matrixOf(i, "ffn_gate_inp", hybridWidth, 4)
		t.vector(i, "exp_probs_b.bias", 4)
		if in != hybridWidth {
			t.matrixOf(i, "ffn_latent_down", hybridWidth, in)
			t.matrixOf(i, "ffn_latent_up", in, hybridWidth)
		}
		t.matrixOf(i, "ffn_up_exps", in, n, 4)
		t.matrixOf(i, "ffn_down_exps", n, in, 4)
		t.matrixOf(i, "ffn_up_shexp", hybridWidth, 40)
		t.matrixOf(i, "ffn_down_shexp", 40, hybridWidth)
	}
}
