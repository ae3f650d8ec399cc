package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// answer is what a call streamed.
type answer struct {
	text string
	ids  []int32
	err  error
}

// generate runs one call; it leaves the loop after leave tokens if that is not 0.
func generate(ctx context.Context, s *Session, prompt []int32, opt GenerateOptions, leave int) (a answer) {
	opt.IgnoreEOG = true
	if opt.Sampling == nil {
		opt.Sampling = biased()
	}
	for p, err := range s.Generate(ctx, prompt, &opt) {
		if err != nil {
			a.err = err
			return a
		}
		a.text += p.Text
		if p.Token >= 0 {
			a.ids = append(a.ids, p.Token)
		}
		if leave > 0 && len(a.ids) == leave {
			break
		}
	}
	return a
}

func (a *answer) add(b answer) {
	a.text, a.ids, a.err = a.text+b.text, append(a.ids, b.ids...), errors.Join(a.err, b.err)
}

// biased draws greedily, for a random model of bytes, among a few letters and the bytes of é and €, so that texts hold
// whole and cut characters.
func biased() *Sampling {
	s := &Sampling{LogitBias: map[int32]float64{}, RepeatPenalty: 1.3, RepeatLastN: 4}
	for _, b := range []byte("abc \n\xc3\xa9\xe2\x82\xac") {
		s.LogitBias[int32(b)+3] = 200
	}
	return s
}

var start = []int32{1, 100, 101, 102}

// However an answer is cut into calls, tokens and text are those of one call.
func TestGoingOnIsOneAnswer(t *testing.T) {
	m := byteModel(t, Options{})
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 40}, 0)
	if want.err != nil || len(want.ids) != 40 {
		t.Fatal(want)
	}
	t.Logf("%q", want.text)
	for name, parts := range map[string][]int{
		"10 10 20": {10, 10, 20}, "one by one": slices.Repeat([]int{1}, 40), "39 1": {39, 1}, "left 10 10 20": {-10, -10, 20},
		"left one by one": append(slices.Repeat([]int{-1}, 39), 1), "mixed": {3, -4, 1, -1, 7, 24},
	} {
		held := []string{"\xe9 never", "a b c a b c a b c", want.text[:6] + "!"}
		for stops, stop := range map[string][]string{"": nil, ", held back": held} {
			t.Run(name+stops, func(t *testing.T) {
				s := newSession(t, m, nil)
				var got answer
				prompt := start
				for _, n := range parts {
					got.add(generate(t.Context(), s, prompt, GenerateOptions{MaxTokens: max(n, 0), Stop: stop}, max(-n, 0)))
					prompt = nil
					if !slices.Equal(s.Tokens(), append(slices.Clone(start), got.ids...)) {
						t.Fatalf("the session holds %d tokens, %d were drawn", len(s.Tokens())-len(start), len(got.ids))
					}
				}
				if got.err != nil || !slices.Equal(got.ids, want.ids) || got.text != want.text {
					t.Errorf("got %q %v\n%v, want %q\n%v", got.text, got.err, got.ids, want.text, want.ids)
				}
			})
		}
	}
}

// Stop strings cut a text into parts; nothing between them is lost, wherever token borders lie.
func TestGoingOnAfterStopStrings(t *testing.T) {
	m := byteModel(t, Options{})
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 60}, 0)
	for _, stop := range []string{want.text[3:4], want.text[5:7], want.text[8:11]} {
		s := newSession(t, m, nil)
		prompt, got := start, answer{}
		for len(got.ids) < 60 {
			got.add(generate(t.Context(), s, prompt, GenerateOptions{MaxTokens: 60 - len(got.ids), Stop: []string{stop}}, 0))
			if prompt = nil; s.Stats().Reason == ReasonStop {
				got.text += stop
			}
		}
		if got.err != nil || !slices.Equal(got.ids, want.ids) || got.text != want.text {
			t.Errorf("stop %q: got %q %v, want %q", stop, got.text, got.err, want.text)
		}
	}
}

// Text that is held back goes with the tokens that it belongs to.
func TestForgottenTokensHaveNoText(t *testing.T) {
	m := byteModel(t, Options{})
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 3}, 0)
	s := newSession(t, m, nil)
	held := generate(t.Context(), s, start, GenerateOptions{MaxTokens: 3, Stop: []string{want.text[:1] + "\x01"}}, 1)
	if held.err != nil || held.text != "" || len(held.ids) != 1 {
		t.Fatalf("nothing is held back: %+v", held)
	}
	if err := s.Truncate(len(start)); err != nil {
		t.Fatal(err)
	}
	got := generate(t.Context(), s, nil, GenerateOptions{MaxTokens: 3}, 0)
	if got.err != nil || got.text != want.text {
		t.Errorf("%q, want %q; %v", got.text, want.text, got.err)
	}
}

// A cancelled answer goes on like any other, whether the consumer or a clock cancelled it.
func TestGoingOnAfterCancellation(t *testing.T) {
	m := byteModel(t, Options{})
	want := generate(t.Context(), newSession(t, m, nil), start, GenerateOptions{MaxTokens: 40}, 0)
	s := newSession(t, m, nil)
	var got answer
	for prompt := start; len(got.ids) < 40; prompt = nil {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		opt := &GenerateOptions{Sampling: biased(), IgnoreEOG: true, MaxTokens: 40 - len(got.ids)}
		for p, err := range s.Generate(ctx, prompt, opt) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				break
			}
			got.text += p.Text
			if p.Token >= 0 {
				got.ids = append(got.ids, p.Token)
				n++
			}
			if n == 6 {
				cancel()
			}
		}
		cancel()
	}
	if !slices.Equal(got.ids, want.ids) || got.text != want.text {
		t.Errorf("got %q, want %q", got.text, want.text)
	}
}

func TestGoingOnWithAFullContext(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, &SessionOptions{Context: 8})
	first := generate(t.Context(), s, start, GenerateOptions{}, 0)
	if len(first.ids) != 5 || s.Stats().Reason != ReasonContext || !slices.Equal(s.Tokens()[4:], first.ids) {
		t.Errorf("%d tokens, %+v, session %v", len(first.ids), s.Stats(), s.Tokens())
	}
	if got := generate(t.Context(), s, nil, GenerateOptions{}, 0); !errors.Is(got.err, ErrContextFull) || len(got.ids) > 0 {
		t.Errorf("going on: %+v", got)
	}
	// Back by one, there is room for the token, not for another after it.
	s.Truncate(8)
	if got := generate(t.Context(), s, nil, GenerateOptions{}, 0); got.err != nil || !slices.Equal(got.ids, first.ids[4:]) {
		t.Errorf("after going back by one: %+v, want %d", got, first.ids[4])
	}
}

// Eval and EvalAll after an answer see all of its tokens.
func TestEvalAfterAnAnswer(t *testing.T) {
	m := byteModel(t, Options{})
	s := newSession(t, m, nil)
	a := generate(t.Context(), s, start, GenerateOptions{MaxTokens: 10}, 0)
	text := append(slices.Clone(start), a.ids...)
	want := allLogits(t, m, append(text, 7, 8))
	got := lastLogits(t, s, nil)
	if e := nmse([][]float32{got}, want[13:14]); !(e < 1e-3) {
		t.Errorf("logits after the answer differ by %.2g", e)
	}
	generate(t.Context(), s, text, GenerateOptions{MaxTokens: 1}, 0)
	s.Truncate(len(text))
	if err := s.EvalAll(t.Context(), []int32{7, 8}, func(i int, got []float32) error {
		if e := nmse([][]float32{got}, want[14+i:15+i]); !(e < 1e-3) {
			t.Errorf("token %d after the answer: logits differ by %.2g", i, e)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if !slices.Equal(s.Tokens(), append(text, 7, 8)) {
		t.Errorf("session holds %v", s.Tokens())
	}
}

// A compressed model, whose sessions keep only the newest tokens as they are, goes on like any other, also by
// evaluating again what was forgotten.
func TestGoingOnCompressed(t *testing.T) {
	m := compressedModel(t)
	prompt := gguftest.RandomIDs(100, 80)
	opt := func(n int) GenerateOptions { return GenerateOptions{MaxTokens: n, Sampling: &Sampling{}} }
	want := generate(t.Context(), newSession(t, m, nil), prompt, opt(90), 0)
	s := newSession(t, m, nil)
	got := generate(t.Context(), s, prompt, opt(50), 0)
	got.add(generate(t.Context(), s, nil, opt(10), 7))
	got.add(generate(t.Context(), s, nil, opt(33), 0))
	if got.err != nil || !slices.Equal(got.ids, want.ids) {
		t.Errorf("drew %v, %v, want %v", got.ids, got.err, want.ids)
	}
	if err := s.Truncate(len(prompt) + 40); err != nil { // further back than it remembers
		t.Fatal(err)
	}
	all := append(slices.Clone(prompt), want.ids...)
	if e := nmse([][]float32{lastLogits(t, s, all[140:150])}, allLogits(t, m, all[:150])[149:]); !(e < 1e-5) {
		t.Errorf("logits after going back differ by %.2g", e)
	}
}
