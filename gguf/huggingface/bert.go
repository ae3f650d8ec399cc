package huggingface

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

var _ = register(family{
	arch:   "bert",
	names:  bertNames,
	filter: bertFilter,
	modify: (*model).bert,
	keys:   (*model).bertKeys,
	vocab:  (*model).vocabWordPiece,
}, "BertModel", "BertForMaskedLM", "BertForSequenceClassification")

var _ = register(family{
	arch:   "bert",
	names:  distilBERTNames,
	filter: distilBERTFilter,
	modify: (*model).bert,
	keys:   (*model).distilBERTKeys,
	vocab:  (*model).vocabWordPiece,
}, "DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification")

var _ = register(family{
	arch:   "bert",
	names:  bertNames,
	init:   positionOffset,
	filter: bertFilter,
	modify: (*model).bert,
	keys:   (*model).bertKeys,
	vocab:  (*model).vocabRoberta,
}, "RobertaModel", "RobertaForSequenceClassification")

var _ = register(family{
	arch:   "bert",
	names:  bertNames,
	init:   xlmInit,
	filter: bertFilter,
	modify: (*model).bert,
	keys:   (*model).bertKeys,
	vocab:  (*model).vocabUnigram,
}, "XLMRobertaModel", "XLMRobertaForSequenceClassification")

var _ = register(family{
	arch:   "nomic-bert",
	names:  nomicNames,
	init:   nomicInit,
	filter: nomicFilter,
	modify: (*model).nomic,
	keys:   (*model).nomicKeys,
	vocab:  (*model).vocabNomic,
}, "NomicBertModel")

var _ = register(family{
	arch:   "jina-bert-v2",
	names:  jinaNames,
	filter: bertFilter,
	modify: (*model).bert,
	keys:   (*model).bertKeys,
	vocab:  (*model).vocabJina,
}, "JinaBertModel", "JinaBertForMaskedLM")

var _ = register(family{
	arch:   "modern-bert",
	names:  modernBERTNames,
	filter: bertFilter,
	modify: (*model).bert,
	keys:   (*model).modernBERTKeys,
	vocab:  (*model).vocabModernBERT,
}, "ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification")

var _ = register(family{
	arch:   "eurobert",
	names:  euroBERTNames,
	filter: euroBERTFilter,
	keys:   (*model).euroBERTKeys,
	vocab:  (*model).vocabEuroBERT,
}, "EuroBertModel", "EuroBertForMaskedLM", "JinaEmbeddingsV5Model")

var bertNames = map[string]string{
	"embeddings.word_embeddings":       "token_embd",
	"embeddings.position_embeddings":   "position_embd",
	"embeddings.token_type_embeddings": "token_types",
	"embeddings.LayerNorm":             "token_embd_norm",

	"encoder.layer.#.attention.self.query":       "blk.#.attn_q",
	"encoder.layer.#.attention.self.key":         "blk.#.attn_k",
	"encoder.layer.#.attention.self.value":       "blk.#.attn_v",
	"encoder.layer.#.attention.output.dense":     "blk.#.attn_output",
	"encoder.layer.#.attention.output.LayerNorm": "blk.#.attn_output_norm",
	"encoder.layer.#.intermediate.dense":         "blk.#.ffn_up",
	"encoder.layer.#.output.dense":               "blk.#.ffn_down",
	"encoder.layer.#.output.LayerNorm":           "blk.#.layer_output_norm",
	"classifier":                                 "cls",
	"classifier.dense":                           "cls",
	"classifier.out_proj":                        "cls.output",
}

var distilBERTNames = map[string]string{
	"embeddings.word_embeddings":            "token_embd",
	"embeddings.position_embeddings":        "position_embd",
	"embeddings.LayerNorm":                  "token_embd_norm",
	"transformer.layer.#.attention.q_lin":   "blk.#.attn_q",
	"transformer.layer.#.attention.k_lin":   "blk.#.attn_k",
	"transformer.layer.#.attention.v_lin":   "blk.#.attn_v",
	"transformer.layer.#.attention.out_lin": "blk.#.attn_output",
	"transformer.layer.#.sa_layer_norm":     "blk.#.attn_output_norm",
	"transformer.layer.#.ffn.lin1":          "blk.#.ffn_up",
	"transformer.layer.#.ffn.lin2":          "blk.#.ffn_down",
	"transformer.layer.#.output_layer_norm": "blk.#.layer_output_norm",
	"pre_classifier":                        "cls",
	"classifier":                            "cls",
	"classifier.out_proj":                   "cls.output",
}

func distilBERTFilter(m *model, name string) (string, bool) {
	name = strings.TrimPrefix(name, "distilbert.")
	if strings.HasPrefix(name, "vocab_") {
		return "", false // the head that guesses words
	}
	return bertFilter(m, name)
}

func (m *model) distilBERTKeys() {
	m.f32("attention.layer_norm_epsilon", 1e-12)
	m.bertKeys()
}

var jinaNames = withNames(bertNames, map[string]string{
	"encoder.layer.#.attention.self.layer_norm_q": "blk.#.attn_q_norm",
	"encoder.layer.#.attention.self.layer_norm_k": "blk.#.attn_k_norm",
	"encoder.layer.#.layer_norm_1":                "blk.#.attn_norm_2",
	"encoder.layer.#.layer_norm_2":                "blk.#.layer_output_norm",
	"encoder.layer.#.mlp.gated_layers":            "blk.#.ffn_up",
	"encoder.layer.#.mlp.up_gated_layer":          "blk.#.ffn_up",
	"encoder.layer.#.mlp.wo":                      "blk.#.ffn_down",
	"encoder.layer.#.mlp.down_layer":              "blk.#.ffn_down",
	"encoder.layer.#.mlp.layernorm":               "blk.#.layer_output_norm",
})

var nomicNames = map[string]string{
	"embeddings.word_embeddings":       "token_embd",
	"embeddings.token_type_embeddings": "token_types",
	"emb_ln":                           "token_embd_norm",
	"encoder.layers.#.attn.Wqkv":       "blk.#.attn_qkv",
	"encoder.layers.#.attn.out_proj":   "blk.#.attn_output",
	"encoder.layers.#.norm1":           "blk.#.attn_output_norm",
	"encoder.layers.#.norm2":           "blk.#.layer_output_norm",
	"encoder.layers.#.mlp.fc11":        "blk.#.ffn_up",
	"encoder.layers.#.mlp.fc12":        "blk.#.ffn_gate",
	"encoder.layers.#.mlp.fc2":         "blk.#.ffn_down",

	"encoder.layers.#.mlp.fc1":            "blk.#.ffn_up",
	"encoder.layers.#.mlp.router.layer":   "blk.#.ffn_gate_inp",
	"encoder.layers.#.mlp.experts.mlp.w1": "blk.#.ffn_up_exps",
	"encoder.layers.#.mlp.experts.mlp.w2": "blk.#.ffn_down_exps",
}

var modernBERTNames = map[string]string{
	"embeddings.tok_embeddings": "token_embd",
	"embeddings.norm":           "token_embd_norm",
	"final_norm":                "output_norm",
	"layers.#.attn_norm":        "blk.#.attn_norm",
	"layers.#.attn.Wqkv":        "blk.#.attn_qkv",
	"layers.#.attn.Wo":          "blk.#.attn_output",
	"layers.#.mlp_norm":         "blk.#.ffn_norm",
	"layers.#.mlp.Wi":           "blk.#.ffn_up",
	"layers.#.mlp.Wo":           "blk.#.ffn_down",
	"head.dense":                "cls",
	"head.norm":                 "cls.norm",
	"classifier":                "cls",
	"classifier.out_proj":       "cls.output",
}

// euroBERTNames are those of a decoder, without "model." in front.
var euroBERTNames = func() map[string]string {
	out := map[string]string{}
	for k, v := range commonNames {
		out[strings.TrimPrefix(k, "model.")] = v
	}
	return out
}()

// bertFilter renames tensors, and drops heads that only training uses.
func bertFilter(m *model, name string) (string, bool) {
	for _, p := range []string{"bert.", "roberta."} {
		name = strings.TrimPrefix(name, p)
	}
	if m.arch == "modern-bert" {
		name = strings.TrimPrefix(name, "model.")
	}
	if s, ok := strings.CutSuffix(name, ".gamma"); ok {
		name = s + ".weight"
	}
	if s, ok := strings.CutSuffix(name, ".beta"); ok {
		name = s + ".bias"
	}
	drop := name == "embeddings.position_ids" || strings.HasPrefix(name, "pooler.dense.") ||
		strings.HasPrefix(name, "cls.predictions") || strings.HasPrefix(name, "cls.seq_relationship")
	return name, !drop
}

// labels returns the names of classes, nil for none and for the two that stand for nothing.
func (m *model) labels() []string {
	o := m.cfg.object("id2label")
	keys := slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	if len(o) == 2 && o.text("0") == "LABEL_0" {
		return nil
	}
	var out []string
	for _, k := range keys {
		out = append(out, o.text(k))
	}
	return out
}

// bert adds a tensor of an encoder.
func (m *model) bert(name string, bid int, t tensor) error {
	if name == "embeddings.position_embeddings.weight" && t.dims(2) {
		if n, ok := m.cfg.integer("position_offset"); ok && n < t.shape[0] {
			t = t.rows(n, t.shape[0]) // those before belong to padding
		}
	}
	if s, ok := strings.CutPrefix(name, "classifier."); ok && (s == "weight" || s == "bias") && m.labels() != nil {
		name = "classifier.out_proj." + s
	}
	return m.plain(name, bid, t)
}

func (m *model) bertKeys() {
	m.commonKeys()
	m.bool("attention.causal", false)
	m.pooling()
	if l := m.labels(); l != nil {
		m.list("classifier.output_labels", l)
	}
}

// positionOffset says how many positions belong to padding.
func positionOffset(m *model) error {
	pad, ok := m.cfg.integer("pad_token_id")
	if !ok {
		return nil
	}
	m.cfg["position_offset"] = whole(1 + pad)
	if n, ok := m.cfg.integer("max_position_embeddings"); ok {
		m.cfg["max_position_embeddings"] = whole(n - 1 - pad)
	}
	return nil
}

func xlmInit(m *model) error {
	if m.cfg.has("lora_adaptations") {
		return fmt.Errorf("jina-embeddings-v3 with its adapters is %w", ErrUnsupported)
	}
	return positionOffset(m)
}

// nomicInit checks that the model is one of the published kind, and corrects the length of its context.
func nomicInit(m *model) error {
	n, ok := m.cfg.integer("n_positions")
	trained, okTrained := m.cfg.integer("max_trained_positions")
	if !okTrained {
		trained = 2048
	}
	share, _ := m.cfg.number("rotary_emb_fraction")
	experts, activation := m.or(0, "moe_every_n_layers") > 0, "swiglu"
	if experts {
		m.arch, activation = "nomic-bert-moe", "gelu"
	}
	if m.hasUnigram() {
		if err := positionOffset(m); err != nil {
			return err
		}
	}
	switch {
	case !ok || trained != 2048 || n != 8192 && n != 2048 || share != 1 || m.cfg.text("activation_function") != activation ||
		m.cfg.boolean("prenorm", true) || m.cfg.boolean("qkv_proj_bias", !experts) != experts || m.cfg.boolean("mlp_fc1_bias", !experts) != experts:
		return fmt.Errorf("config.json: this form of nomic-bert is %w", ErrUnsupported)
	case n == 8192:
		m.cfg["n_positions"] = whole(2048)
	default:
		m.cfg["n_positions"] = whole(512)
	}
	return nil
}

// hasUnigram reports whether the tokenizer is XLM-RoBERTa's kind.
func (m *model) hasUnigram() bool {
	t, err := readTokenizer(m.dir)
	return err == nil && t.Model.Type == "Unigram"
}

func nomicFilter(m *model, name string) (string, bool) {
	if strings.Contains(name, "mlp.experts.bias") {
		return "", false
	}
	return bertFilter(m, name)
}

// nomic adds a tensor; experts stand one below the other.
func (m *model) nomic(name string, bid int, t tensor) error {
	if !strings.Contains(name, "mlp.experts.mlp.w") {
		return m.bert(name, bid, t)
	}
	experts, inner, width := m.need("num_local_experts", "num_experts"), m.need("n_inner"), m.need("n_embd")
	if !t.dims(2) || elements(t.shape) != experts*inner*width {
		return fmt.Errorf("%w: shape %v for %d experts of %d × %d", ErrFolder, t.shape, experts, inner, width)
	}
	t = t.reshape(experts, inner, width)
	if strings.HasSuffix(name, ".w2") {
		t = t.transpose()
	}
	return m.plain(name+".weight", bid, t)
}

func (m *model) nomicKeys() {
	m.bertKeys()
	if m.arch == "nomic-bert-moe" {
		m.u32("moe_every_n_layers", m.need("moe_every_n_layers"))
		m.u32("expert_used_count", m.need("moe_top_k"))
	}
}

// vocabNomic is WordPiece, or XLM-RoBERTa's.
func (m *model) vocabNomic() error {
	if m.hasUnigram() {
		return m.vocabUnigram()
	}
	return m.vocabWordPiece()
}

// vocabJina is WordPiece, or byte-level BPE for the model of code.
func (m *model) vocabJina() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	if tc.text("tokenizer_class") != "RobertaTokenizer" {
		return m.vocabWordPiece()
	}
	if err := m.vocabBPE(); err != nil {
		return err
	}
	m.set("tokenizer.ggml.token_type_count", uint32(2))
	return nil
}

func (m *model) modernBERTKeys() {
	m.bertKeys()
	m.u32("attention.sliding_window", m.need("local_attention"))
	m.count("attention.sliding_window_pattern", "global_attn_every_n_layers")
	m.list("rope.scaling.type", "none")
	m.u32("vocab_size", m.need("vocab_size"))
	if s := m.cfg.text("hidden_activation"); s != "" {
		m.list("hidden_activation", s)
	}
}

func (m *model) vocabModernBERT() error {
	for _, typ := range []string{"bos", "eos", "sep"} {
		m.set("tokenizer.ggml.add_"+typ+"_token", true)
	}
	return m.vocabBPE()
}

func euroBERTFilter(_ *model, name string) (string, bool) {
	return strings.TrimPrefix(name, "model."), true
}

func (m *model) euroBERTKeys() {
	m.commonKeys()
	m.bool("attention.causal", false)
	m.list("rope.scaling.type", "none")
	m.pooling()
}

func (m *model) vocabEuroBERT() error {
	m.set("tokenizer.ggml.add_bos_token", false)
	return m.vocabBPE()
}
