package huggingface

import (
	"fmt"
	"math"
	"strings"
)

var _ = register(family{arch: "phi2", names: phi2Names, keys: (*model).phi2Keys}, "PhiForCausalLM")
var _ = register(family{
	arch:  "phi3",
	names: phi3Names,
	extra: (*model).longFactors,
	keys:  (*model).phi3Keys,
	vocab: (*model).vocabPhi3,
}, "Phi3ForCausalLM", "Phi4ForCausalLMV")

var phi2Names = map[string]string{
	"model.final_layernorm":          "output_norm",
	"model.layers.#.self_attn.dense": "blk.#.attn_output",
	"model.layers.#.mlp.fc1":         "blk.#.ffn_up",
	"model.layers.#.mlp.fc2":         "blk.#.ffn_down",
}

var phi3Names = map[string]string{
	"model.layers.#.self_attn.qkv_proj": "blk.#.attn_qkv",
	"model.layers.#.mlp.gate_up_proj":   "blk.#.ffn_up",
}

func (m *model) phi2Keys() {
	width, heads := m.need("hidden_size", "n_embd"), m.need("num_attention_heads", "n_head")
	m.u32("context_length", m.need("n_positions", "max_position_embeddings"))
	m.u32("embedding_length", width)
	m.u32("feed_forward_length", 4*width)
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", heads)
	m.u32("attention.head_count_kv", heads)
	m.f32("attention.layer_norm_epsilon", m.needFloat("layer_norm_epsilon", "layer_norm_eps"))
	share, _ := m.rope.number("partial_rotary_factor")
	m.u32("rope.dimension_count", m.per(int(share*float64(width)), heads))
	m.fileType()
	m.set("tokenizer.ggml.add_bos_token", false)
}

// rotated returns how many values of a head rotate, and the context that the model was first trained for.
func (m *model) rotated() (dims, original int) {
	share, ok := m.rope.number("partial_rotary_factor")
	if !ok {
		share = 1
	}
	if original, ok = m.rope.integer("original_max_position_embeddings"); !ok || original < 2 {
		m.fail("there is no original_max_position_embeddings")
	}
	return m.per(int(share*float64(m.need("hidden_size", "n_embd"))), m.need("num_attention_heads", "n_head")), original
}

func (m *model) phi3Keys() {
	dims, original := m.rotated()
	m.u32("context_length", m.need("n_positions", "max_position_embeddings"))
	m.u32("rope.scaling.original_context_length", original)
	m.u32("embedding_length", m.need("hidden_size", "n_embd"))
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("num_attention_heads", "n_head"))
	m.u32("attention.head_count_kv", m.need("num_key_value_heads", "n_head_kv"))
	m.f32("attention.layer_norm_rms_epsilon", m.needFloat("rms_norm_eps"))
	m.u32("rope.dimension_count", dims)
	theta, _ := m.global().number("rope_theta")
	m.f32("rope.freq_base", theta)
	m.fileType()
	window, _ := m.cfg.integer("sliding_window")
	m.u32("attention.sliding_window", window)
}

// longFactors adds what frequencies are divided by in long and in short texts.
func (m *model) longFactors() error {
	long, short := m.rope.numbers("long_factor"), m.rope.numbers("short_factor")
	if len(long) == 0 {
		return nil
	}
	dims, original := m.rotated()
	if m.err != nil {
		return m.err
	}
	if len(long) != len(short) || 2*len(long) != dims {
		return fmt.Errorf("config.json: %w: %d long and %d short factors for %d rotated values", ErrFolder, len(long), len(short), dims)
	}
	scale, factor := float64(m.need("n_positions", "max_position_embeddings"))/float64(original), 1.0
	switch typ := strings.ToLower(m.rope.text("rope_type")); {
	case typ != "su" && typ != "longrope" && typ != "yarn":
		return fmt.Errorf("config.json: a rotation of type %q is %w", typ, ErrUnsupported)
	case scale <= 1:
	case typ == "yarn":
		factor = 0.1*math.Log(scale) + 1
	default:
		factor = math.Sqrt(1 + math.Log(scale)/math.Log(float64(original)))
	}
	m.early = append(m.early, key{m.arch + ".rope.scaling.attn_factor", float32(factor)})
	if err := m.emit("rope_factors_long.weight", constant(float32s(long))); err != nil {
		return err
	}
	return m.emit("rope_factors_short.weight", constant(float32s(short)))
}

// float32s rounds numbers.
func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// vocabPhi3 is Llama's with more added tokens, and Phi 4's is byte-level BPE.
func (m *model) vocabPhi3() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	if tc.text("tokenizer_class") == "GPT2Tokenizer" || !m.exists("tokenizer.model") {
		return m.vocabBPE()
	}
	tokens, err := m.spmTokens()
	if err != nil {
		return err
	}
	// Added tokens keep their text here, and only what is called special steers the model.
	added, err := m.addedTokens()
	if err != nil {
		return err
	}
	for _, a := range added {
		tokens = replace(tokens, a)
	}
	m.vocabulary("llama", "default", tokens, true)
	s, err := m.readSpecial(false, len(tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

// replace puts an added token into a vocabulary.
func replace(tokens []token, a addedToken) []token {
	if a.ID < 0 || a.ID >= len(tokens) {
		return tokens
	}
	kind := kindUserDefined
	if a.Special {
		kind = kindControl
	}
	tokens[a.ID] = token{a.Content, -1000, kind}
	return tokens
}
