package engine

import (
	"context"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/internal/testenv"
)

// suppressing makes a random model whose file forbids tokens: <unk>, <s>, </s> and 77 characters.
func suppressing(t *testing.T, ids []int32) string {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for r := rune('0'); len(tokens) < gguftest.TinyLlama().Vocab; r++ {
		tokens, types = append(tokens, string(r)), append(types, 1)
	}
	b := gguftest.TinyLlama().Build().Set("tokenizer.ggml.model", "llama")
	b.AddKV("tokenizer.ggml.tokens", tokens).AddKV("tokenizer.ggml.token_type", types)
	return b.AddKV("tokenizer.ggml.suppress_tokens", ids).Write(t)
}

// TestSuppressedTokens: what tokenizer.ggml.suppress_tokens lists is never drawn, by no sampler and whatever the bias
// says.
func TestSuppressedTokens(t *testing.T) {
	all := func(n int32) (ids []int32) { // all tokens of a vocabulary but two
		for id := range n {
			if id != 20 && id != 40 {
				ids = append(ids, id)
			}
		}
		return append(ids, -1, n, 1<<30)
	}
	t.Run("own/few", func(t *testing.T) { checkSuppressed(t, suppressing(t, []int32{5, 6, 7, 8, 9, 10, -1, 80})) })
	t.Run("own/most", func(t *testing.T) { checkSuppressed(t, suppressing(t, all(80))) })
	t.Run("shared", func(t *testing.T) { checkSuppressed(t, testenv.Shared(t, "cases/suppress-tokens.gguf")) })
}

func checkSuppressed(t *testing.T, path string) {
	m := loadFile(t, path, Options{})
	tok, err := m.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	forbidden := tok.Suppressed()
	if len(forbidden) == 0 {
		t.Fatal("the file suppresses nothing")
	}
	force := sample.Bias{}
	for _, id := range forbidden {
		force[id] = 1000
	}
	for name, p := range map[string]Sampling{
		"hot": {Temperature: 5, TopP: 1}, "greedy": {}, "forced": {Temperature: 1, TopP: 1, LogitBias: force}, "forced greedy": {LogitBias: force},
		"mirostat":  {Temperature: 5, Mirostat: 2, MirostatTau: 5, MirostatEta: 0.1, TopP: 1},
		"one stage": {Temperature: 5, TopP: 1, Samplers: []string{"top_k"}},
	} {
		s := newSession(t, m, nil)
		for p, err := range s.Generate(context.Background(), []int32{3}, &GenerateOptions{MaxTokens: 100, IgnoreEOG: true, Sampling: &p}) {
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(forbidden, p.Token) {
				t.Errorf("%s: drew token %d", name, p.Token)
			}
		}
		if s.Stats().Tokens != 100 {
			t.Errorf("%s: %d tokens", name, s.Stats().Tokens)
		}
	}
}

// TestAllSuppressed: a file that forbids every token is an error of the answer, not a hang.
func TestAllSuppressed(t *testing.T) {
	var ids []int32
	for id := range int32(80) {
		ids = append(ids, id)
	}
	s := newSession(t, loadFile(t, suppressing(t, ids), Options{}), nil)
	for _, err := range s.Generate(context.Background(), []int32{3}, &GenerateOptions{MaxTokens: 3, Sampling: &Sampling{}}) {
		if err == nil {
			t.Fatal("a token was drawn")
		}
	}
}
