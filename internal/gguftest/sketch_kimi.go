package gguftest

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/ggtype"
)

func addKimiLinear(out map[string]Sketch) {
	out["kimi-linear"] = Sketch{1e-6, func() *Builder { return kimiLinear(ggtype.F32, 1) }}
	out["kimi-linear-q8"] = Sketch{2e-3, func() *Builder { return kimiLinear(ggtype.Q8_0, 4) }} // both round activations
}

// kimiLinear makes three layers of Kimi Delta Attention and one of latent attention, the first ones with a plain network.
func kimiLinear(matrix ggtype.Type, dense int) *Builder {
	const width, heads, size, rope, rank, key, value, experts = 64, 2, 32, 8, 32, 40, 24, 4
	s := newSketch("kimi-linear", matrix, width, 4, heads, 96)
	s.key("attention.head_count_kv", []uint32{0, 0, 1, 0}).key("attention.kv_lora_rank", uint32(rank))
	s.key("attention.key_length_mla", uint32(key)).key("attention.value_length_mla", uint32(value))
	s.key("attention.key_length", uint32(rank+rope)).key("attention.value_length", uint32(rank))
	s.key("rope.dimension_count", uint32(rope)).key("ssm.conv_kernel", uint32(4)).key("kda.head_dim", uint32(size))
	s.key("expert_count", uint32(experts)).key("expert_used_count", uint32(2)).key("expert_feed_forward_length", uint32(32))
	s.key("expert_shared_count", uint32(1)).key("expert_gating_func", uint32(2)).key("expert_weights_scale", float32(2.4))
	s.key("leading_dense_block_count", uint32(dense))
	s.add("output", width, SketchVocab)
	for i := range 4 {
		add := s.layer(i)
		add("attn_norm", width)
		add("ffn_norm", width)
		if i != 2 {
			s.kda(i, width, heads*size, size, heads)
		} else {
			add("attn_q", width, heads*key)
			add("attn_kv_a_mqa", width, rank+rope)
			add("attn_kv_a_norm", rank)
			add("attn_k_b", key-rope, rank, heads)
			add("attn_v_b", rank, value, heads)
			add("attn_output", heads*value, width)
		}
		if i < dense {
			add("ffn_gate", width, 96)
			add("ffn_up", width, 96)
			add("ffn_down", 96, width)
			continue
		}
		add("ffn_gate_inp", width, experts)
		s.plain(i, "exp_probs_b.bias", experts)
		for _, kind := range []string{"exps", "shexp"} {
			n := []int{experts}
			if kind == "shexp" {
				n = nil
			}
			add("ffn_gate_"+kind, append([]int{width, 32}, n...)...)
			add("ffn_up_"+kind, append([]int{width, 32}, n...)...)
			add("ffn_down_"+kind, append([]int{32, width}, n...)...)
		}
	}
	return s.Builder
}

// kda adds Kimi Delta Attention.
func (s *sketch) kda(i, width, inner, size, heads int) {
	add := s.layer(i)
	for _, name := range []string{"q", "k", "v"} {
		add("attn_"+name, width, inner)
		s.plain(i, "ssm_conv1d_"+name+".weight", 4, 1, inner)
	}
	for _, name := range []string{"ssm_f", "ssm_g"} {
		add(name+"_a", width, size)
		add(name+"_b", size, inner)
	}
	add("ssm_beta", width, heads)
	s.plain(i, "ssm_a", 1, heads)
	s.Edit(fmt.Sprintf("blk.%d.ssm_a", i), func(x []float32) {
		for j := range x {
			x[j] = -0.1 - x[j]*x[j]
		}
	})
	s.plain(i, "ssm_dt.bias", inner)
	add("ssm_norm", size)
	add("attn_output", inner, width)
}
