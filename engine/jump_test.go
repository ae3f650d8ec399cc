package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/internal/testenv"
)

// drawAll makes a generation draw every token.
func drawAll([]int32, []float32) {}

// TestJump: texts that alone can follow are not drawn, and the answer is the one that is drawn, also in parts and beside
// speculation.
func TestJump(t *testing.T) {
	m := byteModel(t, Options{})
	g := parseGBNF(t, `root ::= "<answer>" [ab]{3} "</answer>" ("!" | "?") "bye"`)
	for seed := range int64(10) {
		opt := GenerateOptions{Grammar: g, Sampling: &Sampling{Temperature: 1, Seed: seed + 1}}
		s := newSession(t, m, nil)
		text := answerIn(t, s, []int32{5}, &opt)
		stats := s.Stats()
		// Byte by byte the model draws three letters and a mark.
		if ok, _ := g.Match(text); !ok || stats.Reason != ReasonEOG || stats.Tokens != len(text) || stats.Forced != len(text)-4 {
			t.Errorf("%q: %+v", text, stats)
		}
		opt.MaxTokens = 3
		parts := newSession(t, m, nil)
		again := answerIn(t, parts, []int32{5}, &opt)
		for range 20 {
			if parts.Stats().Reason == ReasonEOG {
				break
			}
			again += answerIn(t, parts, nil, &opt)
		}
		if ok, _ := g.Match(again); !ok || parts.Stats().Reason != ReasonEOG {
			t.Errorf("in parts %q", again)
		}
		opt.MaxTokens, opt.Speculate = 0, true
		guessing := newSession(t, m, nil)
		if got := answerIn(t, guessing, []int32{5}, &opt); got != text {
			t.Errorf("with speculation %q, without %q", got, text)
		}
		for _, s := range []*Session{s, parts, guessing} {
			s.Close()
		}
	}
}

// TestJumpLeaves: what was forced when the consumer left is in the session, and the text goes on behind it.
func TestJumpLeaves(t *testing.T) {
	m := byteModel(t, Options{})
	opt := &GenerateOptions{Grammar: parseGBNF(t, `root ::= "abcdef" [xy] "z"`), Sampling: &Sampling{}}
	s := newSession(t, m, nil)
	defer s.Close()
	text := ""
	for p, err := range s.Generate(context.Background(), []int32{5}, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if text += p.Text; text == "abc" {
			break
		}
	}
	f, err := s.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := text + answerIn(t, s, nil, opt); got != "abcdefxz" && got != "abcdefyz" {
		t.Errorf("%q", got)
	}
	for i, s := range []*Session{f, s} {
		if _, err := s.Eval(t.Context(), []int32{7}); err != nil || s.seq.Len() != len(s.Tokens()) {
			t.Errorf("%d: %d of %d tokens, %v", i, s.seq.Len(), len(s.Tokens()), err)
		}
	}
}

// TestJumpSays: a real model says the same, whether what is forced is drawn or not.
func TestJumpSays(t *testing.T) {
	if testing.Short() {
		t.Skip("SmolLM2 answers: left out with -short")
	}
	m := loadFile(t, testenv.Model(t), Options{})
	g, err := grammar.Schema(`{"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "maximum": 150}},
		"required": ["name", "age"]}`, &grammar.SchemaOptions{Compact: true})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := m.Encode("A person as JSON: ", true, false)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, m, nil)
	defer s.Close()
	jumped := answerIn(t, s, ids, &GenerateOptions{Grammar: g, Sampling: &Sampling{}})
	stats := s.Stats()
	drawn := answerIn(t, s, ids, &GenerateOptions{Grammar: g, Sampling: &Sampling{}, Logits: drawAll})
	if t.Logf("%s: %d of %d tokens forced", jumped, stats.Forced, stats.Tokens); jumped != drawn || stats.Forced < 3 {
		t.Errorf("%q, drawn %q, %+v", jumped, drawn, stats)
	}
}

// BenchmarkJump measures answers of a schema, drawn and jumped. LATENTGO_BENCH_MODEL is another model than SmolLM2.
func BenchmarkJump(b *testing.B) {
	m := benchFile(b)
	schema := `{"type": "object", "properties": {"first_name": {"type": "string", "maxLength": 12}, "last_name": {"type": "string", "maxLength": 12},
		"age": {"type": "integer", "minimum": 1, "maximum": 99}, "address": {"type": "object", "properties": {"street": {"type": "string", "maxLength": 16},
		"city": {"type": "string", "maxLength": 12}, "postal_code": {"type": "string", "pattern": "^[0-9]{5}$"}}, "required": ["street", "city", "postal_code"]},
		"subscribed": {"type": "boolean"}, "favourite_color": {"enum": ["red", "green", "blue"]}},
		"required": ["first_name", "last_name", "age", "address", "subscribed", "favourite_color"]}`
	ids, err := m.Encode("Here is the record of a customer as JSON:\n", true, false)
	if err != nil {
		b.Fatal(err)
	}
	for _, compact := range []bool{false, true} {
		g, err := grammar.Schema(schema, &grammar.SchemaOptions{Compact: compact})
		if err != nil {
			b.Fatal(err)
		}
		for _, jump := range []bool{false, true} {
			name := strings.Join([]string{map[bool]string{true: "compact", false: "spaces"}[compact], map[bool]string{true: "jumped", false: "drawn"}[jump]}, "/")
			b.Run(name, func(b *testing.B) {
				opt := &GenerateOptions{Grammar: g, Sampling: &Sampling{}}
				if !jump {
					opt.Logits = drawAll
				}
				var tokens, forced int
				for b.Loop() {
					s := newSession(b, m, nil)
					answerIn(b, s, ids, opt)
					tokens, forced = s.Stats().Tokens, s.Stats().Forced
					s.Close()
				}
				b.ReportMetric(float64(tokens), "tokens")
				b.ReportMetric(float64(forced), "forced")
			})
		}
	}
}
