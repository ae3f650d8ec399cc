package huggingface

import "strings"

// More of MiniMax's, and openPangu.

var _ = register(family{
	arch:   "minimax-m3",
	names:  miniMaxM3Names,
	modify: (*model).miniMaxM3,
	keys:   (*model).miniMaxM3Keys,
}, "MiniMaxM3SparseForCausalLM", "MiniMaxM3SparseForConditionalGeneration")

var _ = register(family{
	arch:   "minimax-01",
	names:  miniMax01Names,
	modify: (*model).sparseExperts,
	keys:   (*model).miniMax01Keys,
	vocab:  (*model).vocabMiniMax01,
}, "MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM")

var _ = register(family{
	arch:   "pangu-embedded",
	filter: (*model).untied,
	keys:   (*model).panguKeys,
	vocab:  (*model).vocabErnie,
}, "PanguEmbeddedForCausalLM")

var miniMaxM3Names = withNames(miniMaxNames, map[string]string{
	"model.layers.#.block_sparse_moe.shared_experts.gate_proj": "blk.#.ffn_gate_shexp",
	"model.layers.#.block_sparse_moe.shared_experts.up_proj":   "blk.#.ffn_up_shexp",
	"model.layers.#.block_sparse_moe.shared_experts.down_proj": "blk.#.ffn_down_shexp",
	"model.layers.#.self_attn.index_q_proj":                    "blk.#.indexer.q_proj",
	"model.layers.#.self_attn.index_k_proj":                    "blk.#.indexer.k_proj",
	"model.layers.#.self_attn.index_q_norm":                    "blk.#.indexer.q_norm",
	"model.layers.#.self_attn.index_k_norm":                    "blk.#.indexer.k_norm",
})

// miniMaxM3 adds a tensor. Norms are stored as the difference from 1, and the indexer's matrices stay exact.
func (m *model) miniMaxM3(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, "norm.weight") {
		t = t.plusOne()
	}
	if strings.Contains(name, ".self_attn.index_") {
		t = t.as(typeF32)
	}
	return m.miniMax(name, bid, t)
}

func (m *model) miniMaxM3Keys() {
	m.miniMaxKeys()
	m.u32("expert_shared_count", m.need("n_shared_experts"))
	m.f32("expert_weights_scale", m.needFloat("routed_scaling_factor"))
	m.bool("expert_weights_norm", true)
	sparse := m.cfg.object("sparse_attention_config")
	for _, p := range [][2]string{{"head_count", "sparse_num_index_heads"}, {"key_length", "sparse_index_dim"}, {"top_k", "sparse_topk_blocks"},
		{"block_size", "sparse_block_size"}, {"local_blocks", "sparse_local_block"}} {
		n, ok := sparse.integer(p[1])
		if !ok {
			m.fail("sparse_attention_config has no %s", p[1])
		}
		m.u32("attention.indexer."+p[0], n)
	}
	dense, freq := 0, m.cfg.numbers("moe_layer_freq")
	if freq == nil {
		m.fail("moe_layer_freq is no list of numbers")
	}
	for dense < len(freq) && freq[dense] == 0 {
		dense++
	}
	m.u32("leading_dense_block_count", dense)
}

var miniMax01Names = withNames(sparseNames, map[string]string{
	"model.layers.#.self_attn.norm":        "blk.#.attn_norm_2",
	"model.layers.#.self_attn.qkv_proj":    "blk.#.attn_qkv",
	"model.layers.#.self_attn.out_proj":    "blk.#.attn_output",
	"model.layers.#.self_attn.output_gate": "blk.#.attn_gate",
})

func (m *model) miniMax01Keys() {
	m.commonKeys()
	m.suppressEmpty()
	alpha := m.needFloat("layernorm_full_attention_alpha")
	for _, k := range []string{"layernorm_linear_attention_alpha", "layernorm_mlp_alpha"} {
		if x := m.needFloat(k); x != alpha {
			m.fail("%s is %v, layernorm_full_attention_alpha %v: they must be the same", k, x, alpha)
		}
	}
	for _, k := range []string{"layernorm_full_attention_beta", "layernorm_linear_attention_beta", "layernorm_mlp_beta"} {
		if x := m.needFloat(k); x != 1 {
			m.fail("%s is %v, only 1 can be converted", k, x)
		}
	}
	m.f32("residual_scale", alpha)
	m.u32("rope.dimension_count", m.need("rotary_dim"))
}

// suppressEmpty says which tokens must not be sampled: those behind the vocabulary whose rows of the embedding are 0.
func (m *model) suppressEmpty() {
	t, err := readTokenizer(m.dir)
	if err != nil {
		m.err = err
		return
	}
	for _, e := range m.in {
		if e.name != "model.embed_tokens.weight" || !e.dims(2) {
			continue
		}
		var empty []int32
		row := make([]float32, e.shape[1])
		for i := len(t.vocab); i < e.shape[0]; i++ {
			if err := e.read(row, i*len(row)); err != nil {
				m.err = err
				return
			}
			if isZero(row) {
				empty = append(empty, int32(i))
			}
		}
		if len(empty) > 0 {
			m.set("tokenizer.ggml.suppress_tokens", empty)
		}
	}
}

// isZero reports whether all numbers are 0.
func isZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

func (m *model) vocabMiniMax01() error {
	if err := m.vocabBPE(); err != nil {
		return err
	}
	return m.ownTemplate()
}

func (m *model) panguKeys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	dim := m.headDim()
	m.u32("rope.dimension_count", dim)
	if !m.cfg.has("head_dim") {
		m.u32("attention.key_length", dim)
		m.u32("attention.value_length", dim)
	}
}
