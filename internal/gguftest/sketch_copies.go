package gguftest

import "github.com/latentgo/latentgo/internal/ggtype"

// addCopies adds models whose residual stream is several vectors, and relatives of their attention. llama.cpp has computed
// their logits without flash attention, see addLinear.
func addCopies(out map[string]Sketch) {
	out["dots3note"] = Sketch{1e-5, dots3note}
	out["hy_v4"] = Sketch{1e-5, func() *Builder { return hyV4(true) }}
	out["hy_v4-full"] = Sketch{1e-5, func() *Builder { return hyV4(false) }}
	out["hrm_text"] = Sketch{1e-5, hrmText}
	out["glm5-next"] = Sketch{1e-5, glm5Next}
	out["kimi-k3"] = Sketch{2e-5, kimiK3}
}

// dots3note makes two layers that attend to 32 tokens that an indexer picks, and two with a window and other sizes.
func dots3note() *Builder {
	const rank, key, value = 24, 32, 16
	s := newSparse("dots3note", 4).windows(false, true, true, false)
	s.key("attention.indexer.types", []uint32{1, 0, 0, 1}).key("attention.kv_lora_rank_swa", uint32(rank))
	s.key("attention.key_length_mla_swa", uint32(key)).key("attention.value_length_mla_swa", uint32(value))
	s.key("attention.key_length_swa", uint32(rank+latentRope)).key("attention.value_length_swa", uint32(rank))
	for i := range 4 {
		add := s.layer(i)
		if i == 0 || i == 3 {
			s.sparseLayer(i, true)
		} else {
			s.norms(i, "attn_norm", "ffn_norm")
			s.latentOf(i, gatedHeads, true, latentRope, rank, key, value)
			add("attn_output", gatedHeads*value, gatedWidth)
			s.mixture(i, "exp_probs_b.bias")
		}
		add("attn_k_norm", latentRope)
		add("attn_gate", gatedWidth, gatedHeads)
	}
	return s.Builder
}

// hyV4 makes layers that attend to 32 tokens that the first one's indexer picks, or the third's; or to all.
func hyV4(sparse bool) *Builder {
	const copies = 3
	s := newSparse("hy_v4", 3).key("swiglu_clamp_exp", []float32{0, 0.3, 0.1})
	s.key("hyper_connection.count", uint32(copies)).key("hyper_connection.epsilon", float32(1e-2)).key("hyper_connection.magnitude", float32(1.5))
	own := []uint32{1, 0, 1}
	if s.key("attention.indexer.types", own); !sparse {
		s.key("attention.indexer.top_k", uint32(0))
	}
	for i := range own {
		s.sparseLayer(i, sparse && own[i] == 1)
		s.layer(i)("attn_gate", gatedWidth, gatedHeads*latentValue)
		s.layer(i)("attn_sinks", gatedHeads)
		s.hyper(i, copies, 2*copies, 2)
	}
	s.head(copies)
	return s.Builder
}

// head adds what makes one stream of copies of the residual stream.
func (s *sketch) head(copies int) {
	s.add("output_hc_fn", copies*gatedWidth, copies)
	s.add("output_hc_base", copies)
	s.add("output_hc_scale", 1)
}

// hyper adds what makes so many values of copies of the residual stream, of several kinds.
func (s *sketch) hyper(i, copies, values, kinds int) {
	add := s.layer(i)
	for _, name := range []string{"hc_attn", "hc_ffn"} {
		add(name+"_fn", copies*gatedWidth, values)
		add(name+"_base", values)
		add(name+"_scale", kinds)
	}
}

// hrmText makes two stacks of two layers, of which the low one runs twice and then the high one, two times.
func hrmText() *Builder {
	const stack, low, high = 2, 2, 2
	s := newSketch("hrm_text", ggtype.F32, gatedWidth, stack*high*(low+1), gatedHeads, gatedFFN)
	s.key("attention.head_count_kv", uint32(2)).key("embedding_scale", float32(3))
	s.key("hrm.layers_per_stack", uint32(stack)).key("hrm.l_cycles", uint32(low)).key("hrm.h_cycles", uint32(high))
	s.Remove("output_norm.weight")
	s.AddRandom(s.r, "hrm.z_l_init", ggtype.F32, gatedWidth)
	for i := range 2 * stack {
		s.attention(i, gatedHeads, gatedHeads*gatedHead, false)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

// glm5Next makes two layers of Kimi Delta Attention and three of latent attention without positions to 8 tokens in pools
// of 4 and those behind them, of which the second shares what the first picks.
func glm5Next() *Builder {
	const copies, pool, heads, size = 4, 4, 2, 32
	kv, own := []uint32{0, 1, 0, 1, 1}, []uint32{1, 1, 1, 0, 1}
	s := newSketch("glm5-next", ggtype.F32, gatedWidth, len(kv), heads, gatedFFN).experts(1)
	s.key("attention.head_count_kv", kv).key("attention.q_lora_rank", uint32(latentQueries)).latentKeys()
	s.key("rope.dimension_count", uint32(0)).key("attention.key_length_mla", uint32(latentKey-latentRope)).key("attention.key_length", uint32(latentRank))
	s.key("attention.layer_norm_epsilon", float32(1e-6)).key("attention.indexer.types", own)
	s.key("attention.indexer.head_count", uint32(sparseIndexers)).key("attention.indexer.key_length", uint32(sparseIndex))
	s.key("attention.indexer.top_k", uint32(8)).key("attention.indexer.kpool", uint32(pool))
	s.key("hyper_connection.count", uint32(copies)).key("hyper_connection.epsilon", float32(1e-3)).key("hyper_connection.sinkhorn_iterations", uint32(3))
	s.key("ssm.conv_kernel", uint32(4)).key("kda.head_dim", uint32(size)).key("kda.gate_lower_bound", float32(-4))
	s.key("swiglu_clamp_exp", []float32{0.2, 0.3, 0, 0.3, 0.2})
	s.add("output", gatedWidth, SketchVocab)
	for i := range kv {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		s.hyper(i, copies, (2+copies)*copies, 3)
		if kv[i] == 0 {
			s.kdaInputs(i, heads*size)
			for _, name := range []string{"ssm_f", "ssm_g"} {
				add(name+"_a", gatedWidth, size)
				add(name+"_b", size, heads*size)
			}
			s.kdaState(i, heads*size, size, heads, heads)
		} else {
			s.latentOf(i, heads, true, 0, latentRank, latentKey-latentRope, latentValue)
			add("attn_output", heads*latentValue, gatedWidth)
			if own[i] == 1 {
				s.indexer(i)
				add("indexer_compressor_gate", gatedWidth, sparseIndex)
				add("indexer_compressor_ape", sparseIndex, pool)
			}
		}
		if i == 0 {
			s.network(i, gatedFFN, "")
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}
