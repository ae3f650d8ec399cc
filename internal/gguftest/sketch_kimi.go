package gguftest

import "github.com/latentgo/latentgo/internal/ggtype"

func addKimiLinear(out map[string]Sketch) {
	out["kimi-linear"] = Sketch{1e-6, func() *Builder { return kimiLinear(ggtype.F32, 1) }}
	out["kimi-linear-q8"] = Sketch{2e-3, func() *Builder { return kimiLinear(ggtype.Q8_0, 4) }} // both round activations
	out["bailingmoe3"] = Sketch{1e-5, bailingMoE3}
}

// kimiLinear makes three layers of Kimi Delta Attention and one of latent attention, the first ones with a plain
// network.
func kimiLinear(matrix ggtype.Type, dense int) *Builder {
	const width, heads, size = gatedWidth, 2, 32
	s := newSketch("kimi-linear", matrix, width, 4, heads, 96)
	s.key("attention.head_count_kv", []uint32{0, 0, 1, 0}).latentKeys()
	s.key("ssm.conv_kernel", uint32(4)).key("kda.head_dim", uint32(size))
	s.experts(dense)
	s.add("output", width, SketchVocab)
	for i := range 4 {
		add := s.layer(i)
		add("attn_norm", width)
		add("ffn_norm", width)
		if i != 2 {
			s.kda(i, width, heads*size, size, heads, false)
		} else {
			s.latent(i, heads, false)
			add("attn_output", heads*latentValue, width)
		}
		if i < dense {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}

// kda adds Kimi Delta Attention, direct with one matrix for decays and one for gates.
func (s *sketch) kda(i, width, inner, size, heads int, direct bool) {
	add := s.layer(i)
	for _, name := range []string{"q", "k", "v"} {
		add("attn_"+name, width, inner)
		s.plain(i, "ssm_conv1d_"+name+".weight", 4, 1, inner)
	}
	for _, name := range []string{"ssm_f", "ssm_g"} {
		if direct {
			add(name+"_a", width, inner)
			continue
		}
		add(name+"_a", width, size)
		add(name+"_b", size, inner)
	}
	add("ssm_beta", width, heads)
	s.plain(i, "ssm_a", 1, heads)
	s.negative(i, "ssm_a")
	s.plain(i, "ssm_dt.bias", inner)
	add("ssm_norm", size)
	add("attn_output", inner, width)
}

// bailingMoE3 makes three layers of Kimi Delta Attention with a bounded decay and one of latent attention with gates.
func bailingMoE3() *Builder {
	const width, heads, size = gatedWidth, 2, 32
	s := newSketch("bailingmoe3", ggtype.F32, width, 4, heads, 96)
	s.key("attention.head_count_kv", []uint32{0, 0, 1, 0}).key("attention.q_lora_rank", uint32(latentQueries)).latentKeys()
	s.key("ssm.conv_kernel", uint32(4)).key("kda.head_dim", uint32(size))
	s.key("kda.safe_gate", true).key("kda.gate_lower_bound", float32(-4))
	s.experts(1).key("swiglu_clamp_exp", []float32{0, 0.5, 0, 0.1}).key("swiglu_clamp_shexp", []float32{0.2, 0, 0.3, 0})
	s.add("output", width, SketchVocab)
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		if i != 2 {
			s.kda(i, width, heads*size, size, heads, true)
		} else {
			s.latent(i, heads, true)
			add("attn_gate", width, heads)
			add("attn_output", heads*latentValue, width)
		}
		if i < 1 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}
