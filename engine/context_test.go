package engine

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// No context, however large, costs memory before tokens come, and none crashes the program.
func TestHugeContexts(t *testing.T) {
	m := tinyModel(t, Options{})
	for _, n := range []int{513, 1 << 20, MaxContext, MaxContext + 1, 1 << 30, math.MaxInt32, math.MaxInt / 3, math.MaxInt} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := m.NewSession(&SessionOptions{Context: n})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<18 {
			t.Errorf("context of %d: NewSession took %d bytes", n, got)
		}
		if n > MaxContext {
			if err == nil || !strings.Contains(err.Error(), "at most 16777216") {
				t.Errorf("context of %d: %v", n, err)
			}
			continue
		}
		if err != nil || s.Context() != n {
			t.Fatalf("context of %d: %v", n, err)
		}
		opt := GenerateOptions{MaxTokens: 3, Sampling: &Sampling{RepeatPenalty: 1.1, RepeatLastN: -1}}
		if a := generate(t.Context(), s, []int32{1, 2}, opt, 0); a.err != nil {
			t.Errorf("context of %d: %v", n, a.err)
		}
	}
}

// A context beyond the trained one, 512 tokens, is reported; others are not.
func TestWarnsBeyondTheTrainedContext(t *testing.T) {
	m := tinyModel(t, Options{})
	for n, want := range map[int]string{
		0: "", 1: "", 512: "", 513: "513 tokens, but the model was trained for 512", 1 << 20: "1048576 tokens",
	} {
		got := strings.Join(newSession(t, m, &SessionOptions{Context: n}).Warnings(), "\n")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("context of %d: %q, want %q", n, got, want)
		}
	}
}

// With DropMiddle an answer goes on beyond the context: the prefix stays, the newer half follows, and the model sees
// just that.
func TestDropMiddle(t *testing.T) {
	for name, m := range map[string]*Model{"exact": tinyModel(t, Options{}), "compressed": compressedModel(t)} {
		s := newSession(t, m, &SessionOptions{Context: 64, DropMiddle: true, Keep: 8})
		prompt := gguftest.RandomIDs(40, 80)
		text, dropped := slices.Clone(prompt), 0
		opt := &GenerateOptions{MaxTokens: 200, IgnoreEOG: true, Sampling: &Sampling{}}
		for p, err := range s.Generate(t.Context(), prompt, opt) {
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 64 {
				dropped += (len(text) - 8 + 1) / 2
				text = slices.Delete(text, 8, 8+(len(text)-8+1)/2)
				want := lastLogits(t, newSession(t, m, nil), text)
				if best := slices.Index(want, slices.Max(want)); p.Token != int32(best) {
					t.Errorf("%s: %d after the middle was dropped, want %d", name, p.Token, best)
				}
			}
			if text = append(text, p.Token); !slices.Equal(s.Tokens(), text) {
				t.Fatalf("%s: %d tokens, want %d", name, len(s.Tokens()), len(text))
			}
		}
		if st := s.Stats(); st.Tokens != 200 || st.Reason != ReasonMaxTokens || st.Dropped != dropped || dropped == 0 {
			t.Errorf("%s: %+v, want %d dropped", name, st, dropped)
		}
	}
	for _, o := range []SessionOptions{{Keep: 3}, {Keep: -1, DropMiddle: true}, {Context: 8, Keep: 8, DropMiddle: true}} {
		if _, err := tinyModel(t, Options{}).NewSession(&o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
