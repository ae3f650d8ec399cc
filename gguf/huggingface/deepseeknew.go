package huggingface

import (
	"fmt"
	"strings"
)

// Families with DeepSeek's latent attention that differ little from its own.

var _ = register(family{
	arch:   "deepseek32",
	names:  indexerNames,
	init:   (*model).deepseek32Init,
	filter: (*model).mainLayers,
	modify: (*model).deepseek2,
	keys:   (*model).indexerKeys,
	vocab:  (*model).vocabBPE,
}, "DeepseekV32ForCausalLM")

var _ = register(family{
	arch:   "glm-dsa",
	names:  indexerNames,
	init:   (*model).glmDSAInit,
	filter: (*model).mainLayers,
	modify: (*model).deepseek2,
	keys:   (*model).glmDSAKeys,
	vocab:  (*model).vocabGLM,
}, "GlmMoeDsaForCausalLM")

// GLM-4.7-Flash.
var _ = register(family{
	arch:   "deepseek2",
	names:  withNextn(withNames(deepseek2Names, nil)),
	init:   (*model).deepseekNextn,
	filter: (*model).mainLayers,
	modify: (*model).deepseek2,
	keys:   (*model).glm4LiteKeys,
	vocab:  (*model).vocabGLM,
}, "Glm4MoeLiteForCausalLM")

var _ = register(mistral4(), "Mistral4ForCausalLM")

// mistral4 is the family of Mistral's fourth generation, whose class is that of the third.
func mistral4() family {
	return family{
		arch:   "mistral4",
		names:  withNames(deepseek2Names, map[string]string{"model.layers.#.mlp.experts.gate_up_proj": "blk.#.ffn_gate_up_exps"}),
		init:   oneKeyHead,
		filter: (*model).mainLayers,
		modify: (*model).mistral4,
		keys:   (*model).deepseek2Keys,
	}
}

// indexerNames are the names of what picks the tokens that are attended to.
var indexerNames = withNextn(withNames(deepseek2Names, map[string]string{
	"model.layers.#.self_attn.indexer.k_norm":       "blk.#.indexer.k_norm",
	"model.layers.#.self_attn.indexer.weights_proj": "blk.#.indexer.proj",
	"model.layers.#.self_attn.indexer.wk":           "blk.#.indexer.attn_k",
	"model.layers.#.self_attn.indexer.wq_b":         "blk.#.indexer.attn_q_b",
}))

// deepseekNextn is oneKeyHead with the layers that predict a token further on.
func (m *model) deepseekNextn() error {
	if err := m.nextnLayers(); err != nil {
		return err
	}
	return oneKeyHead(m)
}

// deepseek32Init refuses a folder that does not say that its texts begin with a token, as the script does.
func (m *model) deepseek32Init() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	if !tc.boolean("add_bos_token", false) {
		return fmt.Errorf("tokenizer_config.json: %w: add_bos_token is not true, as a %s needs it", ErrFolder, m.class)
	}
	return m.deepseekNextn()
}

// glmDSAInit writes out which layers have an indexer of their own, where config.json has a rule for it.
func (m *model) glmDSAInit() error {
	main := m.blocks
	if m.cfg.has("indexer_types") {
		return m.deepseekNextn()
	}
	types := make([]any, main)
	freq, offset := max(m.or(1, "index_topk_freq"), 1), 2
	if n, ok := m.cfg.integer("index_skip_topk_offset"); ok {
		offset = n
	}
	pattern, letters := m.cfg.text("index_topk_pattern"), map[byte]string{'F': "full", 'S': "shared"}
	for i := range types {
		types[i] = "shared"
		if max(i-offset+1, 0)%freq == 0 {
			types[i] = "full"
		}
		if pattern != "" && i < len(pattern) {
			types[i] = letters[pattern[i]]
		}
	}
	if list, ok := m.cfg["index_topk_pattern"].([]any); ok {
		types = list
	}
	m.cfg["indexer_types"] = types
	return m.deepseekNextn()
}

func (m *model) indexerKeys() {
	m.deepseek2Keys()
	m.count("nextn_predict_layers", "num_nextn_predict_layers")
	m.indexerSizes()
}

func (m *model) indexerSizes() {
	m.u32("attention.indexer.head_count", m.need("index_n_heads"))
	m.u32("attention.indexer.key_length", m.need("index_head_dim"))
	m.u32("attention.indexer.top_k", m.need("index_topk"))
}

func (m *model) glmDSAKeys() {
	m.deepseek2Keys()
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		share = 1
	}
	m.u32("rope.dimension_count", int(float64(m.need("qk_rope_head_dim"))*share))
	m.count("nextn_predict_layers", "num_nextn_predict_layers")
	m.indexerSizes()
	m.indexerTypes()
}

func (m *model) glm4LiteKeys() {
	m.deepseek2Keys()
	if n := m.or(0, "num_nextn_predict_layers"); n > 0 {
		m.u32("nextn_predict_layers", n)
	}
}

// mistral4 adds a tensor; the experts of a layer stay together, and so do their gates and up-projections.
func (m *model) mistral4(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".mlp.experts.gate_up_proj") || strings.HasSuffix(name, ".mlp.experts.down_proj") {
		return m.plain(name+".weight", bid, t)
	}
	return m.deepseek2(name, bid, t)
}
