package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// An evaluation that is cancelled must not touch the one after it: thousands of cancellations at every moment of a
// pass, each followed by an evaluation whose logits are known.
func TestCancellationEndsWithItsEvaluation(t *testing.T) {
	model := gguftest.TinyLlama()
	model.Layers = 6
	m := loadFile(t, model.Build().Write(t), Options{})
	rounds := 3000
	if testing.Short() {
		rounds = 200
	}
	long, short := gguftest.RandomIDs(96, 80), gguftest.RandomIDs(9, 80)
	want := lastLogits(t, newSession(t, m, nil), short)
	s := newSession(t, m, nil)
	start := time.Now()
	lastLogits(t, s, long)
	span := time.Since(start)
	cancelled := 0
	for i := range rounds {
		s.Truncate(0)
		ctx, cancel := context.WithTimeout(t.Context(), span*time.Duration(i%64)/48)
		_, err := s.Eval(ctx, long)
		cancel() // late cancellations come from here
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err != nil {
			cancelled++
		}
		s.Truncate(0)
		ctx, cancel = context.WithCancel(t.Context())
		got, err := s.Eval(ctx, short)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if e := nmse([][]float32{got}, [][]float32{want}); e != 0 {
			t.Fatalf("round %d, after %d cancellations: logits differ by %.2g", i, cancelled, e)
		}
	}
	if cancelled == 0 {
		t.Errorf("none of %d evaluations was cancelled", rounds)
	}
}

// lastLogits evaluates ids and returns a copy of the logits after the last of them.
func lastLogits(t testing.TB, s *Session, ids []int32) []float32 {
	t.Helper()
	l, err := s.Eval(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), l...)
}
