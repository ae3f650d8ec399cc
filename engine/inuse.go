package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/logprob"
)

// enter takes the session for a call, which leaves when it ends. The error is ErrBusy or ErrClosed.
func (s *Session) enter() error {
	if err := s.made(); err != nil {
		return err
	}
	return s.use.Enter(s.m.beginCall)
}

// made returns an error for a Session that is not from NewSession.
func (s *Session) made() error {
	if s == nil || s.m == nil {
		return fmt.Errorf("session: not made by NewSession: %w", ErrClosed)
	}
	return nil
}

// leave ends what enter began.
func (s *Session) leave() { s.use.Leave(s.m.endCall, s.free) }

// alive returns ErrClosed when the session or its model was closed, also during the call that asks.
func (s *Session) alive() error {
	if err := s.use.Open(); err != nil {
		return err
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
	s.use.Close(s.free)
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
