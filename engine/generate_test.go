package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// smol is a session on the real model; greedy as the zero Sampling is.
func smol(t *testing.T) *Session {
	t.Helper()
	return newSession(t, loadFile(t, testenv.Model(t), Options{}), nil)
}

// collect runs an answer to its end.
func collect(t *testing.T, s *Session, prompt string, opt GenerateOptions) (text string, ids []int32) {
	t.Helper()
	if opt.Sampling == nil {
		opt.Sampling = &Sampling{}
	}
	for p, err := range s.GenerateText(context.Background(), prompt, &opt) {
		if err != nil {
			t.Fatal(err)
		}
		text += p.Text
		if p.Token >= 0 {
			ids = append(ids, p.Token)
		}
	}
	return text, ids
}

const franceText = " Paris.\n\nThe"

func TestGenerateStreamsText(t *testing.T) {
	s := smol(t)
	text, ids := collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 5})
	if text != franceText || len(ids) != 5 {
		t.Errorf("%q in %d tokens", text, len(ids))
	}
	st := s.Stats()
	if st.Reason != ReasonMaxTokens || st.PromptTokens != 5 || st.Tokens != 5 || st.PromptTime <= 0 || st.DecodeTime <= 0 {
		t.Errorf("%+v", st)
	}
}

// A stop string ends the answer, wherever token borders lie, and is not part of the text.
func TestStopStrings(t *testing.T) {
	s := smol(t)
	for stop, want := range map[string]string{"is.\n\nT": " Par", ".": " Paris", " Paris": "", "\n\nThe": " Paris."} {
		text, _ := collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 20, Stop: []string{"never seen", stop}})
		if text != want || s.Stats().Reason != ReasonStop {
			t.Errorf("stop %q: %q, %s", stop, text, s.Stats().Reason)
		}
	}
	// Held back as the start of a stop string, then let go at the end.
	text, _ := collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 5, Stop: []string{"The answer is not"}})
	if text != franceText {
		t.Errorf("text held back is lost: %q", text)
	}
}

func TestPromptPrefixIsReused(t *testing.T) {
	s := smol(t)
	collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 5})
	first, _ := collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 5})
	if st := s.Stats(); st.CachedTokens != 4 || st.PromptTokens != 1 {
		t.Errorf("same prompt again: %+v", st)
	}
	if first != franceText {
		t.Errorf("second answer %q", first)
	}
	// Passes of different lengths round differently; for Italy and Spain two continuations are as good as equal.
	fresh, _ := collect(t, smol(t), "The capital of Germany is", GenerateOptions{MaxTokens: 8})
	again, _ := collect(t, s, "The capital of Germany is", GenerateOptions{MaxTokens: 8})
	if fresh != again || s.Stats().CachedTokens != 3 {
		t.Errorf("with a reused prefix %q, without %q, %+v", again, fresh, s.Stats())
	}
}

func TestSeedsRepeat(t *testing.T) {
	s := smol(t)
	sampling := s.m.Sampling()
	sampling.Temperature = 1.5
	seen := map[string]bool{}
	for seed := int64(1); seed <= 4; seed++ {
		sampling.Seed = seed
		s.Reset()
		a, _ := collect(t, s, "Once upon a time", GenerateOptions{MaxTokens: 12, Sampling: &sampling})
		s.Reset()
		b, _ := collect(t, s, "Once upon a time", GenerateOptions{MaxTokens: 12, Sampling: &sampling})
		if a != b {
			t.Errorf("seed %d: %q and %q", seed, a, b)
		}
		seen[a] = true
	}
	if len(seen) < 3 {
		t.Errorf("4 seeds gave %d texts", len(seen))
	}
}

func TestChatEndsAndRemembers(t *testing.T) {
	s := smol(t)
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Reply with the word yes.")}}
	text := ""
	for p, err := range s.Chat(context.Background(), conv, &GenerateOptions{MaxTokens: 200, Sampling: &Sampling{}}) {
		if err != nil {
			t.Fatal(err)
		}
		text += p.Text
	}
	if st := s.Stats(); st.Reason != ReasonEOG || text == "" || strings.Contains(text, "<|im_end|>") {
		t.Errorf("%q, %+v", text, st)
	}
	conv.Messages = append(conv.Messages, chat.NewMessage("assistant", text), chat.NewMessage("user", "And now no."))
	for _, err := range s.Chat(context.Background(), conv, &GenerateOptions{MaxTokens: 3, Sampling: &Sampling{}}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); st.CachedTokens < 30 || st.PromptTokens > 20 {
		t.Errorf("the second turn evaluated the first again: %+v", st)
	}
}

func TestCancelEndsAnAnswerWithinAToken(t *testing.T) {
	s := smol(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, last := 0, error(nil)
	ids, _ := s.m.Encode("Once upon a time", true, true)
	for p, err := range s.Generate(ctx, ids, &GenerateOptions{IgnoreEOG: true, Sampling: &Sampling{}}) {
		if p.Token >= 0 {
			n++
		}
		if n == 5 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) || n != 5 || s.Stats().Reason != ReasonCancelled {
		t.Errorf("%d tokens, error %v, %+v", n, last, s.Stats())
	}
	for p, err := range s.Generate(context.Background(), nil, &GenerateOptions{MaxTokens: 2, Sampling: &Sampling{}}) {
		if err != nil || p.Token < 0 && p.Text == "" {
			t.Errorf("going on after a cancelled answer: %+v, %v", p, err)
		}
	}
}

func TestLeavingTheLoop(t *testing.T) {
	s := smol(t)
	for range s.GenerateText(context.Background(), "Once upon a time", nil) {
		break
	}
	if st := s.Stats(); st.Tokens != 1 || st.Reason != ReasonCancelled {
		t.Errorf("%+v", st)
	}
}

func TestContextFull(t *testing.T) {
	m := loadFile(t, testenv.Model(t), Options{})
	s := newSession(t, m, &SessionOptions{Context: 8})
	_, ids := collect(t, s, "The capital of France is", GenerateOptions{IgnoreEOG: true})
	if len(ids) != 4 || s.Stats().Reason != ReasonContext {
		t.Errorf("%d tokens, %+v", len(ids), s.Stats())
	}
	s.Reset()
	for _, err := range s.GenerateText(context.Background(), strings.Repeat("word ", 50), nil) {
		if !errors.Is(err, ErrContextFull) {
			t.Errorf("long prompt: %v", err)
		}
	}
}

func TestGenerateErrors(t *testing.T) {
	s := newSession(t, tinyModel(t, Options{}), nil)
	for name, seq := range map[string]func(func(Piece, error) bool){
		"text without a tokenizer": s.GenerateText(context.Background(), "Hi", nil),
		"chat without a template":  s.Chat(context.Background(), chat.Conversation{}, nil),
		"empty prompt":             s.Generate(context.Background(), nil, nil),
		"wrong sampling":           s.Generate(context.Background(), []int32{1}, &GenerateOptions{Sampling: &Sampling{TopP: -3}}),
		"wrong token":              s.Generate(context.Background(), []int32{100}, nil),
	} {
		var errs []error
		for _, err := range seq {
			errs = append(errs, err)
		}
		if len(errs) != 1 || errs[0] == nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

// Without a tokenizer tokens still stream.
func TestGenerateTokensOnly(t *testing.T) {
	s := newSession(t, tinyModel(t, Options{}), nil)
	n := 0
	for p, err := range s.Generate(context.Background(), []int32{1, 2, 3}, &GenerateOptions{MaxTokens: 7}) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Token >= 0 {
			n++
		}
	}
	if n != 7 {
		t.Errorf("%d tokens", n)
	}
}
