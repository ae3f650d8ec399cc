package tokenizer

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestNewErrors lists what New rejects, with the words that the message must have: key, index or value.
func TestNewErrors(t *testing.T) {
	spm, bpe := tinySPM(), tinyBPE()
	nan := spm.with(keyScores, append([]float32{float32(math.NaN())}, spm[keyScores].([]float32)[1:]...))
	tests := []struct {
		name string
		md   fake
		is   error
		text string
	}{
		{"no model", spm.with(keyModel, nil), ErrNoVocab, keyModel},
		{"model none", spm.with(keyModel, "none"), ErrNoVocab, `"none"`},
		{"model no_vocab", spm.with(keyModel, "no_vocab"), ErrNoVocab, `"no_vocab"`},
		{"model test", spm.with(keyModel, "test"), ErrNoVocab, `"test"`},
		{"model bert", spm.with(keyModel, "bert"), ErrUnsupported, `"bert" is not supported yet`},
		{"model t5", spm.with(keyModel, "t5"), ErrUnsupported, `"t5" is not supported yet`},
		{"model rwkv", spm.with(keyModel, "rwkv"), ErrUnsupported, `"rwkv" is not supported yet`},
		{"model plamo2", spm.with(keyModel, "plamo2"), ErrUnsupported, `"plamo2" is not supported yet`},
		{"model unknown", spm.with(keyModel, "foo"), ErrUnsupported, `"foo" is unknown`},
		{"model of wrong type", spm.with(keyModel, 1), nil, keyModel},
		{"no tokens", spm.with(keyTokens, nil), nil, keyTokens},
		{"empty tokens", spm.with(keyTokens, []string{}), ErrVocab, keyTokens},
		{"duplicate token", tinySPM(entry{"cat", tNormal, 0}), ErrVocab, keyTokens + `[273]: "cat" is token 267`},
		{"short types", spm.with(keyTypes, []int64{1, 2}), ErrVocab, keyTypes + ": 2 types for 273 tokens"},
		{"short scores", spm.with(keyScores, []float32{1}), ErrVocab, keyScores + ": 1 scores for 273 tokens"},
		{"long scores", spm.with(keyScores, make([]float32, 274)), ErrVocab, keyScores},
		{"NaN score", nan, ErrVocab, keyScores + "[0]"},
		{"type 7", tinySPM(entry{"x", 7, 0}), ErrVocab, keyTypes + "[273]: no token type 7"},
		{"type -1", tinySPM(entry{"x", -1, 0}), ErrVocab, keyTypes + "[273]"},
		{"byte token out of range", tinySPM(entry{"<0x-1>", tByte, 0}), ErrVocab, keyTokens + `[273]: byte token "<0x-1>"`},
		{"byte token too long", tinySPM(entry{"<0x100>", tByte, 0}), ErrVocab, keyTokens + "[273]"},
		{"byte token without hex", tinySPM(entry{"<0x+1>", tByte, 0}), ErrVocab, keyTokens + "[273]"},
		{"bos out of range", spm.with(keyBOS, 273), ErrVocab, keyBOS + ": token 273 of a vocabulary of 273"},
		{"eos out of range", spm.with(keyEOS, 1<<40), ErrVocab, keyEOS},
		{"eot out of range", spm.with("tokenizer.ggml.eot_token_id", 999), ErrVocab, "eot_token_id"},
		{"bos negative", spm.with(keyBOS, -1), nil, keyBOS},
		{"add_bos without bos", tinyBPE().with(keyBOS, nil, keyAddBOS, true, keyPre, "glm4"), ErrVocab, keyAddBOS},
		{"add_bos of wrong type", spm.with(keyAddBOS, 1), nil, keyAddBOS},
		{"suppressed tokens of wrong type", spm.with(keySuppress, "x"), nil, keySuppress},
		{"pre unknown", bpe.with(keyPre, "foo"), ErrUnsupported, keyPre + ` "foo" is unknown`},
		{"pre of several words", bpe.with(keyPre, "glm4 glm5"), ErrUnsupported, keyPre},
		{"no merges", bpe.with(keyMerges, nil), nil, keyMerges},
		{"merge without space", bpe.with(keyMerges, []string{"h e", "ca"}), ErrVocab, keyMerges + `[1]: "ca" has no space`},
		{"merge empty", bpe.with(keyMerges, []string{""}), ErrVocab, keyMerges + "[0]"},
		{"merge of a space", bpe.with(keyMerges, []string{" "}), ErrVocab, keyMerges + "[0]"},
		{"merge with unknown left", bpe.with(keyMerges, []string{"zz e"}), ErrVocab, keyMerges + "[0]"},
		{"merge with unknown right", bpe.with(keyMerges, []string{"h e", "h ee"}), ErrVocab, keyMerges + "[1]"},
		{"merge with unknown result", bpe.with(keyMerges, []string{"e h"}), ErrVocab, keyMerges + "[0]"},
		{"merge without right", bpe.with(keyMerges, []string{"h "}), ErrVocab, keyMerges + "[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.md)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q, want %v with %q", err, tt.is, tt.text)
			}
		})
	}
}

// TestNewLenient lists what looks wrong, is harmless and stands in files that are around.
func TestNewLenient(t *testing.T) {
	tests := map[string]fake{
		"pad out of range":  tinySPM().with("tokenizer.ggml.padding_token_id", math.MaxUint32),
		"no types":          tinySPM().with(keyTypes, nil),
		"no scores":         tinySPM().with(keyScores, nil),
		"no pre":            tinyBPE().with(keyPre, nil),
		"empty pre":         tinyBPE().with(keyPre, ""),
		"kimi no merges":    tinyBPE().with(keyPre, "kimi-k2", keyMerges, nil),
		"merge twice":       tinyBPE().with(keyMerges, []string{"h e", "h e"}),
		"empty token":       tinySPM(entry{"", tNormal, 0}, entry{"", tNormal, 0}),
		"suppress whatever": tinySPM().with(keySuppress, []int64{-1, 5, 1 << 40}),
	}
	for name, md := range tests {
		t.Run(name, func(t *testing.T) {
			tok := mustNew(t, md)
			if got := tok.Encode("the cat", EncodeOptions{}); len(got) == 0 {
				t.Error("no tokens")
			}
		})
	}
	if tok := mustNew(t, tests["empty token"]); tok.Text(273) != "[EMPTY_273]" {
		t.Errorf("empty token is %q", tok.Text(273))
	}
	if tok := mustNew(t, tests["no pre"]); tok.Pre() != "default" {
		t.Errorf("pre is %q", tok.Pre())
	}
	if tok := mustNew(t, tests["suppress whatever"]); len(tok.Suppressed()) != 1 || tok.Suppressed()[0] != 5 {
		t.Errorf("suppressed: %v", tok.Suppressed())
	}
}
