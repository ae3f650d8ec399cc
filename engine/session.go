package engine

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/latentgo/latentgo/internal/attention"
)

// Session is one conversation: its tokens and their cached keys and values. For one goroutine at a time.
type Session struct {
	m       *Model
	context int
	format  attention.Format
	stores  []*attention.Store
	tokens  []int32
	marked  int       // where the last prompt ended: the stores can go back there
	logits  []float32 // after the last token; valid is false when they are not
	valid   bool
	stats   Stats
	closed  bool

	pass   pass // reused, so that a step does not allocate
	out    logitsPass
	cancel atomic.Bool
}

// NewSession makes an empty session; nil options are the defaults. It fails with ErrNoWeights for a vocabulary.
func (m *Model) NewSession(opt *SessionOptions) (*Session, error) {
	if m.h == nil {
		return nil, fmt.Errorf("%s: %w", m.file.Name(), ErrNoWeights)
	}
	if opt == nil {
		opt = &SessionOptions{}
	}
	n := opt.Context
	if n < 0 {
		return nil, fmt.Errorf("context of %d tokens: must not be negative", n)
	}
	if n == 0 {
		n = min(m.h.context, DefaultContext)
	}
	format, err := opt.Cache.format()
	if err != nil {
		return nil, err
	}
	s := &Session{m: m, format: format, context: n, stores: make([]*attention.Store, m.h.layers), tokens: make([]int32, 0, n)}
	for i := range s.stores {
		s.stores[i] = attention.NewStore(m.w.layers[i].attn, format)
	}
	return s, nil
}

// Close releases the cache. Closing twice is allowed.
func (s *Session) Close() error {
	s.closed, s.stores, s.tokens, s.valid = true, nil, nil, false
	return nil
}

// Reset empties the session; its memory is kept for the next tokens.
func (s *Session) Reset() { s.Truncate(0) }

// Tokens returns the ids in the cache; the slice is valid until the next call that changes the session.
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
	for i := range s.m.w.layers {
		n += s.m.w.layers[i].attn.RowBytes(s.format)
	}
	return n
}

// Truncate forgets all tokens from position n on. n beyond the end changes nothing. A session of a compressed model can go back by 32
// tokens, and to the end of the last prompt (Eval with several tokens); after other steps back the next evaluation reads again what
// is left.
func (s *Session) Truncate(n int) {
	if n < len(s.tokens) {
		s.tokens = s.tokens[:max(n, 0)]
		s.valid, s.marked = false, min(s.marked, len(s.tokens))
		for _, st := range s.stores {
			st.Truncate(len(s.tokens))
		}
	}
}

// Stats describes the last Generate or Chat.
func (s *Session) Stats() Stats { return s.stats }

// Eval appends ids to the session and returns the logits after the last one, [vocab], valid until the session's next
// evaluation. Without ids it returns the last logits again, nil after a change.
//
// ctx ends the evaluation within one layer of a batch of at most 512 tokens; finished batches stay in the session. Errors:
// ErrContextFull (nothing was evaluated), ErrToken, ErrClosed, ctx's, and a file that shrank or changed under the map.
func (s *Session) Eval(ctx context.Context, ids []int32) ([]float32, error) {
	if err := s.check(ids); err != nil {
		return nil, err
	}
	if err := s.reread(ctx); err != nil {
		return nil, err
	}
	prompt := len(ids) > 1
	for len(ids) > 0 {
		n := min(len(ids), s.m.run.batch)
		if err := s.evalBatch(ctx, ids[:n], n == len(ids)); err != nil {
			return nil, err
		}
		ids = ids[n:]
	}
	if prompt {
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
func (s *Session) EvalAll(ctx context.Context, ids []int32, fn func(i int, logits []float32) error) error {
	if err := s.check(ids); err != nil {
		return err
	}
	if err := s.reread(ctx); err != nil {
		return err
	}
	for done := 0; done < len(ids); {
		n := min(len(ids)-done, s.m.run.batch)
		if err := s.evalEach(ctx, ids[done:done+n], done, fn); err != nil {
			return err
		}
		done += n
	}
	return nil
}

// check tells what is wrong with evaluating ids now.
func (s *Session) check(ids []int32) error {
	if s.closed {
		return fmt.Errorf("session: %w", ErrClosed)
	}
	if n := len(s.tokens) + len(ids); n > s.context {
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
func (s *Session) every(f func(st *attention.Store) bool) bool {
	return !slices.ContainsFunc(s.stores, func(st *attention.Store) bool { return !f(st) })
}

// covered reports whether another token can follow. Compressed layers keep near tokens as they are for a while only, see attention.RecentWindow.
func (s *Session) covered() bool {
	return s.every(func(st *attention.Store) bool { return st.Covers(len(s.tokens)) })
}

// restart returns from where on the session's tokens have to be evaluated again before another can follow, their number for nowhere.
func (s *Session) restart() int {
	if s.covered() {
		return len(s.tokens)
	}
	at := min(len(s.tokens), s.marked)
	if at > 0 && s.every(func(st *attention.Store) bool { return st.Marked(at) }) {
		return at
	}
	return 0
}

// reread evaluates tokens again where that has to be.
func (s *Session) reread(ctx context.Context) error {
	if s.covered() {
		return nil
	}
	all, at := s.tokens, s.restart()
	if at > 0 {
		for _, st := range s.stores {
			st.Restore(at)
		}
	}
	defer func() { s.tokens = all }()
	for s.tokens = all[:at]; at < len(all); {
		n := min(len(all)-at, s.m.run.batch)
		if err := s.evalBatch(ctx, all[at:at+n], false); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// evalBatch runs one pass, and computes the logits after the last token when they are wanted.
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
		if err := s.runLogits(len(ids)-1, len(ids), s.logits); err != nil {
			return err
		}
		s.valid = true
	}
	s.tokens = append(s.tokens, ids...)
	return nil
}

// logitsRows bounds the buffer of EvalAll: so many logits are computed at a time.
const logitsRows = 1 << 21

// evalEach runs one pass and hands the logits after each token to fn.
func (s *Session) evalEach(ctx context.Context, ids []int32, base int, fn func(int, []float32) error) error {
	if err := s.begin(ctx, ids); err != nil {
		return err
	}
	defer s.m.unlock()
	s.valid = false
	if err := s.runPass(ctx); err != nil {
		return err
	}
	s.tokens = append(s.tokens, ids...)
	vocab := s.m.w.output.Rows
	step := min(len(ids), max(1, logitsRows/vocab))
	buf := make([]float32, step*vocab)
	for lo := 0; lo < len(ids); lo += step {
		hi := min(lo+step, len(ids))
		if err := s.runLogits(lo, hi, buf); err != nil {
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

// begin waits for the model and makes room for ids; on success the caller has the model's turn.
func (s *Session) begin(ctx context.Context, ids []int32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.m.lock(ctx); err != nil {
		return err
	}
	for _, st := range s.stores {
		st.Grow(len(s.tokens) + len(ids))
	}
	s.pass = pass{runner: s.m.run, ids: ids, pos: len(s.tokens), stores: s.stores}
	return nil
}

// runPass runs the prepared pass; ctx ends it after a layer. The session's tokens do not change.
func (s *Session) runPass(ctx context.Context) error {
	s.cancel.Store(false)
	if ctx.Done() != nil && !s.pass.single() {
		stop := context.AfterFunc(ctx, func() { s.cancel.Store(true) })
		defer stop()
	}
	s.pass.prepare()
	var err error
	if r := s.m.run.pool.Run(&s.pass, &s.cancel); r != nil {
		err = s.m.fault(r)
	} else if err = ctx.Err(); err == nil {
		return nil
	}
	for _, st := range s.stores {
		st.Forget()
	}
	return err
}

// runLogits computes the logits after tokens lo … hi-1 of the pass.
func (s *Session) runLogits(lo, hi int, dst []float32) error {
	s.out = logitsPass{p: &s.pass, lo: lo, hi: hi, dst: dst}
	if r := s.m.run.pool.Run(&s.out, nil); r != nil {
		return s.m.fault(r)
	}
	return nil
}
