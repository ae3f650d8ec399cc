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
	s.kdaInputs(i, inner)
	for _, name := range []string{"ssm_f", "ssm_g"} {
		if direct {
			add(name+"_a", width, inner)
			continue
		}
		add(name+"_a", width, size)
		add(name+"_b", size, inner)
	}
	s.kdaState(i, inner, size, heads, 1, heads)
}

// kdaInputs adds its queries, keys and values.
func (s *sketch) kdaInputs(i, inner int) {
	for _, name := range []string{"q", "k", "v"} {
		s.layer(i)("attn_"+name, gatedWidth, inner)
		s.plain(i, "ssm_conv1d_"+name+".weight", 4, 1, inner)
	}
}

// kdaState adds what its state needs, with decays in the shape given.
func (s *sketch) kdaState(i, inner, size, heads int, decays ...int) {
	add := s.layer(i)
	add("ssm_beta", gatedWidth, heads)
	s.plain(i, "ssm_a", decays...)
	s.negative(i, "ssm_a")
	s.plain(i, "ssm_dt.bias", inner)
	add("ssm_norm", size)
	add("attn_output", inner, gatedWidth)
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

// kimiK3 makes three layers of Kimi Delta Attention and one of gated latent attention, with experts on fewer values than
// the residual stream has, which is kept in every second layer.
func kimiK3() *Builder {
	const width, heads, size, latent = gatedWidth, 2, 32, 48
	s := newSketch("kimi-k3", ggtype.F32, width, 4, heads, 96)
	s.key("attention.head_count_kv", []uint32{0, 0, 1, 0}).key("attention.q_lora_rank", uint32(latentQueries)).latentKeys()
	s.key("ssm.conv_kernel", uint32(4)).key("kda.head_dim", uint32(size)).key("kda.gate_lower_bound", float32(-4))
	s.key("activation.situ_beta", float32(0.5)).key("activation.situ_linear_beta", float32(0.7))
	s.experts(1).key("expert_latent_length", uint32(latent)).key("attn_res.block_size", uint32(2))
	s.add("output", width, SketchVocab)
	s.add("output_res_score", width)
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm", "attn_res_score", "ffn_res_score")
		if i != 2 {
			s.kdaInputs(i, heads*size)
			add("ssm_f_a", width, size)
			add("ssm_f_b", size, heads*size)
			add("ssm_g", width, heads*size)
			s.kdaState(i, heads*size, size, heads, heads)
		} else {
			s.latent(i, heads, true)
			add("attn_gate", width, heads*latentValue)
			add("attn_output", heads*latentValue, width)
		}
		if i == 0 {
			s.network(i, gatedFFN, "")
			continue
		}
		add("ffn_gate_inp", width, gatedExperts)
		s.plain(i, "exp_probs_b.bias", gatedExperts)
		s.network(i, gatedExpert, "_shexp")
		add("ffn_gate_exps", latent, gatedExpert, gatedExperts)
		add("ffn_up_exps", latent, gatedExpert, gatedExperts)
		add("ffn_down_exps", gatedExpert, latent, gatedExperts)
		add("ffn_routed_down", width, latent)
		add("ffn_routed_up", latent, width)
		if i > 1 {
			add("ffn_routed_norm", latent)
		}
	}
	return s.Builder
}
