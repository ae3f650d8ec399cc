package huggingface

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf/safetensors"
)

var _ = register(family{
	arch:   "qwen4exp",
	names:  qwen4Names,
	init:   qwen4Init,
	filter: qwen4Filter,
	modify: (*model).qwen4,
	keys:   (*model).qwen4Keys,
	vocab:  (*model).vocabEither,
}, "Qwen4ExpForConditionalGeneration", "Qwen4ExpForCausalLM")

var qwen4Names = withNames(qwenNextNames, map[string]string{
	"model.layers.#.attn_hyper_connection.hc_norm":               "blk.#.hc_attn_norm",
	"model.layers.#.attn_hyper_connection.input_mix_weight_down": "blk.#.hc_attn_down",
	"model.layers.#.attn_hyper_connection.input_mix_weight_up":   "blk.#.hc_attn_up",
	"model.layers.#.attn_hyper_connection.block_inject_weight":   "blk.#.hc_attn_inject",
	"model.layers.#.mlp_hyper_connection.hc_norm":                "blk.#.hc_ffn_norm",
	"model.layers.#.mlp_hyper_connection.input_mix_weight_down":  "blk.#.hc_ffn_down",
	"model.layers.#.mlp_hyper_connection.input_mix_weight_up":    "blk.#.hc_ffn_up",
	"model.layers.#.mlp_hyper_connection.block_inject_weight":    "blk.#.hc_ffn_inject",
	"model.hyper_connection_mixer.hc_norm":                       "output_hc_norm",
	"model.hyper_connection_mixer.input_mix_weight_down":         "output_hc_down",
	"model.hyper_connection_mixer.input_mix_weight_up":           "output_hc_up",
	"model.layers.#.self_attn.indexer.q_layernorm":               "blk.#.indexer.q_norm",
	"model.layers.#.self_attn.indexer.k_layernorm":               "blk.#.indexer.k_norm",
	"model.layers.#.ple.key_proj":                                "blk.#.ple_key",
	"model.layers.#.ple.value_proj":                              "blk.#.ple_value",
	"model.layers.#.ple.norm_key":                                "blk.#.ple_norm_key",
	"model.layers.#.ple.norm_query":                              "blk.#.ple_norm_query",
	"model.layers.#.ple.norm_conv":                               "blk.#.ple_norm_conv",
	"model.layers.#.ple.conv1d":                                  "blk.#.ple_conv1d",
})

// qwen4Init says that no layer predicts a token further on: such layers are not converted.
func qwen4Init(m *model) error {
	m.cfg["main_layers"] = whole(m.blocks)
	return nil
}

func qwen4Filter(_ *model, name string) (string, bool) {
	return name, !strings.HasPrefix(name, "mtp.") && !strings.HasPrefix(name, "model.mtp.")
}

// pleNumbers are whole numbers by which n-grams become rows of a table: tensors, and the keys that have them.
var pleNumbers = [][2]string{{"ple_embedding.layer_multipliers", "ple.layer_multipliers"},
	{"ple_embedding.ngram_heads_offsets", "ple.head_offsets"}, {"ple_embedding.ngram_heads_vocab_sizes", "ple.head_vocab_sizes"}}

// qwen4 adds a tensor.
func (m *model) qwen4(name string, bid int, t tensor) error {
	for _, e := range pleNumbers {
		if strings.HasSuffix(name, e[0]) {
			return nil // a key
		}
	}
	switch {
	case strings.Contains(name, ".ngram_embedding.shard_"):
		return m.ngrams(name, t)
	case strings.Contains(name, ".indexer.index_qk_proj.weight"):
		n := m.need("indexer_n_heads") * m.need("indexer_head_dim")
		if m.err != nil || !t.dims(2) || n > t.shape[0] {
			return fmt.Errorf("%w: shape %v for queries of %d values", ErrFolder, t.shape, n)
		}
		return m.several(bid, named{"indexer.q_proj.weight", t.rows(0, n)}, named{"indexer.k_proj.weight", t.rows(n, t.shape[0])})
	case strings.HasSuffix(name, ".ple.norm_key.weight"), strings.HasSuffix(name, ".ple.norm_query.weight"), strings.HasSuffix(name, ".ple.norm_conv.weight"):
		return m.plain(name, bid, t.plusOne())
	}
	return m.qwen35(name, bid, t)
}

// ngrams collects the parts of the table of n-grams, and adds it when all are there.
func (m *model) ngrams(name string, t tensor) error {
	const table = "per_layer_token_embd.weight"
	parts := m.need("split_ngram_parts")
	_, rest, _ := strings.Cut(name, ".ngram_embedding.shard_")
	number, _, _ := strings.Cut(rest, ".")
	i, err := strconv.Atoi(number)
	if m.err != nil || err != nil || i < 0 || parts <= 0 || parts > 1<<16 || i >= parts || !t.dims(2) {
		return fmt.Errorf("%w: no part of a table of %d parts", ErrFolder, parts)
	}
	list := m.experts[table]
	if list == nil {
		list = make([]tensor, parts)
		m.experts[table], m.waiting[table] = list, parts
	}
	if list[i].shape != nil {
		return fmt.Errorf("%w: part %d is there twice", ErrFolder, i)
	}
	list[i] = t
	if m.waiting[table]--; m.waiting[table] > 0 {
		return nil
	}
	for _, p := range list {
		if p.shape[1] != t.shape[1] {
			return fmt.Errorf("%w: parts of the table of n-grams have rows of %d and of %d", ErrFolder, p.shape[1], t.shape[1])
		}
	}
	m.cfg["ngram_row"] = whole(t.shape[1])
	return m.emit(table, concat(list...))
}

func (m *model) qwen4Keys() {
	m.qwen35Keys()
	m.u32("hyper_connection.count", m.need("hc_count"))
	m.u32("hyper_connection.low_rank", m.need("hc_lowrank"))
	m.u32("attention.indexer.head_count", m.need("indexer_n_heads"))
	m.u32("attention.indexer.key_length", m.need("indexer_head_dim"))
	m.u32("attention.indexer.top_k", m.need("indexer_budget"))
	ratios := make([]int32, m.blocks)
	for i, t := range m.cfg.texts("layer_types")[:min(m.blocks, len(m.cfg.texts("layer_types")))] {
		if t == "full_attention" {
			ratios[i] = int32(m.need("indexer_compress_ratio"))
		}
	}
	m.list("attention.compress_ratios", ratios)
	m.ngramKeys()
}

// ngramKeys sets how n-grams become rows of a table, if the model has one.
func (m *model) ngramKeys() {
	list := m.cfg.wholes("ple_layer_ids") // from 1 on
	if len(list) == 0 {
		return
	}
	layers := make([]int32, len(list))
	for i, x := range list {
		layers[i] = int32(x - 1)
	}
	m.list("ple.layers", layers)
	m.u32("ple.ngram_size", m.need("ngram_size"))
	m.u32("ple.heads_per_ngram", m.need("heads_per_ngram"))
	m.u32("ple.conv_kernel", m.need("ple_conv_kernel_size"))
	if ends := m.cfg.wholes("eos_token_id"); len(ends) > 0 {
		m.u32("ple.eos_token_id", ends[len(ends)-1]) // at which n-grams begin anew
	} else {
		m.u32("ple.eos_token_id", m.need("eos_token_id"))
	}
	m.count("ple.image_token_id", "image_token_id")
	m.count("embedding_length_per_layer_input", "ngram_row")
	for _, e := range pleNumbers {
		i := slices.IndexFunc(m.in, func(t named) bool { return strings.HasSuffix(t.name, e[0]) })
		if i < 0 {
			m.fail("the folder has no tensor %s", e[0])
			return
		}
		x, err := uint64s(m.in[i].tensor)
		if err != nil {
			m.err = fmt.Errorf("tensor %q: %w", m.in[i].name, err)
			return
		}
		m.list(e[1], x)
	}
}

// uint64s are the whole numbers of a small tensor, exactly.
func uint64s(t tensor) ([]uint64, error) {
	n := elements(t.shape)
	if t.plain == nil || t.dtype != safetensors.I64 || n > 1<<16 {
		return nil, fmt.Errorf("%w: no list of whole numbers of 64 bits", ErrFolder)
	}
	raw := make([]byte, 8*n)
	if _, err := t.plain.ReadAt(raw, 0); err != nil {
		return nil, err
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return out, nil
}
