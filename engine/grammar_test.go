package engine

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/internal/gguftest"
)

func parseGBNF(t testing.TB, src string) *grammar.Grammar {
	t.Helper()
	g, err := grammar.GBNF(src)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// answerIn lets a session answer and returns the text.
func answerIn(t testing.TB, s *Session, prompt []int32, opt *GenerateOptions) string {
	t.Helper()
	var text strings.Builder
	for p, err := range s.Generate(context.Background(), prompt, opt) {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(p.Text)
	}
	return text.String()
}

// TestGrammar: a random model, which would say anything, says what the grammar allows, and tells when it was cut.
func TestGrammar(t *testing.T) {
	m := byteModel(t, Options{})
	g := parseGBNF(t, `root ::= "{" (pair ("," pair)*)? "}"
pair ::= [a-cä]{1,3} ":" ([0-9] | "ü" | root)`)
	finished, cut := 0, 0
	for seed := range int64(30) {
		s := newSession(t, m, nil)
		opt := &GenerateOptions{Grammar: g, MaxTokens: 8, Sampling: &Sampling{Temperature: 1, Seed: seed + 1}}
		text := answerIn(t, s, []int32{5}, opt)
		ok, err := g.Match(text)
		if err != nil {
			t.Fatal(err)
		}
		if stats := s.Stats(); ok != (stats.Reason == ReasonEOG) || !ok && stats.Reason != ReasonMaxTokens {
			t.Errorf("seed %d: %q: matches %v, ended by %s", seed, text, ok, stats.Reason)
		}
		if ok {
			finished++
		} else {
			cut++
		}
		s.Close()
	}
	if finished < 5 || cut < 5 {
		t.Errorf("%d answers finished, %d cut", finished, cut)
	}
}

// TestGrammarGoesOn: an answer cut by MaxTokens goes on with the text of the grammar that it began.
func TestGrammarGoesOn(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	defer s.Close()
	g := parseGBNF(t, `root ::= "<" [aü]{5} "|" [0-9]{5} ">"`)
	opt := &GenerateOptions{Grammar: g, MaxTokens: 4, Sampling: &Sampling{Temperature: 1, Seed: 1}}
	text := answerIn(t, s, []int32{5}, opt)
	for range 10 {
		if s.Stats().Reason != ReasonMaxTokens {
			break
		}
		text += answerIn(t, s, nil, opt)
	}
	if ok, err := g.Match(text); !ok || err != nil {
		t.Errorf("%q: %v %v", text, ok, err)
	}
}

// TestGrammarOptions: the grammar holds against all other options.
func TestGrammarOptions(t *testing.T) {
	m := byteModel(t, Options{})
	tok, err := m.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := tok.Lookup("<0x61>")
	b, _ := tok.Lookup("<0x62>")
	g := parseGBNF(t, `root ::= "a" [ab]{3}`)
	s := newSession(t, m, nil)
	defer s.Close()
	want := func(text string, opt GenerateOptions) {
		t.Helper()
		opt.Grammar = g
		if got := answerIn(t, s, []int32{5}, &opt); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	want("abbb", GenerateOptions{Sampling: &Sampling{LogitBias: map[int32]float64{b: 100, 70: 1000}}})
	want("aaaa", GenerateOptions{Sampling: &Sampling{}, IgnoreEOG: true, Logits: func(_ []int32, l []float32) { l[a], l[9] = 100, 1000 }})
	ban := func(_ []int32, l []float32) { l[a] = float32(math.Inf(-1)) }
	for _, err := range s.Generate(context.Background(), []int32{5}, &GenerateOptions{Grammar: g, Logits: ban}) {
		if err == nil || !strings.Contains(err.Error(), "grammar") {
			t.Errorf("all tokens banned: %v", err)
		}
	}
	other, err := grammar.GBNF(`root ::= <[5000]>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Generate(context.Background(), []int32{5}, &GenerateOptions{Grammar: other}) {
		if !errors.Is(err, grammar.ErrToken) {
			t.Errorf("a token that does not exist: %v", err)
		}
	}
	bare := loadFile(t, gguftest.TinyLlama().Build().Write(t), Options{})
	if _, err := bare.Tokenizer(); err == nil {
		t.Skip("the tiny model has a tokenizer")
	}
	for _, err := range newSession(t, bare, nil).Generate(context.Background(), []int32{5}, &GenerateOptions{Grammar: g}) {
		if !errors.Is(err, ErrNoTokenizer) {
			t.Errorf("without a tokenizer: %v", err)
		}
	}
}
