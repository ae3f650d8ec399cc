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
	out["qwen4exp"] = Sketch{1e-5, func() *Builder { return qwen4exp(8) }}
	out["qwen4exp-all"] = Sketch{1e-5, func() *Builder { return qwen4exp(64) }}
}

// qwen4exp makes two layers of delta nets, before the first of which n-grams are added, one that attends to all tokens,
// and in the end one that does to so many in blocks of 4 that an indexer picks, and those behind. llama.cpp picks three
// tokens more than those behind and whole blocks, where there are fewer of the former, in what order it may be: the
// vector with few is of the only token at the end, of which that is not so.
func qwen4exp(most int) *Builder {
	const copies, low, keyHeads, valueHeads, state, conv, grams, perGram, inner, index, indexers = 3, 8, 2, 4, 16, 4, 3, 2, 4 * 16, 32, 8
	s := newGated("qwen4exp").experts(0).key("rope.dimension_count", uint32(8)).key("rope.dimension_sections", []uint32{2, 1, 1, 0})
	s.key("expert_shared_feed_forward_length", uint32(gatedExpert)).key("full_attention_interval", uint32(2))
	s.key("ssm.conv_kernel", uint32(conv)).key("ssm.inner_size", uint32(inner)).key("ssm.state_size", uint32(state))
	s.key("ssm.time_step_rank", uint32(valueHeads)).key("ssm.group_count", uint32(keyHeads))
	s.key("hyper_connection.count", uint32(copies)).key("hyper_connection.low_rank", uint32(low))
	s.key("attention.indexer.head_count", uint32(indexers)).key("attention.indexer.key_length", uint32(index))
	s.key("attention.indexer.top_k", uint32(most)).key("attention.compress_ratios", []uint32{0, 0, 0, 4})
	s.key("ple.layers", []uint32{0}).key("ple.ngram_size", uint32(grams)).key("ple.heads_per_ngram", uint32(perGram)).key("ple.conv_kernel", uint32(conv))
	s.key("ple.eos_token_id", uint32(5)).key("embedding_length_per_layer_input", uint32(gatedWidth/((grams-1)*perGram)))
	s.key("ple.layer_multipliers", []uint64{1<<61 + 7, 104729, 1<<40 + 3}).key("ple.head_offsets", []uint64{0, 30, 61, 90}).key("ple.head_vocab_sizes", []uint64{29, 31, 29, 23})
	s.Remove("output_norm.weight")
	s.add("per_layer_token_embd", gatedWidth/((grams-1)*perGram), 120)
	s.lowGates("output_hc", copies, low)
	for i := range 4 {
		add := s.layer(i)
		for _, name := range []string{"hc_attn", "hc_ffn"} {
			s.lowGates(fmt.Sprintf("blk.%d.%s", i, name), copies, low)
			add(name+"_inject", gatedWidth*copies, copies)
		}
		if i == 0 {
			add("ple_key", gatedWidth, gatedWidth*copies)
			add("ple_value", gatedWidth, gatedWidth)
			for _, name := range []string{"ple_norm_key", "ple_norm_query", "ple_norm_conv"} {
				add(name, gatedWidth, copies)
			}
			add("ple_conv1d", conv, gatedWidth*copies)
		}
		if i%2 == 0 {
			channels := 2*keyHeads*state + inner
			add("attn_qkv", gatedWidth, channels)
			add("attn_gate", gatedWidth, inner)
			add("ssm_conv1d", conv, channels)
			add("ssm_beta", gatedWidth, valueHeads)
			add("ssm_alpha", gatedWidth, valueHeads)
			add("ssm_norm", state)
			add("ssm_out", inner, gatedWidth)
			s.plain(i, "ssm_dt.bias", valueHeads)
			s.plain(i, "ssm_a", valueHeads)
			s.negative(i, "ssm_a")
		} else {
			add("attn_q", gatedWidth, 2*gatedHeads*gatedHead)
			add("attn_k", gatedWidth, 2*gatedHead)
			add("attn_v", gatedWidth, 2*gatedHead)
			add("attn_output", gatedHeads*gatedHead, gatedWidth)
			add("attn_q_norm", gatedHead)
			add("attn_k_norm", gatedHead)
			add("indexer.q_proj", gatedWidth, indexers*index)
			add("indexer.k_proj", gatedWidth, index)
			add("indexer.q_norm", index)
			add("indexer.k_norm", index)
		}
		s.mixture(i, "")
		add("ffn_gate_inp_shexp", gatedWidth)
	}
	return s.Builder
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

// lowGates adds norms of copies of the residual stream, and gates of a low rank.
func (s *sketch) lowGates(name string, copies, low int) {
	s.add(name+"_norm", gatedWidth*copies)
	s.add(name+"_down", gatedWidth*copies, low)
	s.add(name+"_up", low, gatedWidth*copies)
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
