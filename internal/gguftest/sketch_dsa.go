package gguftest

import (
	"math/rand/v2"

	"github.com/latentgo/latentgo/internal/ggtype"
)

// addSparse adds models whose tokens attend to a choice of others, fewer than there are.
func addSparse(out map[string]Sketch) {
	out["deepseek32"] = Sketch{1e-5, deepseek32}
	out["glm-dsa"] = Sketch{5e-5, glmDSA} // of nearly equal scores rounding picks
	out["minimax-m3"] = Sketch{1e-5, minimaxM3}
}

// newSparse begins a model of so many layers with latent attention to 32 tokens each.
func newSparse(arch string, layers int) *sketch {
	s := newSketch(arch, ggtype.F32, gatedWidth, layers, gatedHeads, gatedFFN).experts(1)
	s.key("attention.head_count_kv", uint32(1)).key("attention.q_lora_rank", uint32(latentQueries)).latentKeys()
	s.key("attention.indexer.head_count", uint32(sparseIndexers))
	s.key("attention.indexer.key_length", uint32(sparseIndex)).key("attention.indexer.top_k", uint32(32))
	s.add("output", gatedWidth, SketchVocab)
	return s
}

// Shape of their indexers.
const sparseIndexers, sparseIndex = 3, 64

// Shape of latent attention: ranks of queries and of the latent, rotated values, key and value of a head.
const (
	latentQueries, latentRank, latentRope = 32, 32, 8
	latentKey, latentValue                = 40, 24
)

// latent adds what a layer's latent attention reads, with queries of low rank or not. Its output projection comes apart.
func (s *sketch) latent(i, heads int, low bool) {
	s.latentOf(i, heads, low, latentRope, latentRank, latentKey, latentValue)
}

// latentOf is latent with other numbers of rotated values, of a latent, a key and a value.
func (s *sketch) latentOf(i, heads int, low bool, rotated, rank, key, value int) {
	add := s.layer(i)
	if low {
		add("attn_q_a", gatedWidth, latentQueries)
		add("attn_q_a_norm", latentQueries)
		add("attn_q_b", latentQueries, heads*key)
	} else {
		add("attn_q", gatedWidth, heads*key)
	}
	add("attn_kv_a_mqa", gatedWidth, rank+rotated)
	add("attn_kv_a_norm", rank)
	add("attn_k_b", key-rotated, rank, heads)
	add("attn_v_b", rank, value, heads)
}

// latentKeys adds what the metadata says of it.
func (s *sketch) latentKeys() *sketch {
	s.key("attention.kv_lora_rank", uint32(latentRank)).key("rope.dimension_count", uint32(latentRope))
	s.key("attention.key_length_mla", uint32(latentKey)).key("attention.value_length_mla", uint32(latentValue))
	return s.key("attention.key_length", uint32(latentRank+latentRope)).key("attention.value_length", uint32(latentRank))
}

// sparseLayer adds layer i, with an indexer or without.
func (s *sketch) sparseLayer(i int, indexer bool) {
	add := s.layer(i)
	s.norms(i, "attn_norm", "ffn_norm")
	s.latent(i, gatedHeads, true)
	add("attn_output", gatedHeads*latentValue, gatedWidth)
	if indexer {
		s.indexer(i)
	}
	if i == 0 {
		s.network(i, gatedFFN, "")
	} else {
		s.mixture(i, "exp_probs_b.bias")
	}
}

// indexer adds a lightning indexer.
func (s *sketch) indexer(i int) {
	add := s.layer(i)
	add("indexer.attn_q_b", latentQueries, sparseIndexers*sparseIndex)
	add("indexer.attn_k", gatedWidth, sparseIndex)
	add("indexer.proj", gatedWidth, sparseIndexers)
	add("indexer.k_norm", sparseIndex)
	s.plain(i, "indexer.k_norm.bias", sparseIndex)
}

func deepseek32() *Builder {
	s := newSparse("deepseek32", 2)
	s.key("rope.scaling.type", "yarn").key("rope.scaling.factor", float32(4)).key("rope.scaling.original_context_length", uint32(16))
	s.key("rope.scaling.yarn_log_multiplier", float32(0.1))
	for i := range 2 {
		s.sparseLayer(i, true)
	}
	return s.Builder
}

// glmDSA has a layer that shares what the one before picked.
func glmDSA() *Builder {
	own := []uint32{1, 0, 1}
	s := newSparse("glm-dsa", len(own)).key("attention.indexer.types", own)
	s.r = rand.New(rand.NewPCG(51, 8)) // with which hardly a choice is nearly a tie
	for i, n := range own {
		s.sparseLayer(i, n == 1)
	}
	return s.Builder
}

// minimaxM3 attends to 8 blocks of 4 tokens behind its first layer.
func minimaxM3() *Builder {
	s := newGated("minimax-m3").experts(1).key("rope.dimension_count", uint32(8))
	s.key("attention.indexer.head_count", uint32(2)).key("attention.indexer.key_length", uint32(gatedHead))
	s.key("attention.indexer.block_size", uint32(4)).key("attention.indexer.top_k", uint32(8)).key("attention.indexer.local_blocks", uint32(1))
	s.add("output", gatedWidth, SketchVocab)
	for i := range 4 {
		s.norms(i, "attn_norm", "ffn_norm")
		s.attention(i, gatedHeads, 0, true)
		if i == 0 {
			s.network(i, gatedFFN, "")
			continue
		}
		add := s.layer(i)
		add("indexer.q_proj", gatedWidth, 2*gatedHead)
		add("indexer.k_proj", gatedWidth, gatedHead)
		add("indexer.q_norm", gatedHead)
		add("indexer.k_norm", gatedHead)
		s.mixture(i, "exp_probs_b.bias")
	}
	return s.Builder
}
