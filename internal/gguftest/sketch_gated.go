package gguftest

import (
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// Shape of the models below.
const (
	gatedWidth   = 64
	gatedHeads   = 4
	gatedHead    = 16
	gatedFFN     = 96
	gatedExperts = 8
	gatedExpert  = 32
)

// addFamilies adds architectures that differ in gates, windows, positions and experts.
func addFamilies(out map[string]Sketch) {
	for name, build := range map[string]func() *Builder{
		"afmoe": afmoe, "laguna": func() *Builder { return laguna(true) }, "laguna-global": func() *Builder { return laguna(false) },
		"spark2_5": spark25, "muse-glimmer": museGlimmer, "hy_v3": hyV3, "cohere2moe": func() *Builder { return cohere2moe(true) },
		"cohere2moe-layernorm": func() *Builder { return cohere2moe(false) }, "deci": deci, "minicpm3": minicpm3, "step35": step35, "openelm": openelm, "paddleocr": paddleocr,
	} {
		out[name] = Sketch{1e-5, build}
	}
}

// newGated begins a model of four layers with two key/value heads.
func newGated(arch string) *sketch {
	s := newSketch(arch, ggtype.F32, gatedWidth, 4, gatedHeads, gatedFFN)
	return s.key("attention.head_count_kv", uint32(2)).key("attention.key_length", uint32(gatedHead)).key("attention.value_length", uint32(gatedHead))
}

// windows gives all but one of four layers a window.
func (s *sketch) windows(flags ...bool) *sketch {
	return s.key("attention.sliding_window", uint32(8)).key("attention.sliding_window_pattern", flags).key("rope.freq_base_swa", float32(5000))
}

// experts gives layers from dense on a mixture.
func (s *sketch) experts(dense int) *sketch {
	s.key("expert_count", uint32(gatedExperts)).key("expert_used_count", uint32(2)).key("expert_feed_forward_length", uint32(gatedExpert))
	s.key("expert_weights_norm", true).key("expert_weights_scale", float32(1.5)).key("expert_gating_func", uint32(2))
	return s.key("leading_dense_block_count", uint32(dense)).key("expert_shared_count", uint32(1))
}

// norms adds vectors of the width.
func (s *sketch) norms(i int, names ...string) {
	for _, n := range names {
		s.layer(i)(n, gatedWidth)
	}
}

// attention adds projections of heads and, with rows, a gate.
func (s *sketch) attention(i, heads, gate int, norms bool) {
	add := s.layer(i)
	add("attn_q", gatedWidth, heads*gatedHead)
	add("attn_k", gatedWidth, 2*gatedHead)
	add("attn_v", gatedWidth, 2*gatedHead)
	add("attn_output", heads*gatedHead, gatedWidth)
	if gate > 0 {
		add("attn_gate", gatedWidth, gate)
	}
	if norms {
		add("attn_q_norm", gatedHead)
		add("attn_k_norm", gatedHead)
	}
}

// network adds a gated network of tensors with a suffix.
func (s *sketch) network(i, width int, suffix string, experts ...int) {
	add := s.layer(i)
	add("ffn_gate"+suffix, append([]int{gatedWidth, width}, experts...)...)
	add("ffn_up"+suffix, append([]int{gatedWidth, width}, experts...)...)
	add("ffn_down"+suffix, append([]int{width, gatedWidth}, experts...)...)
}

// mixture adds a router, experts and a network for all tokens, and a bias of the name given.
func (s *sketch) mixture(i int, bias string) {
	s.layer(i)("ffn_gate_inp", gatedWidth, gatedExperts)
	s.network(i, gatedExpert, "_exps", gatedExperts)
	s.network(i, gatedExpert, "_shexp")
	if bias != "" {
		s.plain(i, bias, gatedExperts)
	}
}

func afmoe() *Builder {
	s := newGated("afmoe").windows(true, true, true, false).experts(1)
	s.r = rand.New(rand.NewPCG(51, 1)) // with which no router's choice is nearly a tie
	for i := range 4 {
		s.norms(i, "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
		if s.attention(i, gatedHeads, gatedHeads*gatedHead, true); i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}

// laguna has layers of different numbers of heads, gates by head, and YaRN in layers without a window; or no windows,
// and gates by value.
func laguna(windowed bool) *Builder {
	s := newGated("laguna").experts(1)
	heads := []int{4, 2, 2, 4}
	if windowed {
		s.windows(false, true, true, false).key("attention.head_count", []uint32{4, 2, 2, 4})
		s.key("rope.dimension_count", uint32(8)).key("rope.dimension_count_swa", uint32(16))
		s.key("rope.scaling.type", "yarn").key("rope.scaling.factor", float32(4)).key("rope.scaling.original_context_length", uint32(16))
	} else {
		heads = []int{4, 4, 4, 4}
	}
	s.add("output", gatedWidth, SketchVocab)
	for i, n := range heads {
		gate := n
		if !windowed {
			gate = n * gatedHead
		}
		s.norms(i, "attn_norm", "ffn_norm")
		if s.attention(i, n, gate, true); i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}

func spark25() *Builder {
	s := newGated("spark2_5").windows(true, false, true, true).key("rope.dimension_count_swa", uint32(8))
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, gatedHeads, false)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

func museGlimmer() *Builder {
	s := newGated("muse-glimmer").windows(true, true, true, false).key("logit_scale", float32(0.5)).key("final_logit_softcapping", float32(12))
	s.add("output", gatedWidth, SketchVocab)
	for i := range 4 {
		s.norms(i, "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
		s.attention(i, gatedHeads, gatedHeads*gatedHead, true)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

func hyV3() *Builder {
	s := newGated("hy_v3").experts(1).key("expert_shared_feed_forward_length", uint32(gatedExpert))
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		if s.attention(i, gatedHeads, 0, true); i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b")
		}
	}
	return s.Builder
}

func cohere2moe(rms bool) *Builder {
	s := newGated("cohere2moe").windows(false, true, false, true).experts(1).key("logit_scale", float32(0.25))
	if !rms {
		s.Delete("cohere2moe.attention.layer_norm_rms_epsilon").AddKV("cohere2moe.attention.layer_norm_epsilon", float32(1e-5))
	}
	for i := range 4 {
		s.norms(i, "attn_norm")
		if s.attention(i, gatedHeads, 0, false); i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "")
		}
	}
	return s.Builder
}

// deci has layers of different widths, one without attention.
func deci() *Builder {
	s := newGated("deci").key("attention.head_count", []uint32{4, 0, 2, 4}).key("attention.head_count_kv", []uint32{2, 0, 2, 2})
	s.key("feed_forward_length", []uint32{96, 64, 32, 96})
	s.add("rope_freqs", gatedHead/2)
	for i, heads := range []int{4, 0, 2, 4} {
		if heads > 0 {
			s.norms(i, "attn_norm")
			s.attention(i, heads, 0, false)
		}
		s.norms(i, "ffn_norm")
		s.network(i, []int{96, 64, 32, 96}[i], "")
	}
	return s.Builder
}

func minicpm3() *Builder {
	const rank, queries, rope, key, value = 32, 48, 8, 24, 16
	s := newGated("minicpm3").key("attention.q_lora_rank", uint32(queries)).key("attention.kv_lora_rank", uint32(rank))
	s.key("attention.head_count_kv", uint32(gatedHeads)).key("attention.key_length", uint32(key)).key("attention.value_length", uint32(value))
	s.key("rope.dimension_count", uint32(rope)).key("rope.scaling.original_context_length", uint32(16)).key("rope.scaling.attn_factor", float32(1.2))
	s.add("rope_factors_short", rope/2)
	s.add("rope_factors_long", rope/2)
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		add("attn_q_a", gatedWidth, queries)
		add("attn_q_a_norm", queries)
		add("attn_q_b", queries, gatedHeads*key)
		add("attn_kv_a_mqa", gatedWidth, rank+rope)
		add("attn_kv_a_norm", rank)
		add("attn_kv_b", rank, gatedHeads*(key-rope+value))
		add("attn_output", gatedHeads*value, gatedWidth)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

// step35 clamps experts in some layers, and networks in others.
func step35() *Builder {
	s := newGated("step35").windows(true, false, true, false).experts(1).key("expert_shared_feed_forward_length", uint32(gatedExpert))
	s.key("attention.head_count", []uint32{4, 2, 4, 2}).key("swiglu_clamp_exp", []float32{0, 0.3, 0, 0.2})
	s.key("swiglu_clamp_shexp", []float32{0.4, 0.2, 0, 0})
	s.add("output", gatedWidth, SketchVocab)
	s.add("rope_freqs", gatedHead/2)
	for i, heads := range []int{4, 2, 4, 2} {
		s.norms(i, "attn_norm", "ffn_norm")
		if s.attention(i, heads, heads, i != 2); i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}

// openelm has layers of different widths.
func openelm() *Builder {
	s := newGated("openelm").key("attention.head_count", []uint32{4, 2, 4, 2}).key("attention.head_count_kv", []uint32{2, 1, 2, 1})
	s.key("feed_forward_length", []uint32{96, 64, 32, 96})
	for i := range 4 {
		heads := 4 - 2*(i%2)
		s.norms(i, "attn_norm", "ffn_norm")
		add := s.layer(i)
		add("attn_qkv", gatedWidth, 2*heads*gatedHead)
		add("attn_output", heads*gatedHead, gatedWidth)
		add("attn_q_norm", gatedHead)
		add("attn_k_norm", gatedHead)
		s.network(i, []int{96, 64, 32, 96}[i], "")
	}
	return s.Builder
}

func paddleocr() *Builder {
	s := newGated("paddleocr").key("rope.dimension_sections", []int32{2, 3, 3, 0})
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, 0, false)
		s.plain(i, "attn_output.bias", gatedWidth)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}
