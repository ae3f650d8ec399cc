package engine

import (
	"slices"

	"github.com/latentgo/latentgo/engine/internal/schedule"
)

// Fork returns a session that goes on from here on its own: the same tokens, options and logits, and the cache, which
// the two share until one of them writes, so that many questions on one document hold its cache once (up to 255 tokens
// at its end are copied). What an answer that was left has not streamed yet stays with s. Errors: ErrBusy, ErrClosed,
// ErrLimit.
func (s *Session) Fork() (*Session, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.alive(); err != nil {
		return nil, err
	}
	if err := s.m.admit(); err != nil {
		return nil, err
	}
	f := s.fork()
	f.held = hold(f)
	return f, nil
}

// fork returns a session that does not count as one yet.
func (s *Session) fork() *Session {
	f := &Session{m: s.m, format: s.format, context: s.context, batch: s.batch, drops: s.drops, keep: s.keep, seq: s.seq.Fork(), client: schedule.NewClient()}
	f.tokens = append(make([]int32, 0, cap(s.tokens)), s.tokens...)
	if s.valid {
		f.logits, f.valid = slices.Clone(s.logits), true
	}
	return f
}
