package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// Eval appends ids to the session and returns the logits after the last one, [vocab], valid until the session's next
// evaluation. Without ids it evaluates the last token drawn, if Generate left it, and returns the logits after the
// session's tokens: nil after Truncate, whose logits are gone.
//
// ctx ends the evaluation within one layer of a batch (SessionOptions.Batch); finished batches stay in the session. Errors:
// ErrContextFull (nothing was evaluated), ErrToken, ErrBusy, ErrClosed, ctx's, and a file that shrank or changed under the map.
func (s *Session) Eval(ctx context.Context, ids []int32) ([]float32, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	ctx = orBackground(ctx)
	if err := s.check(ids); err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		s.rest = rest{}
	}
	return s.eval(ctx, ids)
}

// eval is Eval of ids that were checked, in the middle of an answer or not.
func (s *Session) eval(ctx context.Context, ids []int32) ([]float32, error) {
	if err := s.extend(ctx, ids); err != nil {
		return nil, err
	}
	if len(ids) > 1 {
		s.seq.Mark()
	}
	if !s.valid {
		return nil, nil
	}
	return s.logits, nil
}

// EvalAll appends ids and calls fn with the logits after each of them, in order: i is the index in ids. fn must not keep
// the slice; its error ends the evaluation and is returned. Otherwise as Eval.
//
// fn may use the model's other sessions (this one gives ErrBusy), which may also run in other goroutines between two of its calls.
func (s *Session) EvalAll(ctx context.Context, ids []int32, fn func(i int, logits []float32) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	ctx = orBackground(ctx)
	if fn == nil {
		return errors.New("no function to call with the logits")
	}
	if err := s.check(ids); err != nil {
		return err
	}
	if err := s.extend(ctx, nil); err != nil {
		return err
	}
	if len(ids) > 0 {
		s.rest = rest{}
	}
	for done := 0; done < len(ids); {
		n := min(len(ids)-done, s.batch)
		if err := s.evalEach(ctx, ids[done:done+n], done, fn); err != nil {
			return err
		}
		done += n
	}
	return nil
}

// check tells what is wrong with evaluating ids after the session's tokens.
func (s *Session) check(ids []int32) error { return s.checkAfter(len(s.tokens), ids) }

// checkAfter tells what is wrong with evaluating ids after the first n of the session's tokens.
func (s *Session) checkAfter(n int, ids []int32) error {
	if err := s.alive(); err != nil {
		return err
	}
	if n += len(ids); n > s.context {
		return fmt.Errorf("%d tokens in a context of %d: %w", n, s.context, ErrContextFull)
	}
	vocab := s.m.net.Vocab()
	for i, id := range ids {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("token %d is %d, the vocabulary has %d: %w", i, id, vocab, ErrToken)
		}
	}
	return nil
}

// extend appends ids and evaluates all tokens that the cache lacks. After an error those of ids whose batches were not
// finished are gone again.
func (s *Session) extend(ctx context.Context, ids []int32) error {
	before := len(s.tokens)
	s.tokens = append(s.tokens, ids...)
	if s.seq.Len() < len(s.tokens) {
		s.seq.Restore()
	}
	for s.seq.Len() < len(s.tokens) {
		todo := s.tokens[s.seq.Len():]
		n := min(len(todo), s.batch)
		if err := s.evalBatch(ctx, todo[:n], n == len(todo)); err != nil {
			s.tokens = s.tokens[:max(before, s.seq.Len())]
			return err
		}
	}
	return nil
}

// evalBatch runs one pass over the first tokens that are not cached, and computes the logits after the last when they are
// wanted.
func (s *Session) evalBatch(ctx context.Context, ids []int32, want bool) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.m.unlock()
	s.valid = false
	if s.logits == nil {
		s.logits = make([]float32, s.m.net.Vocab())
	}
	if err := s.pass(ctx, ids); err != nil {
		return err
	}
	if want {
		if err := s.m.net.Logits(s.logits, len(ids)-1, 1); err != nil {
			return s.m.fault(err)
		}
		s.valid = true
	}
	return nil
}

// logitsRows bounds the buffer of EvalAll: so many logits are computed at a time.
const logitsRows = 1 << 21

// evalEach runs one pass and hands the logits after each token to fn, which runs while others may have the model.
func (s *Session) evalEach(ctx context.Context, ids []int32, base int, fn func(int, []float32) error) error {
	hidden, err := s.evalHidden(ctx, ids)
	if err != nil {
		return err
	}
	vocab, width := s.m.net.Vocab(), len(hidden)/len(ids)
	step := min(len(ids), max(1, logitsRows/vocab))
	buf := make([]float32, step*vocab)
	for lo := 0; lo < len(ids); lo += step {
		hi := min(lo+step, len(ids))
		if err := s.logitsOf(ctx, buf, hidden[lo*width:hi*width], hi-lo); err != nil {
			return err
		}
		for t := lo; t < hi; t++ {
			if err := fn(base+t, buf[(t-lo)*vocab:][:vocab]); err != nil {
				return err
			}
		}
	}
	return nil
}

// evalHidden runs one pass and returns what logits are made of, [len(ids), width].
func (s *Session) evalHidden(ctx context.Context, ids []int32) ([]float32, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.m.unlock()
	s.valid = false
	if err := s.pass(ctx, ids); err != nil {
		return nil, err
	}
	s.tokens = append(s.tokens, ids...)
	hidden := make([]float32, len(ids)*s.m.net.Spec().Width)
	s.m.net.Hidden(hidden, 0, len(ids))
	return hidden, nil
}

// logitsOf waits for the model and computes the logits of n rows that evalHidden gave.
func (s *Session) logitsOf(ctx context.Context, dst, hidden []float32, n int) error {
	if err := s.m.lock(ctx); err != nil {
		return err
	}
	defer s.m.unlock()
	return s.m.fault(s.m.net.LogitsOf(dst, hidden, n))
}

// begin waits for the model; on success the caller unlocks it.
func (s *Session) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.alive(); err != nil {
		return err
	}
	return s.m.lock(ctx)
}

// pass evaluates ids behind what is cached; ctx ends it after a layer. A pass that was over when ctx was done is whole and
// counts.
func (s *Session) pass(ctx context.Context, ids []int32) error {
	var cancel *atomic.Bool
	if ctx.Done() != nil && len(ids) > 1 {
		// Each pass has a flag of its own: the AfterFunc of a cancelled one may still be about to set its flag when the next
		// pass runs.
		cancel = new(atomic.Bool)
		defer context.AfterFunc(ctx, func() { cancel.Store(true) })()
	}
	s.rows[0] = model.Rows{Seq: s.seq, Tokens: ids}
	err := s.m.net.Run(s.rows[:], cancel)
	s.rows[0].Tokens = nil
	if errors.Is(err, model.ErrCancelled) {
		return ctx.Err()
	}
	return s.m.fault(err)
}
