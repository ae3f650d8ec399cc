package huggingface

import (
	"encoding/base64"
	"fmt"
	"strconv"
)

// Export of Qwen's first generation, whose vocabulary is tiktoken's.

var _ = invert("qwen", inverse{class: "QWenLMHeadModel", modelType: "qwen", config: (*exporter).qwen1,
	vocab:   (*exporter).qwenTokens,
	adapted: []string{"rope.dimension_count"}, implied: []string{"attention.layer_norm_rms_epsilon"},
	fixed: map[string]any{"no_bias": true, "rotary_pct": number(1), "scale_attn_weights": true, "use_dynamic_ntk": false,
		"use_logn_attn": false},
	says: []string{"context_length seq_length", "attention.layer_norm_rms_epsilon layer_norm_epsilon",
		"rope.freq_base rotary_emb_base"}})

// qwen1 adds the size of heads, all of which rotates.
func (x *exporter) qwen1() {
	dim := x.need("embedding_length") / max(x.need("attention.head_count"), 1)
	if n, ok := x.uint("rope.dimension_count"); ok && n != dim {
		x.fail("rope.dimension_count", ErrUnsupported, "a %s rotates all %d values of a head", x.class, dim)
	}
	x.cfg["kv_channels"] = dim
}

// qwenTokens writes qwen.tiktoken. Special tokens stand in the code beside it.
func (x *exporter) qwenTokens(v *fileVocab) (err error) {
	x.files["qwen.tiktoken"], err = v.tiktoken()
	return err
}

// tiktoken writes the tokens that stand before all special ones as tiktoken keeps them.
func (v *fileVocab) tiktoken() ([]byte, error) {
	var out []byte
	for i, t := range v.tokens {
		if t.kind != kindNormal {
			break
		}
		text, ok := unspelled(t.text)
		if !ok {
			return nil, fmt.Errorf("key tokenizer.ggml.tokens[%d]: %w: %.40q does not spell bytes", i, ErrFile, t.text)
		}
		out = base64.StdEncoding.AppendEncode(out, []byte(text))
		out = append(strconv.AppendInt(append(out, ' '), int64(i), 10), '\n')
	}
	return out, nil
}

// unspelled returns the bytes that spellBytes spells as a text, false if it does not spell that.
func unspelled(text string) (string, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := runeBytes[r]
		if !ok {
			return "", false
		}
		out = append(out, b)
	}
	return string(out), true
}

// runeBytes are byteRunes, read the other way.
var runeBytes = func() map[rune]byte {
	out := map[rune]byte{}
	for b, r := range byteRunes {
		out[r] = byte(b)
	}
	return out
}()
