package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/testenv"
)

// TestWarnings lists what looks wrong and is loaded, as llama.cpp loads it. Each has one warning with these words, or
// none.
func TestWarnings(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	spm, bpe := tinySPM(), tinyBPE()
	scores := func(first ...float32) fake {
		return spm.with(keyScores, append(first, spm[keyScores].([]float32)[len(first):]...))
	}
	tests := []struct {
		name string
		md   fake
		want string
	}{
		{"sound SPM", spm, ""},
		{"sound BPE", bpe, ""},
		{"no types", spm.with(keyTypes, nil), keyTypes + `[2]: "</s>" is not marked as a control token`},
		{"no scores", spm.with(keyScores, nil), ""},
		{"kimi without merges", bpe.with(keyPre, "kimi-k2", keyMerges, nil), ""},
		{"infinite scores", scores(inf, -inf), ""},
		{"NaN scores", scores(0, nan, nan, nan), keyScores + "[1] is not a number: taken as the lowest score (and 2 more like it)"},
		{"long scores", spm.with(keyScores, make([]float32, 274)), keyScores + ": 274 elements for 273 tokens"},
		{"long types", spm.with(keyTypes, append(spm[keyTypes].([]int64)[:273:273], 1, 99)), keyTypes + ": 275 elements for 273 tokens"},
		{"type 7", tinySPM(entry{"x", 7, 0}), keyTypes + `[273]: 7 is no token type: "x" stands for nothing`},
		{"other types", tinySPM(entry{"x", -1, 0}, entry{"y", 8, 0}, entry{"z", 1 << 40, 0}), keyTypes + `[273]: -1 is no token type: "x" stands for nothing (and 2 more like it)`},
		{"byte token out of range", tinySPM(entry{"<0x-1>", tByte, 0}), keyTokens + `[273]: byte token "<0x-1>"`},
		{"byte token too long", tinySPM(entry{"<0x100>", tByte, 0}), keyTokens + "[273]"},
		{"byte token without hex", tinySPM(entry{"<0x+1>", tByte, 0}), keyTokens + "[273]"},
		{"empty tokens", tinySPM(entry{"", tNormal, 0}, entry{"", tNormal, 0}), keyTokens + "[273] is empty: named [EMPTY_273] (and 1 more like it)"},
		{"token that looks like control", tinySPM(entry{"<|im_end|>", tNormal, 0}), keyTypes + `[273]: "<|im_end|>" is not marked as a control token`},
		{"add_bos without bos", bpe.with(keyBOS, nil, keyAddBOS, true, keyPre, "glm4"), keyAddBOS + " is true, but"},
		{"add_eos without eos", bpe.with(keyModel, "gemma4", keyEOS, nil, keyAddEOS, true), keyAddEOS + " is true, but"},
		{"Gemma 4 without BOS", bpe.with(keyPre, "gemma4", keyAddBOS, false), keyAddBOS + " is false: taken as true"},
		{"suppressed out of range", spm.with(keySuppress, []int64{-1, 5, 273, 1 << 40}), keySuppress + "[0]: no token -1 in a vocabulary of 273: ignored (and 2 more like it)"},
		{"no pre", bpe.with(keyPre, nil), keyPre + " is missing"},
		{"empty pre", bpe.with(keyPre, ""), keyPre + " is missing"},
		{"merge twice", bpe.with(keyMerges, []string{"h e", "h e"}), keyMerges + `[1]: "h e" is listed already`},
		{"merges without space", bpe.with(keyMerges, []string{"h e", "ca", "", " ", "h ", " e"}), keyMerges + `[1]: "ca" has no space between two pieces: ignored (and 4 more like it)`},
		{"merges with spaces", bpe.with(keyMerges, []string{"h e", "a b c", "  a"}), keyMerges + `[1]: "a b c" has a piece with a space`},
		{"merge with unknown left", bpe.with(keyMerges, []string{"ée e"}), keyMerges + `[0]: "ée e" has to do with "ée"`},
		{"merge with unknown right", bpe.with(keyMerges, []string{"h e", "h ee"}), keyMerges + `[1]: "h ee" has to do with "ee"`},
		{"merge with unknown result", bpe.with(keyMerges, []string{"e h"}), keyMerges + `[0]: "e h" has to do with "eh"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := mustNew(t, tt.md)
			checkText(t, tok, "the cat eh hee", false)
			got := tok.Warnings()
			if tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
				t.Errorf("warnings %q, want one with %q", got, tt.want)
			}
		})
	}
}

// TestRoleOutOfRange: every key that names a special token may hold an id that is none; the default stands, and is
// told.
func TestRoleOutOfRange(t *testing.T) {
	for _, k := range roleKeys {
		for _, id := range []uint64{273, math.MaxInt32, math.MaxUint32, 1 << 40} {
			sound, tok := mustNew(t, tinySPM()), mustNew(t, tinySPM().with(k.key, id))
			if tok.role != sound.role || !slices.Equal(tok.EOG(), sound.EOG()) {
				t.Errorf("%s = %d changes the special tokens", k.key, id)
			}
			if got := tok.Warnings(); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("%s: no token %d in a vocabulary of 273", k.key, id)) {
				t.Errorf("%s = %d: warnings %q", k.key, id, got)
			}
			checkText(t, tok, "the cat", false)
			tok.Encode("the cat", EncodeOptions{AddSpecial: true, ParseSpecial: true})
		}
	}
}

// TestWarningsAreFew: a file that is wrong everywhere has a few lines, not one per token.
func TestWarningsAreFew(t *testing.T) {
	var entries []entry
	var merges []string
	for i := range 50_000 {
		entries = append(entries, entry{fmt.Sprintf("t%d", i), int64(9 + i), float32(math.NaN())})
		merges = append(merges, fmt.Sprintf("t%d x", i))
	}
	tok := mustNew(t, vocabOf("gpt2", entries).with(keyMerges, merges, keyPre, "gpt-2"))
	if got := tok.Warnings(); len(got) != 3 {
		t.Errorf("%d warnings: %q", len(got), got)
	}
}

// TestSharedVocabularies loads the vocabularies that llama.cpp takes and that were refused.
func TestSharedVocabularies(t *testing.T) {
	for name, want := range map[string]string{"bos-4294967295": keyBOS + ": no token 4294967295", "merge-missing-piece": keyMerges + "[", "token-type-7": keyTypes + "["} {
		f, err := gguf.Open(testenv.Shared(t, "cases/"+name+".gguf"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tok := mustNew(t, f)
		if got := strings.Join(tok.Warnings(), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s: warnings %q", name, got)
		}
		checkText(t, tok, "hello abc <|im_end|> ünï", false)
	}
}
