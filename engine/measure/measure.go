// Package measure tells how well a model predicts a text, and how far two models are apart.
package measure

import (
	"context"
	"fmt"
	"math"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Perplexity returns the perplexity of a text: exp of the mean negative log-probability of its tokens. The text is cut
// into windows of the length given, at least 2, each from an empty cache, and every token but a window's first is
// scored. 0 stands for the model's context, at most engine.DefaultContext. Errors are NewSession's and EvalAll's.
func Perplexity(ctx context.Context, m *engine.Model, ids []int32, window int) (float64, error) {
	s, err := m.NewSession(&engine.SessionOptions{Context: window})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if window = s.Context(); window < 2 || len(ids) < 2 {
		return 0, fmt.Errorf("perplexity of %d tokens in windows of %d: at least 2 of each are needed", len(ids), window)
	}
	sum, n, probs := 0.0, 0, logprob.Scratch{}
	for ; len(ids) > 1; ids = ids[min(window, len(ids)):] {
		part := ids[:min(window, len(ids))]
		err := s.EvalAll(ctx, part[:len(part)-1], func(i int, logits []float32) error {
			sum, n = sum-float64(probs.Of(logits, part[i+1])), n+1
			return nil
		})
		if err == nil {
			err = s.Reset()
		}
		if err != nil {
			return 0, err
		}
	}
	return math.Exp(sum / float64(n)), nil
}

// KL returns the Kullback-Leibler divergence KL(p ‖ q) in nats of two distributions given by their logits, which are of
// one length.
func KL(p, q []float32) float64 { return logprob.KL(p, q) }
