package huggingface

var _ = register(family{
	arch:   "olmo",
	modify: (*model).llama,
	keys:   (*model).olmoKeys,
}, "OlmoForCausalLM", "OLMoForCausalLM")
var _ = register(family{
	arch:  "olmo2",
	names: olmo2Names,
	keys:  (*model).olmo2Keys,
}, "Olmo2ForCausalLM", "Olmo3ForCausalLM")
var _ = register(family{arch: "olmoe", modify: (*model).qwenExperts, keys: (*model).olmoeKeys}, "OlmoeForCausalLM")
var _ = register(family{arch: "seed_oss", names: seedNames}, "SeedOssForCausalLM")

var (
	_ = invert("olmo2",
		inverse{class: "Olmo3ForCausalLM", modelType: "olmo3", fits: (*exporter).hasWindow, config: (*exporter).olmo3},
		inverse{class: "Olmo2ForCausalLM", modelType: "olmo2"})
	_ = invert("olmoe", inverse{class: "OlmoeForCausalLM", modelType: "olmoe"})
	_ = invert("seed_oss", inverse{class: "SeedOssForCausalLM", modelType: "seed_oss", config: (*exporter).seedOss})
)

// hasWindow reports whether layers see a window only.
func (x *exporter) hasWindow() bool { return x.f.Has(x.arch + ".attention.sliding_window") }

// olmo3 has two rotations, which may be the same.
func (x *exporter) olmo3() {
	x.layerTypes()
	x.twoRotations()
}

// seedOss says which projections of attention have biases.
func (x *exporter) seedOss() {
	x.cfg["attention_bias"], x.cfg["attention_out_bias"] = x.has("blk.0.attn_q.bias"), x.has("blk.0.attn_output.bias")
}

var seedNames = map[string]string{"model.layers.#.post_attention_layernorm": "blk.#.post_attention_norm"}

var olmo2Names = map[string]string{
	"model.layers.#.post_attention_layernorm":   "blk.#.post_attention_norm",
	"model.layers.#.post_feedforward_layernorm": "blk.#.post_ffw_norm",
}

func (m *model) olmoKeys() {
	m.commonKeys()
	m.f32("attention.layer_norm_epsilon", 1e-5)
	m.float("attention.clamp_kqv", "clip_qkv")
}

func (m *model) olmoeKeys() {
	m.commonKeys()
	m.f32("attention.layer_norm_rms_epsilon", 1e-5)
}

// olmo2Keys sets OLMo 2's keys, and the window of OLMo 3.
func (m *model) olmo2Keys() {
	m.commonKeys()
	if !hasKey(m.cfg, "sliding_window") {
		return
	}
	m.u32("attention.sliding_window", m.need("sliding_window"))
	m.list("attention.sliding_window_pattern", m.windows(4))
}

// windows says which layers have a window: those of layer_types, or all but every n-th.
func (m *model) windows(n int) []bool {
	out := make([]bool, 0, m.blocks)
	if types := m.cfg.texts("layer_types"); types != nil {
		for _, t := range types {
			out = append(out, t == "sliding_attention")
		}
		return out
	}
	for i := range m.blocks {
		out = append(out, (i+1)%n != 0)
	}
	return out
}
