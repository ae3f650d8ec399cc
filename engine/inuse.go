package engine

import (
	"fmt"
	"sync"

	"github.com/latentgo/latentgo/engine/internal/logprob"
)

// inUse lets one call at a time have a session. Closing waits for none: the call that has the session is told at its
// next step, and what the session holds is freed when it has left.
type inUse struct {
	mu           sync.Mutex
	busy, closed bool
}

// enter takes the session for a call, which leaves when it ends. The error is ErrBusy or ErrClosed.
func (s *Session) enter() error {
	if err := s.made(); err != nil {
		return err
	}
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	switch {
	case s.use.closed:
		return fmt.Errorf("session: %w", ErrClosed)
	case s.use.busy:
		return fmt.Errorf("%w: one call at a time", ErrBusy)
	}
	if err := s.m.beginCall(); err != nil {
		return err
	}
	s.use.busy = true
	return nil
}

// made returns an error for a Session that is not from NewSession.
func (s *Session) made() error {
	if s == nil || s.m == nil {
		return fmt.Errorf("session: not made by NewSession: %w", ErrClosed)
	}
	return nil
}

// leave ends what enter began.
func (s *Session) leave() {
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	s.use.busy = false
	s.m.calls.Add(-1)
	if s.use.closed {
		s.free()
	}
}

// alive returns ErrClosed when the session or its model was closed, also during the call that asks.
func (s *Session) alive() error {
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	if s.use.closed {
		return fmt.Errorf("session: %w", ErrClosed)
	}
	return s.m.alive()
}

// Close releases the cache. Closing twice is allowed, and so is closing while another goroutine uses the session or
// from within its own loop: what is under way ends with ErrClosed within a batch of tokens, and the cache is released
// then.
func (s *Session) Close() error {
	if s == nil || s.m == nil {
		return nil
	}
	s.use.mu.Lock()
	defer s.use.mu.Unlock()
	s.use.closed = true
	if !s.use.busy {
		s.free()
	}
	return nil
}

// free lets go of what the session holds.
func (s *Session) free() {
	s.held.close(s.tokens)
	s.draft.Close()
	s.seq, s.tokens, s.logits, s.valid, s.rest, s.probs, s.hidden = nil, nil, nil, false, rest{}, logprob.Scratch{}, nil
	s.draft, s.rows = nil, nil
	s.m.passes.Leave(s.client)
	s.client.Seq, s.client.Logits, s.client.Hidden = nil, nil, nil
}
