package huggingface

import (
	"math"
	"strings"
)

var _ = register(family{
	arch: "bitnet",
	names: map[string]string{
		"model.layers.#.self_attn.inner_attn_ln": "blk.#.attn_sub_norm",
		"model.layers.#.mlp.ffn_layernorm":       "blk.#.ffn_sub_norm",
	},
	init:   siluOnly,
	modify: (*model).bitnet,
	keys:   (*model).bitnetKeys,
	vocab:  (*model).vocabSPM,
}, "BitnetForCausalLM", "BitNetForCausalLM")

// siluOnly refuses the activation of Microsoft's own models, which the architecture does not have.
func siluOnly(m *model) error {
	if s := m.cfg.text("hidden_act"); s != "" && s != "silu" {
		m.fail("hidden_act is %q, and the architecture %s has silu", s, m.arch)
	}
	return m.err
}

// bitnet adds a tensor; the weights of projections become three values.
func (m *model) bitnet(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, "_proj.weight") {
		t = t.ternary()
	}
	return m.plain(name, bid, t)
}

// ternary is −s, 0 or s for each element, where s is the mean of magnitudes, in the precision that the tensor has.
func (t tensor) ternary() tensor {
	var lazy once[float32]
	plain := t
	mean := func() (float32, error) {
		sum, part, n := 0.0, make([]float32, 1<<16), elements(plain.shape)
		for at := 0; at < n; at += len(part) {
			x := part[:min(len(part), n-at)]
			if err := plain.read(x, at); err != nil {
				return 0, err
			}
			for _, v := range x {
				sum += math.Abs(float64(v))
			}
		}
		return max(float32(sum/float64(max(n, 1))), 1e-5), nil
	}
	return t.with(func(dst []float32, at int) error {
		scale, err := lazy.get(mean)
		if err != nil {
			return err
		}
		inverse := 1 / scale
		return plain.apply(func(x float32) float32 {
			return min(max(float32(math.RoundToEven(float64(x*inverse))), -1), 1) / inverse
		}).read(dst, at)
	})
}

func (m *model) bitnetKeys() {
	m.commonKeys()
	m.list("rope.scaling.type", "linear")
	m.f32("rope.scaling.factor", 1)
}
