package huggingface

import (
	"fmt"
	"math"
	"strings"
)

// Decoders of 2023 and 2024 whose classes stand in code beside the weights.

var _ = register(family{
	arch:  "qwen",
	names: withNames(gpt2Names, map[string]string{"transformer.h.#.mlp.w1": "blk.#.ffn_up", "transformer.h.#.mlp.w2": "blk.#.ffn_gate"}),
	init:  rmsEpsilon,
	vocab: (*model).vocabQwen1,
}, "QWenLMHeadModel")

var _ = register(family{
	arch:   "baichuan",
	modify: (*model).baichuan,
	keys:   (*model).baichuanKeys,
	vocab:  (*model).vocabSPM,
}, "BaichuanForCausalLM", "BaiChuanForCausalLM")

var _ = register(family{
	arch:   "xverse",
	modify: (*model).xverse,
	keys:   (*model).baichuanKeys,
	vocab:  (*model).vocabXverse,
}, "XverseForCausalLM")

var _ = register(family{arch: "codeshell", names: gpt2Names, keys: (*model).codeShellKeys}, "CodeShellForCausalLM")

var _ = register(family{
	arch: "refact",
	names: withNames(gpt2Names, map[string]string{"transformer.h.#.attn.q": "blk.#.attn_q", "transformer.h.#.mlp.c_proj": "blk.#.ffn_down",
		"ln_f": "output_norm"}),
	modify: (*model).refact,
	keys:   (*model).refactKeys,
}, "GPTRefactForCausalLM")

var _ = register(family{
	arch:   "jais",
	names:  withNames(gpt2Names, map[string]string{"transformer.h.#.mlp.c_fc2": "blk.#.ffn_gate"}),
	init:   jaisInit,
	modify: (*model).jais,
	keys:   (*model).jaisKeys,
}, "JAISLMHeadModel")

// vocabQwen1 is qwen.tiktoken. Its special tokens stand behind all others, in the order that is in the code beside it.
func (m *model) vocabQwen1() error {
	v, err := m.readTiktoken("qwen.tiktoken")
	if err != nil {
		return err
	}
	list := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	for i := range 205 {
		list = append(list, fmt.Sprintf("<|extra_%d|>", i))
	}
	end := len(v.texts)
	v.special(list)
	return m.vocabTiktoken(v, "qwen2", func(s *special) {
		if len(s.ids) == 0 {
			s.put("bos", end)
			s.put("eos", end)
		}
		s.put("unk", end)
	})
}

// baichuan adds a tensor; queries, keys and values stand together.
func (m *model) baichuan(name string, bid int, t tensor) error {
	if !strings.HasSuffix(name, ".self_attn.W_pack.weight") {
		return m.plain(name, bid, t)
	}
	if !t.dims(2) || t.shape[0]%3 != 0 {
		return fmt.Errorf("%w: shape %v can't be queries, keys and values", ErrFolder, t.shape)
	}
	heads, n := m.need("num_attention_heads"), t.shape[0]/3
	q, err := m.interleave(t.rows(0, n), heads)
	if err != nil {
		return err
	}
	k, err := m.interleave(t.rows(n, 2*n), heads)
	if err != nil {
		return err
	}
	return m.several(bid, named{"attn_q.weight", q}, named{"attn_k.weight", k}, named{"attn_v.weight", t.rows(2*n, 3*n)})
}

// several adds tensors of a layer.
func (m *model) several(bid int, list ...named) error {
	for _, t := range list {
		if err := m.blk(bid, t.name, t.tensor); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) baichuanKeys() {
	m.commonKeys()
	m.list("tensor_data_layout", "Meta AI original pth")
	m.u32("rope.dimension_count", m.per(m.need("hidden_size"), m.need("num_attention_heads")))
}

func (m *model) xverse(name string, bid int, t tensor) error {
	t, err := m.interleaved(name, t)
	if err != nil {
		return err
	}
	return m.plain(name, bid, t)
}

// vocabXverse is SentencePiece's BPE from tokenizer.json, without scores.
func (m *model) vocabXverse() error {
	t, err := readTokenizer(m.dir)
	if err != nil {
		return err
	}
	if t.vocab == nil {
		return fmt.Errorf("tokenizer.json: a tokenizer of type %q is %w here", t.Model.Type, ErrUnsupported)
	}
	size := m.vocabSize()
	if size < 0 {
		size = len(t.vocab) + len(t.Added)
	}
	tokens, err := t.list(size)
	if err != nil {
		return err
	}
	for _, a := range t.Added {
		kind := kindUserDefined
		if a.Special {
			kind = kindControl
		}
		tokens[a.ID] = token{a.Content, 0, kind}
	}
	for i := range tokens {
		switch {
		case tokens[i].kind == kindUnused:
			return fmt.Errorf("tokenizer.json: %w: there is no token %d of %d", ErrFolder, i, size)
		case tokens[i].text == "\x00":
			tokens[i] = token{`<b'\x00'>`, 0, kindByte} // as Python writes it
		case byteToken.MatchString(tokens[i].text):
			tokens[i].kind = kindByte
		}
	}
	m.vocabulary("llama", "default", tokens, false)
	s, err := m.readSpecial(false, len(tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

func (m *model) codeShellKeys() {
	m.u32("context_length", m.need("n_positions"))
	m.u32("embedding_length", m.need("n_embd"))
	m.u32("feed_forward_length", 4*m.need("n_embd"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("n_head"))
	m.u32("attention.head_count_kv", m.need("num_query_groups"))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
	m.f32("rope.freq_base", 10000)
	m.list("rope.scaling.type", "linear")
	m.f32("rope.scaling.factor", 1)
}

// refactWidth is the width of Refact's feed-forward networks, which follows from the width of the model.
func (m *model) refactWidth() int { return (8*m.need("n_embd")/3 + 255) / 256 * 256 }

// refact adds a tensor; all heads share one key and one value.
func (m *model) refact(name string, bid int, t tensor) error {
	dim := m.per(m.need("n_embd"), m.need("n_head"))
	switch {
	case m.err != nil:
		return m.err
	case strings.HasSuffix(name, ".attn.kv.weight"):
		if !t.dims(2) || t.shape[0] != 2*dim {
			return fmt.Errorf("%w: shape %v for a key and a value of %d", ErrFolder, t.shape, dim)
		}
		return m.several(bid, named{"attn_k.weight", t.half(0, 0)}, named{"attn_v.weight", t.half(0, 1)})
	case strings.HasSuffix(name, ".mlp.gate_up_proj.weight"):
		if !t.dims(2) || t.shape[0] != 2*m.refactWidth() {
			return fmt.Errorf("%w: shape %v for gates and up-projections of %d", ErrFolder, t.shape, m.refactWidth())
		}
		return m.several(bid, named{"ffn_gate.weight", t.half(0, 0)}, named{"ffn_up.weight", t.half(0, 1)})
	}
	return m.plain(name, bid, t)
}

func (m *model) refactKeys() {
	m.u32("context_length", m.need("n_positions"))
	m.u32("embedding_length", m.need("n_embd"))
	m.u32("feed_forward_length", m.refactWidth())
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("n_head"))
	m.u32("attention.head_count_kv", 1)
	m.f32("attention.layer_norm_rms_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}

// jaisInit refuses what the architecture does not have, and takes the multipliers.
func jaisInit(m *model) error {
	if s := m.cfg.text("activation_function"); s != "swiglu" {
		m.fail("activation_function is %q, only swiglu can be converted", s)
	}
	if s := m.cfg.text("position_embedding_type"); s != "alibi" {
		m.fail("position_embedding_type is %q, only alibi can be converted", s)
	}
	m.early = append(m.early, key{m.arch + ".attention.max_alibi_bias", float32(8)})
	return m.err
}

// jais adds a tensor; matrices stand transposed, and embedding and output have multipliers.
func (m *model) jais(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, "relative_pe.slopes"):
		return m.jaisSlopes(t)
	case strings.HasSuffix(name, "wte.weight"):
		t = t.scaled(m.needFloat("mup_embeddings_scale", "embeddings_scale"))
	case name == "lm_head.weight" && m.cfg.has("mup_output_alpha"):
		t = t.scaled(m.needFloat("mup_output_alpha") * m.needFloat("mup_width_scale"))
	case name == "lm_head.weight":
		t = t.scaled(m.needFloat("width_scale"))
	}
	if m.err != nil {
		return m.err
	}
	return m.gpt2(name, bid, t)
}

// jaisSlopes takes the largest slope of attention's bias, which the format has as the bias that belongs to it.
func (m *model) jaisSlopes(t tensor) error {
	heads := m.need("n_head")
	x, err := t.all()
	if err != nil || len(x) == 0 || heads <= 0 || !(x[0] > 0) {
		return fmt.Errorf("%w: no slopes of %d heads", ErrFolder, heads)
	}
	power := math.Exp2(math.Floor(math.Log2(float64(heads))))
	m.early[0].value = float32(-math.RoundToEven(math.Log2(float64(x[0])) * power))
	return nil
}

func (m *model) jaisKeys() {
	m.u32("block_count", m.blocks)
	m.u32("context_length", m.need("n_positions"))
	m.u32("embedding_length", m.need("n_embd"))
	m.u32("feed_forward_length", m.need("n_inner"))
	m.u32("attention.head_count", m.need("n_head"))
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon"))
	m.fileType()
}
