package engine

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// held is what a session counts for in its model's limits, until it is closed or found to be garbage.
type held struct {
	once sync.Once
	open bool // counts as a session
	m    *Model
	seq  *model.Sequence
}

// hold begins to count for a session that was admitted.
func hold(s *Session) *held {
	h := &held{m: s.m, seq: s.seq, open: true}
	runtime.AddCleanup(s, (*held).release, h)
	return h
}

// close is release, but for a sequence that the model's pool keeps.
func (h *held) close(tokens []int32) {
	if h.open && h.m != nil && h.m.alive() == nil && h.m.pool.Put(tokens, h.seq) {
		h.seq = nil
	}
	h.release()
}

func (h *held) release() {
	h.once.Do(func() {
		if h.seq != nil {
			h.seq.Release()
		}
		if h.open {
			h.m.open.Add(-1)
		}
		h.m, h.seq = nil, nil
	})
}

// admit counts a session; held.release ends it.
func (m *Model) admit() error {
	return m.open.Take(m.opt.MaxSessions, "sessions are open, Options.MaxSessions")
}

// beginCall counts a call, which endCall ends.
func (m *Model) beginCall() error {
	return m.calls.Take(m.opt.MaxCalls, "calls are under way, Options.MaxCalls")
}

func (m *Model) endCall() { m.calls.Add(-1) }

// checkCache says whether n tokens more have room. Sessions that ask at the same time may exceed the limit by a chunk
// each.
func (m *Model) checkCache(s *model.Sequence, n int) error {
	if m.opt.MaxCacheBytes == 0 {
		return nil
	}
	return m.checkRoom(func() int { return s.Growth(n) })
}

// checkRoom says whether as many bytes more as grow tells have room, for which caches of closed sessions make some.
func (m *Model) checkRoom(grow func() int) error {
	for most := m.opt.MaxCacheBytes; most > 0; {
		n, have := grow(), m.net.Cached()
		if n <= 0 || have+int64(n) <= most {
			return nil
		}
		if !m.pool.Drop() {
			return fmt.Errorf("%d bytes more beside %d that are cached, Options.MaxCacheBytes is %d: %w", n, have, most, ErrLimit)
		}
	}
	return nil
}

// CacheBytes returns the memory that the caches of all sessions hold now. What forks share counts once.
func (m *Model) CacheBytes() int64 {
	if m.net == nil {
		return 0
	}
	return m.net.Cached()
}
