package huggingface

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer"
)

// vocabOf makes tokenizer.json and its tokens of a GGUF file.
func vocabOf(t *testing.T, path string) (*tokenizerJSON, []token) {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	texts, err1 := f.Strings("tokenizer.ggml.tokens")
	kinds, err2 := f.Ints("tokenizer.ggml.token_type")
	merges, err3 := f.Strings("tokenizer.ggml.merges")
	raw, err4 := json.Marshal(merges)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tokens := make([]token, len(texts))
	for i := range texts {
		tokens[i] = token{texts[i], 0, int32(kinds[i])}
	}
	tj := &tokenizerJSON{}
	tj.Model.Type, tj.Model.Merges = "BPE", raw
	return tj, tokens
}

// TestKnownTokenizer: the real model's tokenizer is known by the sample's tokens, whatever its rules are called.
func TestKnownTokenizer(t *testing.T) {
	if testing.Short() {
		t.Skip("the real model is not for short tests")
	}
	tj, tokens := vocabOf(t, testenv.Model(t))
	for _, p := range []config{
		{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "Digits"}, map[string]any{"type": "ByteLevel"}}},
		{"type": "Something"},
	} {
		tj.PreTokenizer = p
		if name, err := tj.pre(tokens); err != nil || name != "smollm" {
			t.Errorf("%v: %q, %v", p, name, err)
		}
	}
}

// TestRulesOfNames: an export knows the rules of every byte-level BPE tokenizer that the script has a name for, but for
// those of no architecture here.
func TestRulesOfNames(t *testing.T) {
	for line := range strings.Lines(pretokenizers) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		same, _, ok := tokenizer.PreTokenizer(name)
		if !ok || slices.Contains([]string{"chameleon", "gemma4", "granite-embed-multi-311m", "sarvam-moe", "superbpe"}, name) {
			continue // WordPiece, texts as they are, and empty matches
		}
		if !slices.ContainsFunc(ruleList, func(r wordRules) bool {
			return slices.ContainsFunc(r.names, func(n string) bool { return slices.Contains(same, n) })
		}) {
			t.Errorf("no rules for %q", name)
		}
	}
}
