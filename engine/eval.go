package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// Eval appends ids to the session and returns the logits after the last one, [vocab], valid until the session's next
// evaluation. Without ids it evaluates the last token drawn, if Generate left it, and returns the logits after the
// session's tokens: nil after Truncate, whose logits are gone.
//
// ctx ends the evaluation within one layer of a batch (SessionOptions.Batch); finished batches stay in the session.
// Errors: ErrContextFull (nothing was evaluated), ErrToken, ErrBusy, ErrClosed, ctx's, and a file that shrank or
// changed under the map.
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

// EvalAll appends ids and calls fn with the logits after each of them, in order: i is the index in ids. fn must not
// keep the slice; its error ends the evaluation and is returned. Otherwise as Eval.
//
// fn may use the model's other sessions (this one gives ErrBusy), which may also run in other goroutines between two of
// its calls.
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
	return s.evalAll(ctx, ids, fn)
}

// evalAll is EvalAll of ids that were checked.
func (s *Session) evalAll(ctx context.Context, ids []int32, fn func(i int, logits []float32) error) error {
	if err := s.extend(ctx, nil); err != nil {
		return err
	}
	if len(ids) > 0 {
		s.rest = rest{}
	}
	if n := min(len(ids), s.batch) * s.m.net.Spec().Width; len(ids) > 1 && len(s.hidden) < n {
		s.hidden = make([]float32, n)
	}
	for done := 0; done < len(ids); {
		n, err := s.evalEach(ctx, ids[done:], len(ids) > 1, done, fn)
		if err != nil {
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
	prompt := len(s.tokens)-s.seq.Len() > 1
	for s.seq.Len() < len(s.tokens) {
		if _, err := s.pass(ctx, s.tokens[s.seq.Len():], prompt); err != nil {
			s.tokens = s.tokens[:max(before, s.seq.Len())]
			return err
		}
	}
	return nil
}

// pass evaluates some of the tokens that follow those in the cache, in a pass that other sessions may share, and the
// logits after the last of them when the pass gets there. prompt says that they are what is left of several. A pass
// that was over when ctx was done is whole and counts.
func (s *Session) pass(ctx context.Context, ids []int32, prompt bool) (n int, err error) {
	if s.logits == nil {
		s.logits = make([]float32, s.m.net.Vocab())
	}
	s.valid = false
	c := s.client
	c.Seq, c.Tokens, c.Prompt, c.Most, c.Logits, c.Hidden = s.seq, ids, prompt, s.batch, s.logits, nil
	n, err = s.run(ctx)
	s.valid = err == nil && n == len(ids)
	return n, err
}

// run is schedule.Scheduler.Run of what the client has.
func (s *Session) run(ctx context.Context) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := s.alive(); err != nil {
		return 0, err
	}
	c := s.client
	if err := s.m.checkCache(s.seq, min(len(c.Tokens), c.Most)); err != nil {
		return 0, err
	}
	n, err = s.m.passes.Run(ctx, c)
	if err != nil && c.Shared && isFault(err) && s.seq.Restart() == s.seq.Len() { // it may be another's
		c.Alone = true
		n, err = s.m.passes.Run(ctx, c)
		c.Alone = false
	}
	c.Tokens = nil
	return n, s.m.fault(err)
}

func isFault(err error) bool {
	var f *model.Fault
	return errors.As(err, &f)
}

// logitsRows bounds the buffer of EvalAll: so many logits are computed at a time.
const logitsRows = 1 << 21

// evalEach runs one pass over the first of ids and hands the logits after each token to fn, which runs while others may
// have the model. It returns how many there were.
func (s *Session) evalEach(ctx context.Context, ids []int32, prompt bool, base int, fn func(int, []float32) error) (int, error) {
	if !prompt {
		n, err := s.pass(ctx, ids, false)
		if err != nil {
			return 0, err
		}
		s.tokens = append(s.tokens, ids...)
		return n, fn(base, s.logits)
	}
	c := s.client
	c.Seq, c.Tokens, c.Prompt, c.Most, c.Logits, c.Hidden = s.seq, ids, true, s.batch, nil, s.hidden
	s.valid = false
	done, err := s.run(ctx)
	if err != nil {
		return 0, err
	}
	s.tokens = append(s.tokens, ids[:done]...)
	vocab, width := s.m.net.Vocab(), s.m.net.Spec().Width
	step := min(done, max(1, logitsRows/vocab))
	buf := make([]float32, step*vocab)
	for lo := 0; lo < done; lo += step {
		hi := min(lo+step, done)
		if err := s.logitsOf(ctx, buf, s.hidden[lo*width:hi*width], hi-lo); err != nil {
			return 0, err
		}
		for t := lo; t < hi; t++ {
			if err := fn(base+t, buf[(t-lo)*vocab:][:vocab]); err != nil {
				return 0, err
			}
		}
	}
	return done, nil
}

// logitsOf waits for the model and computes the logits of n rows that a pass gave.
func (s *Session) logitsOf(ctx context.Context, dst, hidden []float32, n int) error {
	if err := s.m.lock(ctx); err != nil {
		return err
	}
	defer s.m.unlock()
	return s.m.fault(s.m.net.LogitsOf(dst, hidden, n))
}
