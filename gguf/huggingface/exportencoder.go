package huggingface

import (
	"fmt"
	"strings"
)

// Exports of BERT and ModernBERT.

var (
	_ = invert("bert",
		inverse{class: "BertModel", modelType: "bert", fits: vocabAndHead("bert", false), config: (*exporter).bert})
	_ = invert("modern-bert", inverse{class: "ModernBertForSequenceClassification", modelType: "modernbert",
		fits:    (*exporter).hasLabels,
		restore: (*exporter).modernBERTHead, config: (*exporter).modernBERTClasses,
		names: map[string]string{"blk.#.ffn_up": "layers.#.mlp.Wi", "cls.output": "classifier"}},
		inverse{class: "ModernBertModel", modelType: "modernbert", fits: (*exporter).withoutClasses,
			config: (*exporter).modernBERT,
			names:  map[string]string{"blk.#.ffn_up": "layers.#.mlp.Wi"}})
)

var (
	_ = invert("nomic-bert", inverse{class: "NomicBertModel", modelType: "nomic_bert", config: (*exporter).nomic,
		implied: []string{"context_length", "embedding_length", "feed_forward_length", "attention.head_count",
			"attention.layer_norm_epsilon"},
		says: []string{"embedding_length n_embd hidden_size", "feed_forward_length n_inner intermediate_size",
			"block_count n_layer num_hidden_layers", "attention.head_count n_head num_attention_heads",
			"attention.layer_norm_epsilon layer_norm_epsilon layer_norm_eps",
			"context_length max_position_embeddings", "rope.freq_base rotary_emb_base"},
		fixed: map[string]any{"activation_function": "swiglu", "causal": false, "prenorm": false,
			"rotary_emb_fraction": number(1), "rotary_emb_interleaved": false,
			"rotary_emb_scale_base": nil, "max_trained_positions": 2048, "qkv_proj_bias": false,
			"mlp_fc1_bias": false, "mlp_fc2_bias": false}})
	_ = invert("eurobert", inverse{class: "EuroBertModel", modelType: "eurobert", config: (*exporter).euroBERT})
)

// nomic says how long texts may be as the folder does, which stretches the positions that the model was trained for.
func (x *exporter) nomic() {
	x.encoder()
	positions := map[uint64]int{2048: 8192, 512: 2048}
	n := x.need("context_length")
	if positions[n] == 0 {
		x.fail("context_length", ErrUnsupported, "%d, not 2048 or 512", n)
	}
	x.cfg["n_positions"], x.cfg["type_vocab_size"] = positions[n], x.rowsOf("token_types.weight")
}

func (x *exporter) euroBERT() {
	heads := x.cfg["num_key_value_heads"]
	x.encoder()
	x.cfg["num_key_value_heads"] = heads
	if n, ok := x.uint("classifier.pooling_type"); ok {
		x.cfg["classifier_pooling"] = map[uint64]string{1: "mean", 2: "cls"}[n]
	}
}

// withoutClasses reports whether the model has no head for classes.
func (x *exporter) withoutClasses() bool { return !x.has("cls.weight") && !x.has("cls.output.weight") }

// poolingDir is where sentence-transformers looks for how an embedding is made of tokens.
const poolingDir = "1_Pooling"

// encoder adds what configurations of encoders say, and the files of sentence-transformers.
func (x *exporter) encoder() {
	delete(x.cfg, "num_key_value_heads")
	n, ok := x.uint("pooling_type")
	mode := ""
	for name, number := range poolings {
		if uint64(number) == n {
			mode = name
		}
	}
	if !ok || mode == "" {
		return
	}
	flag := map[string]string{"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token",
		"lasttoken": "pooling_mode_lasttoken"}[mode]
	err := x.json("modules.json", []object{
		{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": poolingDir, "type": "sentence_transformers.models.Pooling"}})
	if err == nil {
		err = x.json(poolingDir+"/config.json", object{"word_embedding_dimension": x.need("embedding_length"),
			flag: true})
	}
	if err != nil && x.err == nil {
		x.err = err
	}
}

// rowsOf returns how many rows a tensor has, 0 if there is no such tensor.
func (x *exporter) rowsOf(name string) uint64 {
	if t, err := x.f.Tensor(name); err == nil && len(t.Shape) == 2 {
		return t.Shape[1]
	}
	return 0
}

func (x *exporter) bert() {
	x.encoder()
	x.cfg["type_vocab_size"], x.cfg["hidden_act"] = x.rowsOf("token_types.weight"), "gelu"
	x.cfg["max_position_embeddings"] = x.rowsOf("position_embd.weight")
	x.classes()
}

// hasLabels reports whether the model has a head for classes, and says what they are called.
func (x *exporter) hasLabels() bool {
	return x.has("cls.output.weight") && x.f.Has(x.arch+".classifier.output_labels")
}

// modernBERTHead gives back a tensor: beside a head the encoder is called model.
func (x *exporter) modernBERTHead(name string, t tensor) error {
	return x.emitAs(name, func(s string) string {
		if strings.HasPrefix(s, "head.") || strings.HasPrefix(s, "classifier.") {
			return s
		}
		return "model." + s
	}, t)
}

// modernBERTClasses is modernBERT with the names of classes.
func (x *exporter) modernBERTClasses() {
	x.modernBERT()
	x.classes()
	x.cfg["classifier_bias"] = x.has("cls.bias")
}

func (x *exporter) modernBERT() {
	x.encoder()
	x.cfg["local_attention"] = x.need("attention.sliding_window")
	if n, ok := x.uint("attention.sliding_window_pattern"); ok {
		x.cfg["global_attn_every_n_layers"] = n
	}
	x.cfg["global_rope_theta"] = x.cfg["rope_theta"]
	delete(x.cfg, "rope_theta")
	if v, ok := x.float("rope.freq_base_swa"); ok {
		x.cfg["local_rope_theta"] = number(v)
	}
	if s, err := x.f.String(x.arch + ".hidden_activation"); err == nil {
		x.cfg["hidden_activation"] = s
	}
	if n, ok := x.uint("classifier.pooling_type"); ok {
		x.cfg["classifier_pooling"] = map[uint64]string{1: "mean", 2: "cls"}[n]
	}
	for _, k := range []struct{ key, tensor string }{{"attention_bias", "blk.0.attn_qkv.bias"}, {"mlp_bias",
		"blk.0.ffn_up.bias"}, {"norm_bias", "token_embd_norm.bias"}} {
		x.cfg[k.key] = x.has(k.tensor)
	}
}

// wordPieces is BERT's vocabulary: what begins a word stands behind U+2581 in files, and here what continues one behind
// "##".
func (x *exporter) wordPieces(v *fileVocab) (model, steps object, err error) {
	const begins = "▁"
	for i, t := range v.tokens {
		if t.kind == kindControl {
			continue
		}
		if rest, ok := strings.CutPrefix(t.text, begins); ok {
			v.tokens[i].text = rest
		} else {
			v.tokens[i].text = "##" + t.text
		}
	}
	for i, a := range v.added {
		v.added[i].Content = v.tokens[a.ID].text
	}
	ids, err := v.ids()
	if err != nil {
		return nil, nil, err
	}
	unknown, err := x.f.Uint("tokenizer.ggml.unknown_token_id")
	if err != nil || unknown >= uint64(len(v.tokens)) {
		return nil, nil,
			fmt.Errorf("key tokenizer.ggml.unknown_token_id: %w: WordPiece needs a token for what is unknown", ErrFile)
	}
	flag := func(key string) any {
		if b, err := x.f.Bool("tokenizer.ggml.normalizer." + key); err == nil {
			return b
		}
		return nil
	}
	lower := flag("lowercase")
	if lower == nil {
		lower = true
	}
	return object{"type": "WordPiece", "unk_token": v.tokens[unknown].text, "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": ids},
		object{"normalizer": object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
			"strip_accents": flag("strip_accents"), "lowercase": lower},
			"pre_tokenizer": object{"type": "BertPreTokenizer"}, "decoder": object{"type": "WordPiece",
				"prefix": "##", "cleanup": true}}, nil
}
