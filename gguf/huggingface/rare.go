package huggingface

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Models that few have.

var _ = register(family{
	arch:   "neo-bert",
	names:  neoBERTNames,
	filter: neoBERTFilter,
	modify: (*model).bert,
	keys:   (*model).neoBERTKeys,
	vocab:  (*model).vocabWordPiece,
}, "NeoBERT", "NeoBERTLMHead", "NeoBERTForSequenceClassification")

var _ = register(family{
	arch:   "hrm_text",
	init:   hrmInit,
	filter: hrmFilter,
	names:  map[string]string{"model.layers.#.self_attn.gate_proj": "blk.#.attn_gate"},
	modify: (*model).hrm,
	keys:   (*model).hrmKeys,
}, "HrmTextForCausalLM")

var _ = register(family{
	arch:   "talkie",
	names:  talkieNames,
	modify: (*model).talkie,
	keys:   (*model).talkieKeys,
}, "TalkieForCausalLM")

var _ = register(family{
	arch:   "plamo",
	names:  plamo1Names,
	modify: (*model).plamo1,
	keys:   (*model).plamo1Keys,
	vocab:  (*model).vocabSPM,
}, "PlamoForCausalLM")

var _ = register(family{
	arch:  "cogvlm",
	names: cogVLMNames,
	extra: (*model).llama3Factors,
	keys:  (*model).llamaKeys,
	vocab: (*model).vocabLlama,
}, "CogVLMForCausalLM")

// cogVLMNames are those of weights for texts, and beside them of those for images.
var cogVLMNames = map[string]string{
	"model.layers.#.self_attn.language_expert_query_key_value": "blk.#.attn_qkv",
	"model.layers.#.self_attn.language_expert_dense":           "blk.#.attn_output",
	"model.layers.#.mlp.language_mlp.gate_proj":                "blk.#.ffn_gate",
	"model.layers.#.mlp.language_mlp.up_proj":                  "blk.#.ffn_up",
	"model.layers.#.mlp.language_mlp.down_proj":                "blk.#.ffn_down",
	"model.layers.#.self_attn.vision_expert_query_key_value":   "blk.#.vis_attn_qkv",
	"model.layers.#.self_attn.vision_expert_dense":             "blk.#.vis_attn_output",
	"model.layers.#.mlp.vision_mlp.gate_proj":                  "blk.#.vis_gate",
	"model.layers.#.mlp.vision_mlp.up_proj":                    "blk.#.vis_up",
	"model.layers.#.mlp.vision_mlp.down_proj":                  "blk.#.vis_down",
}

var neoBERTNames = map[string]string{
	"encoder":                              "token_embd",
	"transformer_encoder.#.attention_norm": "blk.#.attn_norm",
	"transformer_encoder.#.qkv":            "blk.#.attn_qkv",
	"transformer_encoder.#.wo":             "blk.#.attn_output",
	"transformer_encoder.#.ffn_norm":       "blk.#.ffn_norm",
	"transformer_encoder.#.ffn.w12":        "blk.#.ffn_up",
	"transformer_encoder.#.ffn.w3":         "blk.#.ffn_down",
	"layer_norm":                           "enc.output_norm",
	"dense":                                "cls",
	"classifier":                           "cls",
	"classifier.out_proj":                  "cls.output",
}

// neoBERTFilter renames tensors, and drops the head that guesses words.
func neoBERTFilter(m *model, name string) (string, bool) {
	if strings.HasPrefix(name, "decoder.") {
		return "", false
	}
	return bertFilter(m, strings.TrimPrefix(name, "model."))
}

func (m *model) neoBERTKeys() {
	m.bertKeys()
	m.u32("feed_forward_length", 2*m.need("intermediate_size")/3)
	m.f32("rope.freq_base", 10000)
	m.list("rope.scaling.type", "none")
	m.f32("attention.layer_norm_rms_epsilon", m.orFloat(1e-6, "norm_eps"))
	m.list("pooling_type", poolings["cls"])
}

// hrmStack returns how many layers a stack has.
func (m *model) hrmStack() int {
	if n := m.or(0, "num_layers_per_stack"); n > 0 {
		return n
	}
	return m.need("num_hidden_layers")
}

// hrmInit refuses numbers of which no count of layers can be made.
func hrmInit(m *model) error {
	if n := m.hrmStack() * m.need("H_cycles") * (m.need("L_cycles") + 1); m.err == nil && (n <= 0 || n > maxLayers) {
		m.fail("%d layers in H_cycles and L_cycles", n)
	}
	m.blocks = 2 * m.hrmStack() // in the file
	return m.err
}

// hrmFilter names the layers as others are named: those of the fast stack, and behind them those of the slow one.
func hrmFilter(m *model, name string) (string, bool) {
	for i, stack := range []string{"model.L_module.layers.", "model.H_module.layers."} {
		rest, ok := strings.CutPrefix(name, stack)
		number, part, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < m.hrmStack() {
			return fmt.Sprintf("model.layers.%d.%s", n+i*m.hrmStack(), strings.Replace(part, "attn.", "self_attn.", 1)), true
		}
	}
	return name, true
}

// hrm adds a tensor; gates, queries, keys and values stand together.
func (m *model) hrm(name string, bid int, t tensor) error {
	parts := []string{"attn_gate", "attn_q", "attn_k", "attn_v"}
	switch {
	case name == "model.z_L_init":
		return m.emit("hrm.z_l_init", t)
	case strings.HasSuffix(name, ".mlp.gate_up_proj.weight"):
		parts = []string{"ffn_gate", "ffn_up"}
	case !strings.HasSuffix(name, ".self_attn.gqkv_proj.weight"):
		return m.plain(name, bid, t)
	}
	n := len(parts)
	if !t.dims(2) || t.shape[0]%n != 0 {
		return fmt.Errorf("%w: shape %v can't be %d matrices", ErrFolder, t.shape, n)
	}
	for i, part := range parts {
		if err := m.blk(bid, part+".weight", t.rows(i*t.shape[0]/n, (i+1)*t.shape[0]/n)); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) hrmKeys() {
	stack, high, low := m.hrmStack(), m.need("H_cycles"), m.need("L_cycles")
	m.commonKeys()
	m.u32("block_count", stack*high*(low+1)) // all that run
	m.u32("rope.dimension_count", m.headDim())
	m.f32("embedding_scale", m.needFloat("embedding_scale"))
	m.u32("hrm.layers_per_stack", stack)
	m.u32("hrm.h_cycles", high)
	m.u32("hrm.l_cycles", low)
	m.bool("hrm.prefix_lm", m.cfg.boolean("prefix_lm", false))
}

var talkieNames = map[string]string{
	"model.embed":                          "token_embd",
	"lm_head":                              "output",
	"model.blocks.#.attn.attn_query":       "blk.#.attn_q",
	"model.blocks.#.attn.attn_key":         "blk.#.attn_k",
	"model.blocks.#.attn.attn_value":       "blk.#.attn_v",
	"model.blocks.#.attn.attn_resid":       "blk.#.attn_output",
	"model.blocks.#.attn.head_gain.head_g": "blk.#.attn_q_norm",
	"model.blocks.#.mlp.mlp_gate":          "blk.#.ffn_gate",
	"model.blocks.#.mlp.mlp_linear":        "blk.#.ffn_up",
	"model.blocks.#.mlp.mlp_resid":         "blk.#.ffn_down",
	"model.blocks.#.embed_skip.a_g":        "blk.#.layer_output_scale",
}

// talkie adds a tensor. Positions rotate the other way round, which the signs of half of each head make good.
func (m *model) talkie(name string, bid int, t tensor) error {
	switch {
	case strings.HasSuffix(name, ".attn_gain.a_g"):
		return m.blk(bid, "attn_output.scale", t)
	case strings.HasSuffix(name, ".mlp_gain.a_g"):
		return m.blk(bid, "ffn_down.scale", t)
	case strings.HasSuffix(name, "lm_head_gain.w_g"):
		x, err := t.all()
		if err != nil || len(x) != 1 {
			return errors.Join(err, fmt.Errorf("%w: no single number", ErrFolder))
		}
		m.early = append(m.early, key{m.arch + ".logit_scale", x[0]})
		return nil
	case strings.HasSuffix(name, ".attn.attn_query.weight"), strings.HasSuffix(name, ".attn.attn_key.weight"):
		dim := m.need("head_dim")
		if dim <= 0 || !t.dims(2) || t.shape[0]%dim != 0 {
			return fmt.Errorf("%w: shape %v for heads of %d", ErrFolder, t.shape, dim)
		}
		t = t.signed(func(row int) bool { return row%dim >= dim/2 })
	case strings.HasSuffix(name, ".attn.head_gain.head_g"):
		t = t.reshape(elements(t.shape), 1)
	}
	if !strings.HasSuffix(name, ".weight") {
		name += ".weight"
	}
	return m.plain(name, bid, t)
}

// signed is a tensor whose rows for which negative holds have the other sign.
func (t tensor) signed(negative func(row int) bool) tensor {
	size, read := t.rowLen(), t.read
	return t.with(func(dst []float32, at int) error {
		if err := read(dst, at); err != nil {
			return err
		}
		for i := range dst {
			if negative((at + i) / size) {
				dst[i] = -dst[i]
			}
		}
		return nil
	})
}

func (m *model) talkieKeys() {
	m.commonKeys()
	m.f32("attention.layer_norm_rms_epsilon", 0x1p-23) // PyTorch's own
}

var plamo1Names = map[string]string{
	"model.layers.layers.#.norm":             "blk.#.attn_norm",
	"model.layers.layers.#.self_attn.q_proj": "blk.#.attn_q",
	"model.layers.layers.#.self_attn.k_proj": "blk.#.attn_k",
	"model.layers.layers.#.self_attn.v_proj": "blk.#.attn_v",
	"model.layers.layers.#.self_attn.o_proj": "blk.#.attn_output",
	"model.layers.layers.#.mlp.gate_proj":    "blk.#.ffn_gate",
	"model.layers.layers.#.mlp.up_proj":      "blk.#.ffn_up",
	"model.layers.layers.#.mlp.down_proj":    "blk.#.ffn_down",
}

// plamoKeyHeads is how many heads of keys the first PLaMo has, whatever its configuration says.
const plamoKeyHeads = 5

// plamo1 adds a tensor. Every fifth head has the same key, and in files heads with the same key stand together.
func (m *model) plamo1(name string, bid int, t tensor) error {
	query := strings.HasSuffix(name, ".q_proj.weight")
	if !query && !strings.HasSuffix(name, ".o_proj.weight") {
		return m.plain(name, bid, t)
	}
	heads, width := m.need("num_attention_heads"), m.need("hidden_size")
	if heads <= 0 || heads%plamoKeyHeads != 0 || width%max(heads, 1) != 0 || !t.dims(2) || t.shape[0] != width || t.shape[1] != width {
		return fmt.Errorf("%w: shape %v for %d heads", ErrFolder, t.shape, heads)
	}
	dim, per := width/heads, heads/plamoKeyHeads
	from := func(i int) int {
		head, in := i/dim, i%dim
		return (head%per*plamoKeyHeads+head/per)*dim + in
	}
	if query {
		return m.plain(name, bid, t.permuted(from))
	}
	return m.plain(name, bid, t.columns(from))
}

func (m *model) plamo1Keys() {
	m.u32("context_length", 4096) // config.json does not tell
	m.u32("embedding_length", m.need("hidden_size"))
	m.u32("feed_forward_length", m.need("intermediate_size"))
	m.u32("block_count", m.blocks)
	m.u32("attention.head_count", m.need("num_attention_heads"))
	m.u32("attention.head_count_kv", plamoKeyHeads)
	m.f32("attention.layer_norm_rms_epsilon", m.needFloat("rms_norm_eps"))
	m.fileType()
}
