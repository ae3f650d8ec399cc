package gguftest

import (
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// addBlocks adds architectures whose blocks flow otherwise than llama's: networks beside, norms behind, loops.
func addBlocks(out map[string]Sketch) {
	for name, build := range map[string]func() *Builder{
		"grok": func() *Builder { return grok(false) }, "grok-2": func() *Builder { return grok(true) }, "arctic": arctic, "plamo": plamo,
		"plamo3": plamo3, "maple": maple,
	} {
		out[name] = Sketch{1e-5, build}
	}
	out["nanbeige"] = Sketch{5e-5, nanbeige} // runs of the same weights add to what rounding of keys and values does
}

// grok has the factors of old files, or with a dense network beside the experts others, and another name of a norm.
func grok(dense bool) *Builder {
	s := newGated("grok")
	s.r = rand.New(rand.NewPCG(51, 1)) // with which no router's choice is nearly a tie
	s.key("expert_count", uint32(gatedExperts)).key("expert_used_count", uint32(2))
	last := "layer_output_norm"
	if dense {
		s.key("expert_feed_forward_length", uint32(gatedExpert)).key("embedding_scale", float32(3)).key("logit_scale", float32(0.4))
		s.key("attention.output_scale", float32(0.2)).key("attn_logit_softcapping", float32(2)).key("final_logit_softcapping", float32(1.5))
		last = "post_ffw_norm"
	}
	for i := range 4 {
		s.norms(i, "attn_norm", "attn_output_norm", "ffn_norm", last)
		s.attention(i, gatedHeads, 0, false)
		s.layer(i)("ffn_gate_inp", gatedWidth, gatedExperts)
		if dense {
			s.network(i, gatedExpert, "_exps", gatedExperts)
			s.network(i, gatedFFN, "")
		} else {
			s.network(i, gatedFFN, "_exps", gatedExperts)
		}
	}
	return s.Builder
}

func arctic() *Builder {
	s := newGated("arctic").key("expert_count", uint32(gatedExperts)).key("expert_used_count", uint32(2))
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm", "ffn_norm_exps")
		s.attention(i, gatedHeads, 0, false)
		s.layer(i)("ffn_gate_inp", gatedWidth, gatedExperts)
		s.network(i, gatedFFN, "_exps", gatedExperts)
		s.network(i, gatedWidth, "")
	}
	return s.Builder
}

func plamo() *Builder {
	s := newGated("plamo")
	s.add("output", gatedWidth, SketchVocab)
	for i := range 4 {
		s.norms(i, "attn_norm")
		s.attention(i, gatedHeads, 0, false)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

func plamo3() *Builder {
	s := newGated("plamo3").windows(true, true, false, true)
	for i := range 4 {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		s.plain(i, "post_attention_norm", gatedWidth)
		s.plain(i, "post_ffw_norm", gatedWidth)
		add("attn_qkv", gatedWidth, (gatedHeads+4)*gatedHead)
		add("attn_output", gatedHeads*gatedHead, gatedWidth)
		add("attn_q_norm", gatedHead)
		add("attn_k_norm", gatedHead)
		add("ffn_up", gatedWidth, 2*gatedFFN)
		add("ffn_down", gatedFFN, gatedWidth)
	}
	return s.Builder
}

// nanbeige runs its two layers twice.
func nanbeige() *Builder {
	s := newSketch("nanbeige", ggtype.F32, gatedWidth, 2, gatedHeads, gatedFFN)
	s.key("attention.head_count_kv", uint32(2)).key("num_loops", uint32(2))
	for i := range 2 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, 0, false)
		s.network(i, gatedFFN, "")
	}
	return s.Builder
}

func maple() *Builder {
	s := newGated("maple").windows(true, false, true, true).key("swiglu_clamp_exp", float32(0.05))
	s.key("expert_count", uint32(gatedExperts)).key("expert_used_count", uint32(2)).key("expert_feed_forward_length", uint32(gatedExpert))
	s.add("output", gatedWidth, SketchVocab)
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, 0, true)
		s.layer(i)("ffn_gate_inp", gatedWidth, gatedExperts)
		s.network(i, gatedExpert, "_exps", gatedExperts)
	}
	return s.Builder
}
