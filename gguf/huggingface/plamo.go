package huggingface

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

var _ = register(family{
	arch:   "plamo2",
	names:  plamoNames,
	modify: (*model).plamo2,
	keys:   (*model).plamo2Keys,
	vocab:  (*model).vocabPlamo,
}, "Plamo2ForCausalLM", "PLaMo2ForCausalLM")

var _ = register(family{
	arch:   "plamo3",
	names:  plamoNames,
	init:   plamo3Init,
	modify: (*model).plamo3,
	keys:   (*model).plamo3Keys,
	vocab:  (*model).vocabPlamo3,
}, "Plamo3ForCausalLM", "PLaMo3ForCausalLM")

var plamoNames = map[string]string{
	"model.layers.layers.#.pre_mixer_norm":   "blk.#.attn_norm",
	"model.layers.layers.#.pre_mlp_norm":     "blk.#.ffn_norm",
	"model.layers.layers.#.mixer.qkv_proj":   "blk.#.attn_qkv",
	"model.layers.layers.#.mixer.o_proj":     "blk.#.attn_output",
	"model.layers.layers.#.mixer.q":          "blk.#.attn_q_norm",
	"model.layers.layers.#.mixer.k":          "blk.#.attn_k_norm",
	"model.layers.layers.#.mixer.q_norm":     "blk.#.attn_q_norm",
	"model.layers.layers.#.mixer.k_norm":     "blk.#.attn_k_norm",
	"model.layers.layers.#.mlp.gate_up_proj": "blk.#.ffn_up",
	"model.layers.layers.#.mlp.down_proj":    "blk.#.ffn_down",
	"model.layers.layers.#.mixer.in_proj":    "blk.#.ssm_in",
	"model.layers.layers.#.mixer.conv1d":     "blk.#.ssm_conv1d",
	"model.layers.layers.#.mixer.bcdt_proj":  "blk.#.ssm_x",
	"model.layers.layers.#.mixer.dt_proj":    "blk.#.ssm_dt",
	"model.layers.layers.#.mixer.A_log":      "blk.#.ssm_a",
	"model.layers.layers.#.mixer.D":          "blk.#.ssm_d",
	"model.layers.layers.#.mixer.out_proj":   "blk.#.ssm_out",
}

// plamoBare are tensors whose names end without "weight", as llama.cpp reads them.
var plamoBare = map[string]string{"post_mixer_norm.weight": "post_attention_norm", "post_mlp_norm.weight": "post_ffw_norm",
	"dt_norm_weight": "ssm_dt_norm", "B_norm_weight": "ssm_b_norm", "C_norm_weight": "ssm_c_norm",
	"dt_norm.weight": "ssm_dt_norm", "B_norm.weight": "ssm_b_norm", "C_norm.weight": "ssm_c_norm"}

// plamoOffsets are what norms of PLaMo are stored as the difference from.
var plamoOffsets = map[string]float64{"pre_mixer_norm": 1, "post_mixer_norm": 1. / 5, "pre_mlp_norm": 1, "post_mlp_norm": 1 / math.Pow(5, 1.5), "norm": 1}

// plamo adds a tensor that all layers have.
func (m *model) plamo(name string, bid int, t tensor) error {
	short := strings.TrimSuffix(name, ".weight")
	if k, ok := plamoOffsets[short[strings.LastIndex(short, ".")+1:]]; ok && short != name {
		t = t.plus(float32(k))
	}
	if to, ok := plamoBare[name[strings.LastIndex(short, ".")+1:]]; ok && bid >= 0 {
		return m.blk(bid, to, t)
	}
	return m.plain(name, bid, t)
}

// plamo2 adds a tensor of a layer that attends or has a state space.
func (m *model) plamo2(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, ".A_log"):
		t = t.negativeExp()
	case strings.HasSuffix(name, ".dt_bias"):
		name = strings.TrimSuffix(name, "dt_bias") + "dt_proj.bias"
	case strings.HasSuffix(name, ".q_weight"), strings.HasSuffix(name, ".k_weight"):
		name = strings.TrimSuffix(name, "_weight") + ".weight"
	case strings.HasSuffix(name, ".conv1d.weight"):
		if t = t.squeeze(); len(t.shape) != 2 {
			return fmt.Errorf("%w: shape %v is no convolution of channels", ErrFolder, t.shape)
		}
	}
	return m.plamo(name, bid, t)
}

func (m *model) plamo2Keys() {
	m.u32("vocab_size", m.need("vocab_size"))
	step := m.or(2, "mamba_step")
	if m.cfg.boolean("mamba_enabled", true) && m.blocks > 0 {
		heads, keys := make([]int32, m.blocks), make([]int32, m.blocks)
		for i := range m.blocks {
			attends := i%step == step/2
			if m.blocks <= step/2 {
				attends = i == m.blocks-1
			}
			if attends {
				heads[i], keys[i] = int32(m.or(32, "num_attention_heads")), int32(m.or(4, "num_key_value_heads"))
			}
		}
		m.list("attention.head_count_kv", keys)
		m.list("attention.head_count", heads)
	}
	dim, ssm := m.or(128, "hidden_size_per_head"), m.or(64, "mamba_num_heads")
	m.u32("context_length", m.or(2048, "max_position_embeddings"))
	m.u32("embedding_length", m.or(4096, "hidden_size"))
	m.u32("attention.key_length", dim)
	m.u32("attention.value_length", dim)
	m.u32("block_count", m.blocks)
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-6, "rms_norm_eps"))
	theta, ok := m.rope.number("rope_theta")
	if !ok {
		theta = 10000
	}
	m.f32("rope.freq_base", theta)
	m.u32("ssm.state_size", m.or(64, "mamba_d_state"))
	m.u32("ssm.conv_kernel", m.or(4, "mamba_d_conv"))
	m.u32("ssm.time_step_rank", ssm)
	m.u32("ssm.inner_size", ssm*dim)
	m.u32("ssm.group_count", 0)
	m.u32("feed_forward_length", m.or(13312, "intermediate_size"))
	m.fileType()
}

// plamo3Init brings YaRN, which stands in keys of its own, into the form that others have.
func plamo3Init(m *model) error {
	factor, ok := m.cfg.number("rope_scaling_factor")
	if !ok || factor == 1 || m.rope.has("rope_type") && m.rope.text("rope_type") != "default" {
		return nil
	}
	m.rope["rope_type"], m.rope["factor"] = "yarn", m.cfg["rope_scaling_factor"]
	m.rope["original_max_position_embeddings"] = whole(m.need("initial_context_length"))
	m.rope["beta_fast"], m.rope["beta_slow"] = json.Number("32"), json.Number("1")
	return m.err
}

func (m *model) plamo3(name string, bid int, t tensor) error {
	if strings.HasSuffix(name, ".mixer.q_norm.weight") || strings.HasSuffix(name, ".mixer.k_norm.weight") {
		t = t.plusOne()
	}
	return m.plamo(name, bid, t)
}

func (m *model) plamo3Keys() {
	m.commonKeys()
	m.u32("vocab_size", m.need("vocab_size"))
	if !m.count("attention.sliding_window", "window_size", "sliding_window") {
		return
	}
	list, ok := m.cfg["sliding_window_pattern"].([]any)
	if !ok {
		m.u32("attention.sliding_window_pattern", m.need("sliding_window_pattern"))
		return
	}
	windows := make([]bool, len(list))
	for i, v := range list {
		if windows[i], ok = v.(bool); !ok {
			m.fail("sliding_window_pattern has %v, which is neither true nor false", v)
			return
		}
	}
	m.list("attention.sliding_window_pattern", windows)
}

// plamoKinds are the kinds of tokens in tokenizer.jsonl.
var plamoKinds = map[string]int32{"UNKNOWN": kindUnknown, "CONTROL": kindControl, "BYTE": kindByte}

// plamoTokens reads tokenizer.jsonl: a list per line with a token's text, score and kind.
func (m *model) plamoTokens() ([]token, error) {
	const name = "tokenizer.jsonl"
	raw, err := readFile(m.dir, name)
	if err != nil {
		return nil, err
	}
	var tokens []token
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var list []any
		if err := decodeJSON(fmt.Sprintf("%s: line %d", name, n), line, &list); err != nil {
			return nil, err
		}
		if len(list) < 2 || len(tokens) == maxVocab {
			return nil, fmt.Errorf("%s: line %d: %w: no token with a score, or too many", name, n, ErrFolder)
		}
		text, isText := list[0].(string)
		score, isScore := toFloat(list[1])
		if !isText || !isScore {
			return nil, fmt.Errorf("%s: line %d: %w: no token with a score", name, n, ErrFolder)
		}
		kind := kindNormal
		if len(list) > 2 {
			s, _ := list[2].(string)
			k, ok := plamoKinds[s]
			if ok {
				kind = k
			} else if strings.HasPrefix(text, "<|plamo:") && strings.HasSuffix(text, "|>") {
				kind = kindControl
			}
		}
		tokens = append(tokens, token{text, float32(score), kind})
	}
	if n := m.vocabSize(); n > maxVocab {
		return nil, fmt.Errorf("config.json: %w: a vocabulary of %d", ErrFolder, n)
	}
	for i := 1; len(tokens) < m.vocabSize(); i++ {
		tokens = append(tokens, token{fmt.Sprintf("[PAD%d]", i), -1000, kindUnused})
	}
	return tokens, nil
}

// plamoTurn is the token that begins and ends a turn, <|plamo:op|>.
const plamoTurn = 4

// vocabPlamo is PLaMo's own kind of vocabulary.
func (m *model) vocabPlamo() error {
	tokens, err := m.plamoTokens()
	if err != nil {
		return err
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	m.vocabulary("plamo2", "default", tokens, true)
	ids := map[string]int{}
	for i := len(tokens) - 1; i >= 0; i-- {
		ids[tokens[i].text] = i
	}
	for _, typ := range []string{"bos", "eos", "pad", "sep", "unk"} {
		text := tc.text(typ + "_token")
		if text == "" {
			continue
		}
		id, ok := ids[text]
		if !ok {
			return fmt.Errorf("tokenizer_config.json: %w: %s_token %.50q is not in tokenizer.jsonl", ErrFolder, typ, text)
		}
		m.set("tokenizer.ggml."+tokenKeys[typ], uint32(id))
	}
	m.set("tokenizer.ggml.eot_token_id", uint32(plamoTurn))
	m.set("tokenizer.ggml.add_space_prefix", false)
	return nil
}

// vocabPlamo3 is vocabPlamo with a template.
func (m *model) vocabPlamo3() error {
	if err := m.vocabPlamo(); err != nil {
		return err
	}
	return m.ownTemplate()
}

// ownTemplate sets the template of chat_template.jinja, or else of tokenizer_config.json.
func (m *model) ownTemplate() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	text := tc.text("chat_template")
	if m.exists("chat_template.jinja") {
		raw, err := readFile(m.dir, "chat_template.jinja")
		if err != nil {
			return err
		}
		text = string(raw)
	}
	if text != "" {
		m.set("tokenizer.chat_template", text)
	}
	return nil
}
