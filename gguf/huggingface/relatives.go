package huggingface

import (
	"fmt"
	"strconv"
	"strings"
)

// Decoders that differ little from Llama.

var (
	_ = register(family{arch: "jais2", keys: (*model).jais2Keys}, "Jais2ForCausalLM")
	_ = register(family{arch: "maincoder", keys: (*model).maincoderKeys}, "MaincoderForCausalLM")
	_ = register(family{
		arch:   "nanbeige",
		extra:  (*model).llama3Factors,
		modify: (*model).llama,
		keys:   (*model).nanbeigeKeys,
		vocab:  (*model).vocabLlama,
	}, "NanbeigeForCausalLM")
	_ = register(family{
		arch:   "llama",
		modify: (*model).llama,
		keys:   (*model).llamaKeys,
		vocab:  (*model).vocabInternLM3,
	}, "InternLM3ForCausalLM")
	_ = register(family{
		arch:  "minicpm3",
		names: withNames(deepseek2Names, map[string]string{"model.layers.#.self_attn.kv_b_proj": "blk.#.attn_kv_b"}),
		extra: (*model).minicpm3Factors,
		keys:  (*model).minicpm3Keys,
		vocab: (*model).vocabSPM,
	}, "MiniCPM3ForCausalLM")
	_ = register(family{
		arch:   "openelm",
		names:  openELMNames,
		modify: (*model).openELM,
		keys:   (*model).openELMKeys,
		vocab:  (*model).vocabSPM,
	}, "OpenELMForCausalLM")
	_ = register(family{
		arch:   "deci",
		init:   (*model).deciInit,
		extra:  (*model).llama3Factors,
		modify: (*model).deci,
		keys:   (*model).deciKeys,
		vocab:  (*model).vocabDeci,
	}, "DeciLMForCausalLM")
)

func (m *model) jais2Keys() {
	m.commonKeys()
	m.u32("rope.dimension_count", m.headDim())
}

func (m *model) maincoderKeys() {
	m.commonKeys()
	m.count("rope.dimension_count", "head_dim")
}

// nanbeigeKeys sets the keys of a model whose layers run several times.
func (m *model) nanbeigeKeys() {
	m.llamaKeys()
	m.u32("num_loops", max(m.or(1, "num_loops"), 1))
	m.bool("skip_loop_final_norm", m.cfg.boolean("skip_loop_final_norm", false))
}

// vocabInternLM3 is SentencePiece; <|im_end|> ends an answer.
func (m *model) vocabInternLM3() error {
	tokens, err := m.spmTokens()
	if err != nil {
		return err
	}
	m.vocabulary("llama", "default", tokens, true)
	s, err := m.readSpecial(false, len(tokens))
	if err != nil {
		return err
	}
	if b, ok := s.tc["add_prefix_space"].(bool); ok {
		m.set("tokenizer.ggml.add_space_prefix", b)
	}
	added := s.tc.object("added_tokens_decoder")
	for key := range added {
		o := added.object(key)
		id, err := strconv.Atoi(key)
		if _, ok := s.ids["eos"]; ok && err == nil && id >= 0 && o.boolean("special", false) && o.text("content") == "<|im_end|>" {
			s.ids["eos"] = id
		}
	}
	s.keys(m)
	return nil
}

// minicpm3Factors adds factors of rotation for the part of a head that rotates.
func (m *model) minicpm3Factors() error { return m.bothFactors(m.need("qk_rope_head_dim")) }

func (m *model) minicpm3Keys() {
	m.fileType()
	m.decoderKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	m.count("attention.q_lora_rank", "q_lora_rank")
	rope := m.need("qk_rope_head_dim")
	m.u32("attention.kv_lora_rank", m.need("kv_lora_rank"))
	m.u32("attention.key_length", m.need("qk_nope_head_dim")+rope)
	m.u32("rope.dimension_count", rope)
}

var openELMNames = map[string]string{
	"transformer.token_embeddings":       "token_embd",
	"transformer.norm":                   "output_norm",
	"transformer.layers.#.attn_norm":     "blk.#.attn_norm",
	"transformer.layers.#.attn.qkv_proj": "blk.#.attn_qkv",
	"transformer.layers.#.attn.q_norm":   "blk.#.attn_q_norm",
	"transformer.layers.#.attn.k_norm":   "blk.#.attn_k_norm",
	"transformer.layers.#.attn.out_proj": "blk.#.attn_output",
	"transformer.layers.#.ffn_norm":      "blk.#.ffn_norm",
	"transformer.layers.#.ffn.proj_2":    "blk.#.ffn_down",
}

// openELMWidths returns the width of the feed-forward network of each layer.
func (m *model) openELMWidths() []int {
	widths := m.cfg.numbers("ffn_multipliers")
	divisor, width := m.need("ffn_dim_divisor"), m.need("model_dim")
	if len(widths) != m.blocks || divisor <= 0 {
		m.fail("%d ffn_multipliers for %d layers, ffn_dim_divisor %d", len(widths), m.blocks, divisor)
		return make([]int, m.blocks)
	}
	out := make([]int, m.blocks)
	for i, k := range widths {
		v := k * float64(width)
		if !(v >= 0 && v < 1<<24) {
			m.fail("ffn_multipliers has %v", k)
			break
		}
		out[i] = max(divisor, int(v+float64(divisor)/2)/divisor*divisor)
		if float64(out[i]) < 0.9*v {
			out[i] += divisor
		}
	}
	return out
}

// openELM adds a tensor; gates and up-projections stand together.
func (m *model) openELM(name string, bid int, t tensor) error {
	if !strings.HasSuffix(name, ".ffn.proj_1.weight") {
		return m.plain(name, bid, t)
	}
	if bid < 0 || bid >= m.blocks || !t.dims(2) || t.shape[0] != 2*m.openELMWidths()[bid] {
		return fmt.Errorf("%w: shape %v for gates and up-projections", ErrFolder, t.shape)
	}
	if err := m.blk(bid, "ffn_gate.weight", t.half(0, 0)); err != nil {
		return err
	}
	return m.blk(bid, "ffn_up.weight", t.half(0, 1))
}

func (m *model) openELMKeys() {
	m.u32("block_count", m.blocks)
	m.u32("context_length", m.need("max_context_length"))
	m.u32("embedding_length", m.need("model_dim"))
	m.list("feed_forward_length", int32s(m.openELMWidths()))
	for _, k := range [][2]string{{"attention.head_count", "num_query_heads"}, {"attention.head_count_kv", "num_kv_heads"}} {
		if list := m.cfg.numbers(k[1]); len(list) != m.blocks {
			m.fail("%s has %d of %d numbers", k[1], len(list), m.blocks)
		}
		m.count(k[0], k[1])
	}
	m.f32("rope.freq_base", m.needFloat("rope_freq_constant"))
	m.f32("attention.layer_norm_rms_epsilon", 1e-6)
	dim := m.need("head_dim")
	m.u32("rope.dimension_count", dim)
	m.u32("attention.key_length", dim)
	m.u32("attention.value_length", dim)
	m.fileType()
}

// int32s is numbers as the format has lists of counts.
func int32s(list []int) []int32 {
	out := make([]int32, len(list))
	for i, n := range list {
		out[i] = int32(n)
	}
	return out
}
