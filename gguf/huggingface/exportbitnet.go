package huggingface

import (
	"fmt"
	"math"
	"strings"
)

// Exports of Arctic, and of BitNet, whose class makes three values of weights again.

var (
	_ = invert("arctic", inverse{class: "ArcticForCausalLM", modelType: "arctic", restore: (*exporter).llama,
		known: grokKnown, fixed: map[string]any{"hidden_act": "silu", "moe_layer_frequency": 1,
			"parallel_attn_mlp_res": true, "use_residual": true}})
	_ = invert("bitnet", inverse{class: "BitnetForCausalLM", modelType: "llama", restore: (*exporter).bitnet,
		config: (*exporter).bitnetConfig, fixed: map[string]any{"hidden_act": "silu", "weight_bits": 1, "input_bits": 8}})
)

// bitnet gives back a tensor; weights of projections such that the class gives what is in the file.
func (x *exporter) bitnet(name string, t tensor) error {
	to, err := x.hubName(name)
	if err != nil || !strings.HasSuffix(to, "_proj.weight") {
		return x.plain(name, t)
	}
	scale, share, err := t.threeValues()
	if err != nil {
		return err
	}
	x.precise[to] = true
	larger := beforeMean(scale, share, elements(t.shape))
	x.emit(to, t.apply(func(v float32) float32 {
		if v == 0 {
			return v
		}
		return float32(math.Copysign(float64(larger), float64(v)))
	}))
	return nil
}

// threeValues returns s of a tensor all of whose elements are −s, 0 or s, and how many are not 0.
func (t tensor) threeValues() (s float32, other int, err error) {
	part, n := make([]float32, 1<<16), elements(t.shape)
	for at := 0; at < n; at += len(part) {
		x := part[:min(len(part), n-at)]
		if err := t.read(x, at); err != nil {
			return 0, 0, err
		}
		for _, v := range x {
			if v == 0 {
				continue
			}
			if v = float32(math.Abs(float64(v))); s == 0 {
				s = v
			}
			if other++; v != s {
				return 0, 0, fmt.Errorf("%w: its class has weights of three values, and these have others, %v and %v",
					ErrUnsupported, s, v)
			}
		}
	}
	return s, other, nil
}

// beforeMean returns the magnitude of which ternary makes s, in a tensor of n elements of which some are not 0: the mean
// of all has to be s.
func beforeMean(s float32, other, n int) float32 {
	if other == 0 {
		return 0
	}
	plain := float32(float64(s) * float64(n) / float64(other))
	below, above := plain, plain
	for range 8 {
		for _, c := range []float32{below, above} {
			if mean := max(float32(float64(c)*float64(other)/float64(n)), 1e-5); 1/(1/mean) == s {
				return c
			}
		}
		below, above = math.Nextafter32(below, 0), math.Nextafter32(above, math.MaxFloat32)
	}
	return plain // the last bit of s differs
}

// bitnetConfig says no scaling of the rotation: files say one by 1.
func (x *exporter) bitnetConfig() {
	if factor, ok := x.float("rope.scaling.factor"); ok && factor == 1 {
		delete(x.cfg, "rope_scaling")
	}
}
