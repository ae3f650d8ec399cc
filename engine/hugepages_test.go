package engine

import (
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/testenv"
)

// Answers are the same before, while and after weights move into huge pages, and a model can be closed meanwhile.
func TestWeightsMoveUnderAnswers(t *testing.T) {
	m, err := Load(testenv.Model(t), &Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	answer := func() string {
		s := newSession(t, m, nil)
		defer s.Close()
		text, _ := collect(t, s, "The capital of France is", GenerateOptions{MaxTokens: 12})
		return text
	}
	want := answer()
	for moving := true; moving; {
		select {
		case <-m.Settled():
			moving = false
		default:
		}
		if got := answer(); got != want {
			t.Fatalf("%q, and %q before", got, want)
		}
	}
	for _, wait := range []time.Duration{0, settleDelay + 5*time.Millisecond} {
		other, err := Load(testenv.Model(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait)
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		<-other.Settled()
	}
}
