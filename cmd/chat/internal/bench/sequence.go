package bench

import (
	"context"
	"math/rand/v2"

	"github.com/viterin/vek/vek32"

	"github.com/latentgo/latentgo/engine"
)

// piece is how many tokens of a depth are evaluated between two reports of progress.
const piece = 512

// sequence is a session whose first tokens are those of a list.
type sequence struct {
	s    *engine.Session
	ids  []int32
	held int      // so many of ids are the session's first tokens
	next [1]int32 // here, so that a step does not allocate
}

// randomIDs are a sequence's tokens, the same in every run, away from the vocabulary's ends where special tokens are.
func randomIDs(n, vocab, sequence int) []int32 {
	r := rand.New(rand.NewPCG(0, uint64(sequence)))
	margin := min(100, vocab/4)
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(margin + r.IntN(vocab-2*margin))
	}
	return ids
}

// fill makes the first n of ids all of the session's tokens, evaluated, and tells report how many were new.
func (q *sequence) fill(ctx context.Context, n int, report func(int)) error {
	q.held = min(q.held, n)
	if err := q.s.Truncate(q.held); err != nil {
		return err
	}
	if _, err := q.s.Eval(ctx, nil); err != nil { // what a step back has to read again
		return err
	}
	for q.held < n {
		m := min(piece, n-q.held)
		if err := q.prompt(ctx, m); err != nil {
			return err
		}
		report(m)
	}
	return nil
}

// prompt evaluates the next n of ids.
func (q *sequence) prompt(ctx context.Context, n int) error {
	_, err := q.s.Eval(ctx, q.ids[q.held:q.held+n])
	if err == nil {
		q.held += n
	}
	return err
}

// steps decodes n tokens greedily, after the next of ids.
func (q *sequence) steps(ctx context.Context, n int) error {
	q.next[0] = q.ids[q.held]
	for range n {
		logits, err := q.s.Eval(ctx, q.next[:])
		if err != nil {
			return err
		}
		q.next[0] = int32(vek32.ArgMax(logits))
	}
	return nil
}
