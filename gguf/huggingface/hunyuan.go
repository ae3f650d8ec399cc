package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
)

var _ = register(family{
	arch:   "hunyuan-dense",
	names:  hunyuanNames,
	filter: (*model).untied,
	keys:   (*model).hunyuanKeys,
	vocab:  (*model).vocabHunyuan,
}, "HunYuanDenseV1ForCausalLM")

var _ = register(family{
	arch:   "hunyuan-moe",
	names:  hunyuanMoENames,
	filter: (*model).untied,
	modify: (*model).hunyuanMoE,
	keys:   (*model).hunyuanMoEKeys,
	vocab:  (*model).vocabHunyuanMoE,
}, "HunYuanMoEV1ForCausalLM")

var (
	hunyuanNames = map[string]string{
		"model.layers.#.self_attn.query_layernorm": "blk.#.attn_q_norm",
		"model.layers.#.self_attn.key_layernorm":   "blk.#.attn_k_norm",
	}
	hunyuanMoENames = withNames(hunyuanNames, map[string]string{
		"model.layers.#.mlp.gate.wg":              "blk.#.ffn_gate_inp",
		"model.layers.#.mlp.shared_mlp.gate_proj": "blk.#.ffn_gate_shexp",
		"model.layers.#.mlp.shared_mlp.up_proj":   "blk.#.ffn_up_shexp",
		"model.layers.#.mlp.shared_mlp.down_proj": "blk.#.ffn_down_shexp",
	})
)

// untied drops an output matrix that is the embedding.
func (m *model) untied(name string) (string, bool) {
	return name, name != "lm_head.weight" || !m.cfg.boolean("tie_word_embeddings", false)
}

func (m *model) hunyuanKeys() {
	delete(m.cfg, "num_experts") // 1 in some models of images, which have no experts
	m.commonKeys()
	m.hunyuanRope(50, m.headDim())
}

// hunyuanRope sets the base of the rotation that a factor for long contexts gives; def is the factor where none is named,
// and dim what rotates of a head.
func (m *model) hunyuanRope(def float64, dim int) {
	kind := m.rope.text("rope_type")
	if kind != "dynamic" && kind != "xdrope" {
		return
	}
	const longContext = 256 << 10 // which no key of config.json tells
	number := func(key string, def float64) float64 {
		if x, ok := m.rope.number(key); ok {
			return x
		}
		return def
	}
	alpha, base := number("alpha", def), number("rope_theta", 10000)
	if dim <= 2 || alpha <= 0 {
		m.fail("a rotation of %d values with alpha %v", dim, alpha)
		return
	}
	m.f32("rope.freq_base", base*math.Pow(alpha, float64(dim)/float64(dim-2)))
	m.list("rope.scaling.type", "none")
	m.f32("rope.scaling.factor", 1)
	if kind != "dynamic" {
		return
	}
	if n := m.need("max_position_embeddings"); base != 10000 || n != 32<<10 && n != longContext {
		m.fail("a dynamic rotation of base %v for %d positions can't be converted, only base 10000 for 32768 or 262144", base, n)
	}
	m.u32("rope.scaling.original_context_length", longContext)
	m.u32("context_length", longContext)
}

// hunyuanMoE adds a tensor.
func (m *model) hunyuanMoE(name string, bid int, t tensor) error {
	if strings.Contains(name, "mlp.experts") {
		return m.expert(name, bid, t, m.need("num_local_experts", "num_experts"), "down_proj", "gate_proj", "up_proj")
	}
	return m.plain(name, bid, t)
}

// uniform returns a count that config.json has for each layer, and that must be the same in all.
func (m *model) uniform(key string) int {
	list := m.cfg.wholes(key)
	if len(list) == 0 {
		m.fail("%s is no list of whole numbers", key)
		return 0
	}
	for _, x := range list {
		if x != list[0] || x < 0 {
			m.fail("%s differs between layers, or is no count: that can't be converted", key)
			return 0
		}
	}
	return list[0]
}

func (m *model) hunyuanMoEKeys() {
	m.commonKeys()
	m.u32("expert_shared_feed_forward_length", m.need("intermediate_size"))
	m.u32("expert_feed_forward_length", m.uniform("moe_intermediate_size"))
	m.u32("expert_used_count", m.uniform("moe_topk"))
	m.u32("expert_shared_count", m.uniform("num_shared_expert"))
	if m.rope.text("rope_type") == "xdrope" {
		m.fail("a rotation of type xdrope can't be converted for a %s", m.class)
	}
	m.hunyuanRope(1000, m.per(m.need("hidden_size"), m.need("num_attention_heads")))
}

// vocabHunyuan is byte-level BPE with ends of texts and turns from other keys.
func (m *model) vocabHunyuan() error {
	err := m.vocabBPEWith(func(s *special, _ map[string]int) error {
		if n, ok := m.cfg.integer("pad_token_id"); ok && n < 0 { // there is none, whatever other files say
			s.order = slices.DeleteFunc(s.order, func(typ string) bool { return typ == "pad" })
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n, ok := m.cfg.integer("eod_token_id"); ok && n >= 0 {
		m.set("tokenizer.ggml.eos_token_id", uint32(n))
	}
	gen, err := readOptional(m.dir, "generation_config.json")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if list := gen.wholes("eos_token_id"); len(list) >= 2 && list[0] >= 0 && list[0] < maxVocab {
		m.set("tokenizer.ggml.eot_token_id", uint32(list[0]))
	}
	return err
}

// hunyuanSpecial are the special tokens of hy.tiktoken, which stand behind all others.
func hunyuanSpecial(start int) []string {
	list := []string{"<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"}
	for i := range 205 {
		list = append(list, fmt.Sprintf("<|extra_%d|>", i))
	}
	return list
}

// vocabHunyuanMoE is hy.tiktoken, or tokenizer.json where there is none; with the former <|bos|> begins a text, whatever config.json says.
func (m *model) vocabHunyuanMoE() error {
	if !m.exists("hy.tiktoken") {
		return m.vocabHunyuan()
	}
	v, err := m.readTiktoken("hy.tiktoken")
	if err != nil {
		return err
	}
	v.special(hunyuanSpecial(len(v.texts)))
	if n := m.vocabSize(); n != len(v.tokens) {
		return fmt.Errorf("hy.tiktoken: %w: %d tokens with the special ones, config.json has a vocabulary of %d", ErrFolder, len(v.tokens), n)
	}
	if err := m.vocabTiktoken(v, "hunyuan", nil); err != nil {
		return err
	}
	m.set("tokenizer.ggml.bos_token_id", uint32(len(v.texts)+2))
	return m.err
}
