package engine

import (
	"context"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// drawTokens generates n tokens with a random model.
func drawTokens(t *testing.T, s *Session, p Sampling, n int) (ids []int32) {
	t.Helper()
	for p, err := range s.Generate(context.Background(), []int32{3}, &GenerateOptions{MaxTokens: n, Sampling: &p}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.Token)
	}
	return ids
}

// TestSamplingByTemperature: a Sampling with nothing but a temperature draws, from a new seed each time, and Stats
// tells it.
func TestSamplingByTemperature(t *testing.T) {
	s := newSession(t, loadFile(t, gguftest.TinyLlama().Build().Write(t), Options{}), nil)
	greedy := drawTokens(t, s, Sampling{}, 30)
	first := drawTokens(t, s, Sampling{Temperature: 0.8}, 30)
	seed := s.Stats().Seed
	if slices.Equal(first, greedy) {
		t.Error("the draw is greedy")
	}
	if slices.Equal(drawTokens(t, s, Sampling{Temperature: 0.8}, 30), first) {
		t.Error("two answers without a seed are equal")
	}
	if seed <= 0 || !slices.Equal(drawTokens(t, s, Sampling{Temperature: 0.8, Seed: seed}, 30), first) {
		t.Errorf("seed %d does not repeat the answer", seed)
	}
	if slices.Equal(drawTokens(t, s, Sampling{Temperature: 0.8, Seed: 1}, 30), drawTokens(t, s, Sampling{Temperature: 0.8, Seed: 2}, 30)) {
		t.Error("two seeds give one answer")
	}
}
