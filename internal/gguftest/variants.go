package gguftest

// Convertible are small quantised models of every architecture that converts, with what their architectures add.
func Convertible() map[string]*Builder {
	llama, qwen2, qwen3, gemma, mistral := TinyLlama(), TinyLlama(), TinyLlama(), TinyLlama(), TinyLlama()
	qwen2.Arch, qwen2.Bias = "qwen2", true
	qwen3.Arch, qwen3.QKNorm = "qwen3", true
	gemma.Arch, gemma.QKNorm, gemma.PostNorm, gemma.Layers = "gemma3", true, true, 3
	mistral.Arch = "mistral3"
	return map[string]*Builder{
		"llama":    llama.Build(),
		"mistral3": mistral.Build().AddKV("mistral3.attention.temperature_scale", float32(0.1)),
		"qwen2":    qwen2.Build(),
		"qwen3":    qwen3.Build(),
		"gemma3": gemma.Build().AddKV("gemma3.attention.sliding_window", uint32(20)).
			AddKV("gemma3.attention.sliding_window_pattern", uint32(2)),
	}
}

// FloatVariants are one model per architecture whose weights are not rounded, and switches that conversions have to
// follow.
func FloatVariants() map[string]*Builder {
	llama, mistral, qwen2, qwen3 := TinyFloat("llama"), TinyFloat("mistral3"), TinyFloat("qwen2"), TinyFloat("qwen3")
	qwen2.Bias, qwen3.QKNorm = true, true
	out := map[string]*Builder{
		"llama": llama.Build(),
		"llama, linear scaling": llama.Build().AddKV("llama.rope.scaling.type", "linear").
			AddKV("llama.rope.scaling.factor", float32(4)),
		"llama, yarn": llama.Build().AddKV("llama.rope.scaling.type", "yarn").AddKV("llama.rope.scaling.factor", float32(16)).
			AddKV("llama.rope.scaling.original_context_length", uint32(64)),
		"llama, scale of its own": llama.Build().AddKV("llama.attention.scale", float32(0.5)),
		"mistral3": mistral.Build().AddKV("mistral3.attention.temperature_scale", float32(0.5)).
			AddKV("mistral3.rope.scaling.original_context_length", uint32(16)),
		"mistral3, partial rotation": mistral.Build().AddKV("mistral3.rope.dimension_count", uint32(12)),
		"qwen2":                      qwen2.Build(),
		"qwen3":                      qwen3.Build(),
		"gemma3": TinyGemma().Build().AddKV("gemma3.attention.sliding_window", uint32(24)).
			AddKV("gemma3.attention.sliding_window_pattern", []bool{true, false, true}),
	}
	for _, name := range []string{"starcoder2", "gpt2", "olmo-clamped", "stablelm-normed"} {
		m := ClassicVariants()[name]
		m.Vocab, m.Context = 90, 1024
		out[name] = m.Build()
	}
	return out
}
