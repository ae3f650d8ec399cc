package engine

import (
	"context"
	"fmt"

	"github.com/latentgo/latentgo/internal/lists"
	"github.com/latentgo/latentgo/internal/logprob"
)

// Score is how probable the model finds a continuation.
type Score struct {
	// LogProb is the natural logarithm of the probability of the whole continuation, the sum of Tokens.
	LogProb float64
	// Tokens are the logarithms for each of its tokens, given those before.
	Tokens []float32
}

// scoredAtOnce is how many continuations are evaluated together: a pass reads the weights once for all of them, and
// each takes the memory of a few cached tokens and of logits.
const scoredAtOnce = 16

// Score returns how probable each of the continuations is after prefix, in their order, for classification: the label
// with the highest LogProb, divided by its number of tokens where labels have unequal lengths. The prefix is evaluated
// once, or not at all where the session's tokens begin with it, and is what the session holds afterwards; an empty one
// stands for the session's tokens. The continuations are evaluated in passes that they share.
//
// Errors: what Eval returns, ErrContextFull for a continuation that has no room, and an error for an empty one.
func (s *Session) Score(ctx context.Context, prefix []int32, continuations [][]int32) ([]Score, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	ctx = orBackground(ctx)
	g := &generation{s: s}
	if len(prefix) == 0 {
		prefix = append(prefix, s.tokens...)
	}
	if err := s.checkAfter(0, prefix); err != nil {
		return nil, err
	}
	for i, c := range continuations {
		if len(c) == 0 {
			return nil, fmt.Errorf("continuation %d is empty", i)
		}
		if err := s.checkAfter(len(prefix), c); err != nil {
			return nil, fmt.Errorf("continuation %d: %w", i, err)
		}
	}
	logits, err := g.evalPrefix(ctx, prefix)
	if err != nil {
		return nil, err
	}
	sum := s.probs.Sum(logits)
	scores := make([]Score, len(continuations))
	for i, c := range continuations {
		scores[i].add(float32(float64(logits[c[0]]) - sum))
	}
	return scores, s.scoreRest(ctx, continuations, scores)
}

func (x *Score) add(p float32) {
	x.Tokens = append(x.Tokens, p)
	x.LogProb += float64(p)
}

// evalPrefix brings the session to a text and returns the logits after it.
func (g *generation) evalPrefix(ctx context.Context, prefix []int32) ([]float32, error) {
	if len(prefix) == 0 {
		return nil, errNoPrompt
	}
	g.s.rest = rest{}
	return g.evalText(ctx, prefix)
}

// scoreRest scores all tokens but the first of continuations, several of them at the same time, each in a fork.
func (s *Session) scoreRest(ctx context.Context, continuations [][]int32, scores []Score) error {
	return lists.Each(scoredAtOnce, len(continuations), func(i int) error {
		if c := continuations[i]; len(c) > 1 {
			return s.scoreFork(ctx, c, &scores[i])
		}
		return nil
	})
}

// scoreFork scores a continuation's tokens from the second on.
func (s *Session) scoreFork(ctx context.Context, c []int32, score *Score) error {
	f := s.fork()
	f.held = &held{m: f.m, seq: f.seq}
	defer f.Close()
	return f.evalAll(ctx, c[:len(c)-1], func(i int, logits []float32) error {
		score.add(f.probs.Of(logits, c[i+1]))
		return nil
	})
}

// topLogProbs returns the n most probable tokens.
func (s *Session) topLogProbs(logits []float32, n int) []TokenProb {
	if n == 0 {
		return nil
	}
	var top []TokenProb
	sum := s.probs.Sum(logits)
	for _, id := range logprob.Top(logits, n) {
		top = append(top, TokenProb{id, float32(float64(logits[id]) - sum)})
	}
	return top
}
