package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/latentgo/latentgo/attn"
)

// Session is one conversation: its tokens and their cached keys and values. It serves one call at a time: a second one gets
// ErrBusy, be it from another goroutine or from within the loop over an answer. Tokens, Stats and the other getters may be
// called from within that loop, Close at any time.
type Session struct {
	m       *Model
	context int
	batch   int // most tokens of a pass
	format  attn.Format
	stores  []*attn.Store
	tokens  []int32   // the text so far
	cached  int       // how many of them are evaluated; the others, such as the last one drawn, come first in the next evaluation
	marked  int       // where the last prompt ended: the stores can go back there
	logits  []float32 // after the cached tokens; valid is false when they are not
	valid   bool
	rest    rest      // of the last answer
	exps    []float32 // scratch of logProb
	stats   Stats
	use     inUse

	pass pass // reused, so that a step does not allocate
	out  logitsPass
}

// NewSession makes an empty session; nil options are the defaults. It fails with ErrNoWeights for a vocabulary, with
// ErrClosed after Close. Where an option can be served but may disappoint, Session.Warnings says so.
func (m *Model) NewSession(opt *SessionOptions) (*Session, error) {
	if err := m.alive(); err != nil {
		return nil, err
	}
	if m.h == nil {
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoWeights)
	}
	if opt == nil {
		opt = &SessionOptions{}
	}
	n, err := opt.context(m.h.context)
	if err != nil {
		return nil, err
	}
	format, err := opt.Cache.format()
	if err != nil {
		return nil, err
	}
	if opt.Batch < 0 {
		return nil, fmt.Errorf("batch of %d tokens: must not be negative", opt.Batch)
	}
	s := &Session{m: m, format: format, context: n, batch: m.run.batch, stores: make([]*attn.Store, m.h.layers)}
	if opt.Batch > 0 {
		s.batch = min(s.batch, opt.Batch)
	}
	s.tokens = make([]int32, 0, min(n, DefaultContext))
	for i := range s.stores {
		s.stores[i] = attn.NewStore(m.w.layers[i].attn, format)
	}
	return s, nil
}

// Warnings tells in plain sentences which options of the session may disappoint; nil when there is nothing to tell. Today
// that is a context beyond the one that the model was trained for.
func (s *Session) Warnings() []string {
	if s.m == nil {
		return nil
	}
	if trained := s.m.h.context; s.context > trained {
		return []string{fmt.Sprintf("a context of %d tokens, but the model was trained for %d: what comes beyond may make no sense",
			s.context, trained)}
	}
	return nil
}

// Reset empties the session; its memory is kept for the next tokens. Errors are Truncate's.
func (s *Session) Reset() error { return s.Truncate(0) }

// Tokens returns the ids of the text so far: what was evaluated, and the last token drawn, which is evaluated with what
// follows. When an answer has filled the context, its last token is one more than the context holds. The slice is valid
// until the next call that changes the session.
func (s *Session) Tokens() []int32 { return s.tokens }

// Context returns the largest number of tokens the session can hold.
func (s *Session) Context() int { return s.context }

// CacheBytes returns the memory that the session's cache holds now.
func (s *Session) CacheBytes() int {
	n := 0
	for _, st := range s.stores {
		n += st.Bytes()
	}
	return n
}

// TokenBytes returns how many bytes the session caches per token, all layers together.
func (s *Session) TokenBytes() int {
	n := 0
	if s.m == nil {
		return 0
	}
	for i := range s.m.w.layers {
		n += s.m.w.layers[i].attn.RowBytes(s.format)
	}
	return n
}

// Truncate forgets all tokens from position n on. n beyond the end changes nothing. A session of a compressed model can go
// back by 32 tokens, and to the end of the last prompt (Eval with several tokens); after other steps back the next
// evaluation reads again what is left. Errors are ErrBusy and ErrClosed.
func (s *Session) Truncate(n int) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if n < len(s.tokens) {
		s.rest = rest{}
	}
	s.truncate(n)
	return nil
}

// truncate is Truncate in the middle of an answer: it keeps the text that is held back.
func (s *Session) truncate(n int) {
	n = max(n, 0)
	if n >= len(s.tokens) {
		return
	}
	s.tokens = s.tokens[:n]
	if n >= s.cached {
		return
	}
	s.cached, s.valid, s.marked = n, false, min(s.marked, n)
	for _, st := range s.stores {
		st.Truncate(n)
	}
}

// Stats describes the last Generate or Chat.
func (s *Session) Stats() Stats { return s.stats }

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
		s.marked = len(s.tokens)
		for _, st := range s.stores {
			st.Mark(s.marked)
		}
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
	vocab := s.m.w.embed.Rows
	for i, id := range ids {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("token %d is %d, the vocabulary has %d: %w", i, id, vocab, ErrToken)
		}
	}
	return nil
}

// every reports whether something holds for all stores.
func (s *Session) every(f func(st *attn.Store) bool) bool {
	return !slices.ContainsFunc(s.stores, func(st *attn.Store) bool { return !f(st) })
}

// covered reports whether another token can follow. Compressed layers keep near tokens as they are for a while only, see attn.Reach.
func (s *Session) covered() bool {
	return s.every(func(st *attn.Store) bool { return st.Covers(s.cached) })
}

// restart returns from where on cached tokens have to be evaluated again before another can follow, their number for nowhere.
func (s *Session) restart() int {
	if s.covered() {
		return s.cached
	}
	at := min(s.cached, s.marked)
	if at > 0 && s.every(func(st *attn.Store) bool { return st.Marked(at) }) {
		return at
	}
	return 0
}

// extend appends ids and evaluates all tokens that the cache lacks. After an error those of ids whose batches were not
// finished are gone again.
func (s *Session) extend(ctx context.Context, ids []int32) error {
	before := len(s.tokens)
	s.tokens = append(s.tokens, ids...)
	if s.cached < len(s.tokens) && !s.covered() {
		s.stepBack(s.restart())
	}
	for s.cached < len(s.tokens) {
		todo := s.tokens[s.cached:]
		n := min(len(todo), s.batch)
		if err := s.evalBatch(ctx, todo[:n], n == len(todo)); err != nil {
			s.tokens = s.tokens[:max(before, s.cached)]
			return err
		}
	}
	return nil
}

// stepBack makes the next evaluation start at position at, which restart gave, in stores that do not cover the cached tokens.
func (s *Session) stepBack(at int) {
	if at > 0 {
		for _, st := range s.stores {
			st.Return(at)
		}
	}
	s.cached = at
}

// evalBatch runs one pass over the first tokens that are not cached, and computes the logits after the last when they are
// wanted.
func (s *Session) evalBatch(ctx context.Context, ids []int32, want bool) error {
	if err := s.begin(ctx, ids); err != nil {
		return err
	}
	defer s.m.unlock()
	s.valid = false
	if s.logits == nil {
		s.logits = make([]float32, s.m.w.output.Rows)
	}
	if err := s.runPass(ctx); err != nil {
		return err
	}
	if want {
		if err := s.runLogits(s.pass.rows(len(ids)-1, len(ids)), s.logits); err != nil {
			return err
		}
		s.valid = true
	}
	s.cached += len(ids)
	return nil
}

// logitsRows bounds the buffer of EvalAll: so many logits are computed at a time.
const logitsRows = 1 << 21

// evalEach runs one pass and hands the logits after each token to fn, which runs while others may have the model.
func (s *Session) evalEach(ctx context.Context, ids []int32, base int, fn func(int, []float32) error) error {
	rows, err := s.evalRows(ctx, ids)
	if err != nil {
		return err
	}
	vocab, embed := s.m.w.output.Rows, len(rows)/len(ids)
	step := min(len(ids), max(1, logitsRows/vocab))
	buf := make([]float32, step*vocab)
	for lo := 0; lo < len(ids); lo += step {
		hi := min(lo+step, len(ids))
		if err := s.logitsOf(ctx, rows[lo*embed:hi*embed], buf); err != nil {
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

// evalRows runs one pass and returns a copy of the normed rows that logits are made of, [len(ids), width].
func (s *Session) evalRows(ctx context.Context, ids []int32) ([]float32, error) {
	if err := s.begin(ctx, ids); err != nil {
		return nil, err
	}
	defer s.m.unlock()
	s.valid = false
	if err := s.runPass(ctx); err != nil {
		return nil, err
	}
	s.tokens = append(s.tokens, ids...)
	s.cached = len(s.tokens)
	return append([]float32(nil), s.pass.rows(0, len(ids))...), nil
}

// logitsOf waits for the model and computes the logits of rows that evalRows gave.
func (s *Session) logitsOf(ctx context.Context, rows, dst []float32) error {
	if err := s.m.lock(ctx); err != nil {
		return err
	}
	defer s.m.unlock()
	return s.runLogits(rows, dst)
}

// begin waits for the model and makes room for ids; on success the caller has the model's turn.
func (s *Session) begin(ctx context.Context, ids []int32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.alive(); err != nil {
		return err
	}
	if err := s.m.lock(ctx); err != nil {
		return err
	}
	for _, st := range s.stores {
		st.Grow(s.cached + len(ids))
	}
	s.pass = pass{runner: s.m.run, ids: ids, pos: s.cached, stores: s.stores}
	return nil
}

// runPass runs the prepared pass; ctx ends it after a layer. The session's tokens do not change. A pass that was over when
// ctx was done is whole and counts.
func (s *Session) runPass(ctx context.Context) error {
	var cancel *atomic.Bool
	if ctx.Done() != nil && !s.pass.single() {
		// Each pass has a flag of its own: the AfterFunc of a cancelled one may still be about to set its flag when the next
		// pass runs.
		cancel = new(atomic.Bool)
		defer context.AfterFunc(ctx, func() { cancel.Store(true) })()
	}
	s.pass.prepare()
	var err error
	if r := s.m.run.pool.Run(&s.pass, cancel); r != nil {
		err = s.m.fault(r)
	} else if cancel != nil && cancel.Load() {
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	for _, st := range s.stores {
		st.Forget()
	}
	return err
}

// runLogits computes the logits of normed rows. The caller has the model.
func (s *Session) runLogits(rows, dst []float32) error {
	s.out = logitsPass{p: &s.pass, rows: rows, dst: dst}
	if r := s.m.run.pool.Run(&s.out, nil); r != nil {
		return s.m.fault(r)
	}
	return nil
}
