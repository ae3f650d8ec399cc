package gguftest

import "fmt"

// addLinear adds models whose logits llama.cpp has computed without flash attention: it sums up values in half precision,
// which alone is an error of 4e-5 where norms follow attention.
func addLinear(out map[string]Sketch) {
	for name, build := range map[string]func() *Builder{"plamo2": plamo2, "minimax-01": minimax01, "grovemoe": grovemoe, "talkie": talkie, "cogvlm": cogvlm} {
		out[name] = Sketch{2e-5, build}
	}
}

// plamo2 makes three layers of state spaces and one of attention.
func plamo2() *Builder {
	const inner, state, heads, rank = 2 * gatedWidth, 16, 4, 64
	s := newGated("plamo2")
	s.key("attention.head_count", []uint32{gatedHeads, 0, 0, 0}).key("attention.head_count_kv", []uint32{2, 0, 0, 0})
	s.key("ssm.conv_kernel", uint32(4)).key("ssm.inner_size", uint32(inner)).key("ssm.state_size", uint32(state))
	s.key("ssm.time_step_rank", uint32(heads)).key("ssm.group_count", uint32(0))
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		s.plain(i, "post_attention_norm", gatedWidth)
		s.plain(i, "post_ffw_norm", gatedWidth)
		if i == 0 {
			add("attn_qkv", gatedWidth, (gatedHeads+4)*gatedHead)
			add("attn_q_norm", gatedHead, gatedHeads)
			add("attn_k_norm", gatedHead, 2)
			add("attn_output", gatedHeads*gatedHead, gatedWidth)
		} else {
			add("ssm_in", gatedWidth, 2*inner)
			add("ssm_conv1d", 4, inner)
			add("ssm_x", inner, rank+2*state)
			add("ssm_dt", rank, heads)
			add("ssm_out", inner, gatedWidth)
			for _, name := range []string{"ssm_dt.bias", "ssm_a", "ssm_d"} {
				s.plain(i, name, heads)
			}
			s.plain(i, "ssm_dt_norm", rank)
			s.plain(i, "ssm_b_norm", state)
			s.plain(i, "ssm_c_norm", state)
			s.negative(i, "ssm_a")
		}
		add("ffn_up", gatedWidth, 2*gatedFFN)
		add("ffn_down", gatedFFN, gatedWidth)
	}
	return s.Builder
}

// negative makes decays of a layer's vector.
func (s *sketch) negative(i int, name string) {
	s.Edit(fmt.Sprintf("blk.%d.%s", i, name), func(x []float32) {
		for j := range x {
			x[j] = -0.1 - x[j]*x[j]
		}
	})
}

// minimax01 makes three layers of linear attention and one of the usual, all with experts.
func minimax01() *Builder {
	s := newGated("minimax-01").key("full_attention_interval", uint32(3)).key("residual_scale", float32(2.5))
	s.key("rope.dimension_count", uint32(8)).key("expert_count", uint32(gatedExperts)).key("expert_used_count", uint32(2))
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		if i == 2 {
			s.attention(i, gatedHeads, 0, false)
		} else {
			add("attn_qkv", gatedWidth, 3*gatedHeads*gatedHead)
			add("attn_norm_2", gatedHeads*gatedHead)
			add("attn_gate", gatedWidth, gatedHeads*gatedHead)
			add("attn_output", gatedHeads*gatedHead, gatedWidth)
		}
		add("ffn_gate_inp", gatedWidth, gatedExperts)
		s.network(i, gatedFFN, "_exps", gatedExperts)
	}
	return s.Builder
}

// grovemoe has four small experts for eight.
func grovemoe() *Builder {
	const per, small = 2, 24
	s := newGated("grovemoe").experts(0).key("experts_per_group", uint32(per))
	s.key("expert_chunk_feed_forward_length", uint32(small)).key("expert_group_scale", float32(0.3))
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, 0, true)
		s.layer(i)("ffn_gate_inp", gatedWidth, gatedExperts)
		s.network(i, gatedExpert, "_exps", gatedExperts)
		s.network(i, small, "_chexps", gatedExperts/per)
	}
	return s.Builder
}

// talkie has norms without weights.
func talkie() *Builder {
	s := newGated("talkie").key("logit_scale", float32(1.5))
	s.Remove("output_norm.weight")
	s.add("output", gatedWidth, SketchVocab)
	for i := range 4 {
		s.attention(i, gatedHeads, 0, false)
		s.layer(i)("attn_q_norm", 1, gatedHeads)
		s.network(i, gatedFFN, "")
		s.plain(i, "ffn_down.scale", 1)
		s.plain(i, "layer_output_scale.weight", 1)
	}
	return s.Builder
}

// cogvlm has as many key/value heads as query heads, and weights for images.
func cogvlm() *Builder {
	s := newGated("cogvlm").key("attention.head_count_kv", uint32(gatedHeads)).key("rope.freq_base", float32(5000))
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		for _, kind := range []string{"", "vis_"} {
			add(kind+"attn_qkv", gatedWidth, 3*gatedHeads*gatedHead)
			add(kind+"attn_output", gatedHeads*gatedHead, gatedWidth)
		}
		s.network(i, gatedFFN, "")
		add("vis_gate", gatedWidth, gatedFFN)
		add("vis_up", gatedWidth, gatedFFN)
		add("vis_down", gatedFFN, gatedWidth)
	}
	return s.Builder
}
