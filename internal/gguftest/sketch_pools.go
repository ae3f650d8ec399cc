package gguftest

import (
	"encoding/binary"
	"fmt"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// addPools adds models that attend to rows of pools of tokens. llama.cpp has computed their logits with flash attention,
// which rounds less here than without: other choices of pools hang on that.
func addPools(out map[string]Sketch) {
	out["deepseek4"] = Sketch{1e-5, deepseek4}
}

// deepseek4 makes a layer with a window of 8 tokens, whose experts are chosen by the token, two that also attend to 6
// pools of 4 tokens that an indexer picks, and two that do to all pools, of 128 tokens.
func deepseek4() *Builder {
	const copies, heads, size, rotated, groups, rank, indexers = 4, 4, 32, 8, 2, 24, 16 // with few indexers scores of 0 are common
	ratios := []uint32{0, 4, 128, 4, 128}
	s := newSketch("deepseek4", ggtype.F32, gatedWidth, len(ratios), heads, gatedFFN).experts(0).key("expert_gating_func", uint32(4))
	s.key("attention.head_count_kv", uint32(1)).key("attention.key_length", uint32(size)).key("attention.value_length", uint32(size))
	s.key("attention.sliding_window", uint32(8)).key("attention.q_lora_rank", uint32(latentQueries)).key("attention.compress_ratios", ratios)
	s.key("attention.compress_rope_freq_base", float32(20000)).key("rope.dimension_count", uint32(rotated)).key("rope.freq_base", float32(5000))
	s.key("rope.scaling.type", "yarn").key("rope.scaling.factor", float32(4)).key("rope.scaling.original_context_length", uint32(64))
	s.key("attention.output_group_count", uint32(groups)).key("attention.output_lora_rank", uint32(rank))
	s.key("attention.indexer.head_count", uint32(indexers)).key("attention.indexer.key_length", uint32(sparseIndex)).key("attention.indexer.top_k", uint32(6))
	s.key("hyper_connection.count", uint32(copies)).key("hyper_connection.epsilon", float32(1e-3)).key("hyper_connection.sinkhorn_iterations", uint32(3))
	s.key("swiglu_clamp_exp", []float32{0.2, 0.3, 0, 0.3, 0.2}).key("hash_layer_count", uint32(1))
	s.add("output", gatedWidth, SketchVocab)
	s.head(copies)
	for i, pool := range ratios {
		add := s.layer(i)
		s.norms(i, "attn_norm", "ffn_norm")
		s.hyper(i, copies, (2+copies)*copies, 3)
		add("attn_sinks", heads)
		add("attn_q_a", gatedWidth, latentQueries)
		add("attn_q_a_norm", latentQueries)
		add("attn_q_b", latentQueries, heads*size)
		add("attn_kv", gatedWidth, size)
		add("attn_kv_a_norm", size)
		add("attn_output_a", heads*size/groups, groups*rank)
		add("attn_output_b", groups*rank, gatedWidth)
		switch pool {
		case 4:
			s.compressor(i, "attn_compressor", size, 2*size, 4)
			s.compressor(i, "indexer_compressor", sparseIndex, 2*sparseIndex, 4)
			add("indexer.attn_q_b", latentQueries, indexers*sparseIndex)
			add("indexer.proj", gatedWidth, indexers)
		case 128:
			s.compressor(i, "attn_compressor", size, size, 128)
		}
		if i == 0 {
			s.mixture(i, "")
			s.expertsByToken(i)
		} else {
			s.mixture(i, "exp_probs_b.bias")
		}
	}
	return s.Builder
}

// compressor adds what makes a row of a pool of tokens, each of which has so many values.
func (s *sketch) compressor(i int, name string, size, values, tokens int) {
	add := s.layer(i)
	add(name+"_kv", gatedWidth, values)
	add(name+"_gate", gatedWidth, values)
	add(name+"_ape", values, tokens)
	add(name+"_norm", size)
}

// expertsByToken adds a table of two experts for each token.
func (s *sketch) expertsByToken(i int) {
	var data []byte
	for range SketchVocab {
		first := s.r.IntN(gatedExperts)
		data = binary.LittleEndian.AppendUint32(data, uint32(first))
		data = binary.LittleEndian.AppendUint32(data, uint32((first+1+s.r.IntN(gatedExperts-1))%gatedExperts))
	}
	s.AddTensor(fmt.Sprintf("blk.%d.ffn_gate_tid2eid.weight", i), ggtype.I32, []uint64{2, SketchVocab}, data)
}
