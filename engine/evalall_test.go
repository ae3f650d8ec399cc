package engine

import (
	"context"
	"errors"
	"testing"
	"time"
)

// The function that EvalAll calls may use the model: it runs without the model's lock.
func TestEvalAllLendsTheModel(t *testing.T) {
	model := tinyLlama()
	model.voc = 20_000 // logits of a batch come in several parts
	m := loadFile(t, model.build().Write(t), Options{})
	ids := randomIDs(300, 80)
	want := allLogits(t, m, ids)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, other := newSession(t, m, nil), newSession(t, m, nil)
	err := s.EvalAll(ctx, ids, func(i int, got []float32) error {
		if e := nmse([][]float32{got}, want[i:i+1]); e != 0 {
			t.Fatalf("token %d: logits differ by %.2g", i, e)
		}
		if i%20 == 0 {
			if _, err := other.Eval(ctx, randomIDs(1+i%40, 80)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Closing the model in the middle is an error, no deadlock.
func TestEvalAllOfAModelThatIsClosed(t *testing.T) {
	m := tinyModel(t, Options{})
	s := newSession(t, m, &SessionOptions{Context: 1024})
	n := 0
	err := s.EvalAll(t.Context(), randomIDs(600, 80), func(int, []float32) error { n++; return m.Close() })
	if !errors.Is(err, ErrClosed) {
		t.Errorf("after %d tokens: %v", n, err)
	}
}
