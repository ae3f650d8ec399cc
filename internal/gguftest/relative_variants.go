package gguftest

import "github.com/latentgo/latentgo/internal/ggtype"

// relativeChange makes another model of one.
type relativeChange func(m *Relative)

// relatives are models by name.
type relatives map[string]Relative

func (o relatives) add(name, arch string, changes ...relativeChange) {
	m := Relative{Arch: arch, Layers: 2, KVHeads: 2, FFN: 96, FFNNorm: "ffn_norm", Keys: map[string]any{}}
	for _, f := range changes {
		f(&m)
	}
	o[name] = m
}

// RelativeVariants are models of all these architectures by name, those that llama.cpp's logits in
// engine/testdata/relatives belong to.
func RelativeVariants() map[string]Relative {
	o := relatives{}
	o.addDense()
	o.addMixtures()
	return o
}

func (o relatives) addDense() {
	o.add("arcee", "arcee", relUngated, relYarn, relFactors("rope_freqs"))
	o.add("apertus", "apertus", relUngated, relQKNorm, func(m *Relative) {
		m.OutBias = true
		m.XIELU = map[string]any{"xielu.alpha_n": []float32{0.4, -0.3}, "xielu.alpha_p": []float32{0.7, 0.2},
			"xielu.beta": []float32{0.5, 0.6}, "xielu.eps": []float32{-1e-6, -1e-3}}
	})
	o.add("granite", "granite", relGranite, relTied)
	o.add("granite-factors", "granite", relGranite, relFactors("rope_freqs"), func(m *Relative) { m.OutBias, m.FFNBias = true, true })
	o.add("granite-no-positions", "granite", relGranite, relKey("rope.scaling.finetuned", false))
	o.add("smollm3", "smollm3", relLayers(4, 64), relTied)
	o.add("phi3", "phi3", relMHA, relWindow, func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	o.add("phi3-long", "phi3", relTied, relFactors("rope_factors_short", "rope_factors_long"), relKey("rope.scaling.attn_factor", float32(1.2)),
		relKey("rope.scaling.original_context_length", uint32(relativeOrigin)), func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	o.add("phi3-short", "phi3", relFactors("rope_factors_short", "rope_factors_long"), relKey("rope.scaling.original_context_length", uint32(4096)),
		func(m *Relative) { m.FusedQKV, m.FusedFFN = true, true })
	o.add("gemma", "gemma", relTied)
	o.add("gemma2", "gemma2", relTied, relPost, relWindow, relLayers(4, 64), relKey("attn_logit_softcapping", float32(2)),
		relKey("final_logit_softcapping", float32(10)))
	o.add("gemma2-27b", "gemma2", relTied, relPost, relWindow, relLayers(46, 32))
	o.add("qwen2vl", "qwen2vl", relBiases, relSections(2, 3, 3, 0))
	o.add("qwen3vl", "qwen3vl", relQKNorm, relTied, relSections(4, 2, 2, 0))
	o.add("qwen3vl-time", "qwen3vl", relQKNorm, relTied, relSections(8, 0, 0, 0))
	o.add("olmo2", "olmo2", relPostOnly, relWhole)
	o.add("olmo3", "olmo2", relPostOnly, relWhole, relLayers(4, 64), relWindow, relYarn)
	o.add("glm4", "glm4", relPost, relBiases, relKey("rope.dimension_count", uint32(8)), func(m *Relative) { m.FusedFFN = true })
	o.add("glm4-sections", "glm4", relPost, relKey("rope.dimension_count", uint32(8)), relSections(2, 1, 1, 0), func(m *Relative) { m.FusedFFN = true })
	o.add("seed_oss", "seed_oss", relSecond, relBiases)
	o.add("exaone4", "exaone4", relPostOnly, relQKNorm, relTied)
	o.add("exaone4-32b", "exaone4", relPostOnly, relQKNorm, relLayers(64, 32), relWindow)
	o.add("ernie4_5", "ernie4_5", relTied)
	o.add("hunyuan-dense", "hunyuan-dense", relQKNorm, relTied, relKey("rope.scaling.alpha", float32(50)))
	o.add("exaone", "exaone", relFactors("rope_freqs"))
	o.add("granite_swa", "granite_swa", relGranite, relLayers(4, 64), relWindow, relKey("attention.sliding_window_pattern", []bool{true, true, false, true}),
		relKey("attention.rope_pattern", []uint32{1, 1, 0, 1}), func(m *Relative) { m.Sinks = true })
	o.add("hunyuan_vl", "hunyuan_vl", relQKNorm, relSections(2, 3, 3, 0))
	o.add("maincoder", "maincoder", relQKNorm, relTied)
	o.add("minicpm", "minicpm", relTied)
	o.add("pangu-embedded", "pangu-embedded", relBiases, func(m *Relative) { m.OutBias = true })
}

func (o relatives) addMixtures() {
	o.add("granite-experts", "granite", relGranite, relExperts, relWide, relShared)
	o.add("granite_swa-experts", "granite_swa", relGranite, relWindow, relKey("attention.sliding_window_pattern", []bool{true, false}),
		relExperts, relWide, relShared, func(m *Relative) { m.Sinks, m.SharedFused = true, true })
	o.add("granitemoe", "granitemoe", relGranite, relExperts, relWide)
	o.add("gpt-oss", "gpt-oss", relExperts, relYarn, relWindow, relSecond, relBiases,
		func(m *Relative) { m.OutBias, m.Sinks, m.ExpertBias = true, true, true })
	o.add("gpt-oss-mxfp4", "gpt-oss", relExperts, relWindow, relSecond, relBiases,
		func(m *Relative) { m.OutBias, m.Sinks, m.ExpertBias, m.Matrix = true, true, true, ggtype.MXFP4 })
	o.add("qwen2moe", "qwen2moe", relExperts, relShared, relBiases, func(m *Relative) { m.SharedGate = true })
	o.add("qwen2moe-widths", "qwen2moe", relBiases, func(m *Relative) { m.Experts, m.ExpertFFN, m.Shared, m.SharedGate = 8, 48, 96, true })
	o.add("qwen3vlmoe", "qwen3vlmoe", relQKNorm, relExperts, relSections(4, 2, 2, 0))
	o.add("olmoe", "olmoe", relMHA, relWhole, relExperts, relWide)
	o.add("glm4moe", "glm4moe", relSecond, relQKNorm, relExperts, relSharedCount, relChoice, relDense, relNormed, relKey("rope.dimension_count", uint32(8)))
	o.add("ernie4_5-moe", "ernie4_5-moe", relExperts, relShared, relChoice, relDense, relKey("interleave_moe_layer_step", uint32(1)))
	o.add("hunyuan-moe", "hunyuan-moe", relQKNorm, relExperts, relWide, func(m *Relative) { m.Shared = m.FFN })
	o.add("dots1", "dots1", relMHA, relQKNorm, relExperts, relSharedCount, relChoice, relDense, relNormed, relSigmoid)
	o.add("bailingmoe2", "bailingmoe2", relQKNorm, relExperts, relChoice, relDense, relNormed, relSigmoid, relKey("rope.dimension_count", uint32(8)),
		relKey("expert_shared_feed_forward_length", uint32(64)), relKey("expert_shared_count", uint32(1)),
		relKey("expert_group_count", uint32(4)), relKey("expert_group_used_count", uint32(2)),
		func(m *Relative) { m.Shared, m.FusedQKV = 64, true })
	o.add("minimax-m2", "minimax-m2", relWhole, relExperts, relWide, relChoice, relSigmoid, relKey("rope.dimension_count", uint32(8)))
	o.add("deepseek", "deepseek", relExperts, relSharedCount, relDense, relKey("expert_weights_scale", float32(1.5)))
	o.add("smallthinker", "smallthinker", relLayers(5, 64), relExperts, relKey("attention.sliding_window", uint32(4096)), relSigmoid)
	o.add("llama4", "llama4", relLayers(4, 64), relExperts, relKey("interleave_moe_layer_step", uint32(2)),
		func(m *Relative) { m.Shared, m.Every = 32, 2 })
	o.add("bailingmoe", "bailingmoe", relExperts, relSharedCount, relNormed)
	o.add("exaone-moe", "exaone-moe", relLayers(4, 64), relQKNorm, relWindow, relExperts, relShared, relChoice, relDense, relNormed, relSigmoid)
	o.add("mellum", "mellum", relLayers(4, 64), relQKNorm, relExperts, relWindow, relYarn)
	o.add("mimo2", "mimo2", relLayers(3, 96), relExperts, relChoice, relWindow, relYarn, relKey("attention.value_scale", float32(0.6)),
		relKey("attention.sliding_window_pattern", []bool{false, true, true}), relKey("rope.freq_base_swa", float32(5000)),
		relKey("rope.dimension_count", uint32(8)), func(m *Relative) { m.Dense, m.Sinks = 1, true })
	o.add("minicpm-experts", "minicpm", relExperts, relWide, relKey("logit_scale", float32(2)), relKey("residual_scale", float32(0.5)),
		relKey("embedding_scale", float32(2)))
}

// Changes that several models share.

func relKey(k string, v any) relativeChange { return func(m *Relative) { m.Keys[k] = v } }

func relLayers(n, ffn int) relativeChange { return func(m *Relative) { m.Layers, m.FFN = n, ffn } }

func relFactors(names ...string) relativeChange { return func(m *Relative) { m.Factors = names } }

func relTied(m *Relative) { m.Tied = true }
func relExperts(m *Relative) {
	m.Experts, m.ExpertFFN = 8, 32
	m.Keys["expert_feed_forward_length"] = uint32(m.ExpertFFN)
}

var relSigmoid = relKey("expert_gating_func", uint32(2))

func relShared(m *Relative)      { m.Shared = 64; m.Keys["expert_shared_feed_forward_length"] = uint32(64) }
func relSharedCount(m *Relative) { m.Shared = 64; m.Keys["expert_shared_count"] = uint32(2) }
func relChoice(m *Relative)      { m.ChoiceBias = true }
func relWide(m *Relative)        { m.ExpertFFN = m.FFN } // experts as wide as feed_forward_length
func relDense(m *Relative)       { m.Dense = 1; m.Keys["leading_dense_block_count"] = uint32(1) }
func relQKNorm(m *Relative)      { m.QKNorm = true }
func relWhole(m *Relative)       { m.WholeNorm = true }
func relMHA(m *Relative)         { m.KVHeads = relativeHeads }
func relPost(m *Relative)        { m.PostNorm = true }
func relPostOnly(m *Relative)    { m.PostNorm, m.NoPreNorm = true, true }
func relBiases(m *Relative)      { m.QKVBias = true }
func relSecond(m *Relative)      { m.FFNNorm = "post_attention_norm" }

var relWindow = relKey("attention.sliding_window", uint32(8))

func relNormed(m *Relative) {
	m.Keys["expert_weights_norm"], m.Keys["expert_weights_scale"] = true, float32(1.5)
}

func relYarn(m *Relative) {
	m.Keys["rope.scaling.type"], m.Keys["rope.scaling.factor"] = "yarn", float32(4)
	m.Keys["rope.scaling.original_context_length"] = uint32(relativeOrigin)
}

func relGranite(m *Relative) {
	m.Keys["logit_scale"], m.Keys["residual_scale"] = float32(4), float32(0.3)
	m.Keys["embedding_scale"], m.Keys["attention.scale"] = float32(3), float32(0.15)
}

func relSections(n ...int32) relativeChange { return relKey("rope.dimension_sections", n) }

func relUngated(m *Relative) { m.Ungated = true }
