package tokenizer

import (
	"errors"
	"strings"
	"testing"
)

// TestNewErrors lists what New rejects, as llama.cpp does, with the words that the message must have: key, index or
// value.
func TestNewErrors(t *testing.T) {
	spm, bpe := tinySPM(), tinyBPE()
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
		{"charsmap of wrong type", spm.with(keyModel, "t5", keyCharsmap, "x"), nil, keyCharsmap},
		{"charsmap without a size", spm.with(keyModel, "t5", keyCharsmap, []int64{0, 0}), ErrVocab, keyCharsmap + ": 2 bytes"},
		{"charsmap too short", spm.with(keyModel, "t5", keyCharsmap, []int64{4, 0, 0, 0, 1, 1, 1, 0}), ErrVocab, "an array of 4 bytes"},
		{"charsmap without an end", spm.with(keyModel, "t5", keyCharsmap, []int64{0, 0, 0, 0, 97}), ErrVocab, "zero byte"},
		{"charsmap not of bytes", spm.with(keyModel, "t5", keyCharsmap, []int64{0, 0, 0, 256}), ErrVocab, keyCharsmap + "[3]: 256"},
		{"model rwkv", spm.with(keyModel, "rwkv"), ErrUnsupported, `"rwkv" is not supported yet`},
		{"plamo2 without a byte", tinySPM().with(keyModel, "plamo2", keyTypes, nil), ErrVocab, "byte token <0x00> is missing"},
		{"model unknown", spm.with(keyModel, "foo"), ErrUnsupported, `"foo" is unknown`},
		{"model of wrong type", spm.with(keyModel, 1), nil, keyModel},
		{"no tokens", spm.with(keyTokens, nil), nil, keyTokens},
		{"empty tokens", spm.with(keyTokens, []string{}), ErrVocab, keyTokens},
		{"duplicate token", tinySPM(entry{"cat", tNormal, 0}), ErrVocab, keyTokens + `[273]: "cat" is token 267`},
		{"name of an empty token", tinySPM(entry{"[EMPTY_274]", tNormal, 0}, entry{"", tNormal, 0}), ErrVocab, keyTokens + `[274]`},
		{"short types", spm.with(keyTypes, []int64{1, 2}), ErrVocab, keyTypes + ": 2 elements for 273 tokens"},
		{"no type", spm.with(keyTypes, []int64{}), ErrVocab, keyTypes + ": 0 elements"},
		{"types of wrong type", spm.with(keyTypes, "x"), nil, keyTypes},
		{"short scores", spm.with(keyScores, []float32{1}), ErrVocab, keyScores + ": 1 elements for 273 tokens"},
		{"scores of wrong type", spm.with(keyScores, "x"), nil, keyScores},
		{"byte token too short", tinySPM(entry{"xy", tByte, 0}), ErrVocab, keyTokens + `[273]: byte token "xy"`},
		{"bos negative", spm.with(keyBOS, -1), nil, keyBOS},
		{"bos of wrong type", spm.with(keyBOS, "x"), nil, keyBOS},
		{"add_bos of wrong type", spm.with(keyAddBOS, 1), nil, keyAddBOS},
		{"suppressed tokens of wrong type", spm.with(keySuppress, "x"), nil, keySuppress},
		{"pre unknown", bpe.with(keyPre, "foo"), ErrUnsupported, keyPre + ` "foo" is unknown`},
		{"pre of several words", bpe.with(keyPre, "glm4 glm5"), ErrUnsupported, keyPre},
		{"no merges", bpe.with(keyMerges, nil), nil, keyMerges},
		{"merges of wrong type", bpe.with(keyMerges, 5), nil, keyMerges},
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
