package engine

import (
	"math"
	"runtime"
	"strings"
	"testing"
)

// No context, however large, costs memory before tokens come, and none crashes the program.
func TestHugeContexts(t *testing.T) {
	m := tinyModel(t, Options{})
	for _, n := range []int{513, 1 << 20, MaxContext, MaxContext + 1, 1 << 30, 1 << 40, 99999999999999, math.MaxInt} {
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
		if a := generate(t.Context(), s, []int32{1, 2}, GenerateOptions{MaxTokens: 3, Sampling: &Sampling{RepeatPenalty: 1.1, RepeatLastN: -1}}, 0); a.err != nil {
			t.Errorf("context of %d: %v", n, a.err)
		}
	}
}

// A context beyond the trained one, 512 tokens, is reported; others are not.
func TestWarnsBeyondTheTrainedContext(t *testing.T) {
	m := tinyModel(t, Options{})
	for n, want := range map[int]string{0: "", 1: "", 512: "", 513: "513 tokens, but the model was trained for 512", 1 << 20: "1048576 tokens"} {
		got := strings.Join(newSession(t, m, &SessionOptions{Context: n}).Warnings(), "\n")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("context of %d: %q, want %q", n, got, want)
		}
	}
}
