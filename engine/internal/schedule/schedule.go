package schedule

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// Scheduler shares out the passes of a model.
type Scheduler struct {
	net       *model.Model
	shareable bool

	mu     sync.Mutex
	queue  []*Client // who waits, longest first
	busy   bool      // somebody leads
	closed bool

	// of gather:
	away     []*Client     // whose steps were in the last pass and who may come back soon
	gathered chan struct{} // the last of them has come
	timer    *time.Timer

	pace pace
	main batch // of the leader's pass
	side batch // of passes of steps while a pass of prompts is paused

	stop      atomic.Bool // pauses a pass of prompts after a layer,
	unbounded bool        // which only this ends, so that a step that comes sets it
}

// New returns a scheduler for a model, whose passes it runs from now on; a nil model has Lock only.
func New(m *model.Model) *Scheduler {
	s := &Scheduler{net: m, gathered: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	s.timer.Stop()
	if m != nil {
		s.shareable = m.Shareable()
		s.main, s.side = batch{lane: &m.Lane, vocab: m.Vocab()}, batch{vocab: m.Vocab()}
	}
	return s
}

// Run evaluates the first of c.Tokens, at least one of a prompt, and returns how many. ctx ends the wait, and a pass of
// which all are cancelled after a layer; what a cancelled client has in a pass of others is evaluated and counts. On an
// error the sequence has not grown; a *model.Fault of a pass that others shared may be another's: with Alone it is
// one's own.
func (s *Scheduler) Run(ctx context.Context, c *Client) (n int, err error) {
	c.kind, c.ctx = pass, ctx
	lead, err := s.wait(ctx, c)
	if err != nil {
		return 0, err
	}
	if lead {
		err = s.lead(ctx, c)
	}
	c.ctx = nil
	if err != nil {
		return 0, err
	}
	if errors.Is(c.err, model.ErrCancelled) {
		return c.done, ctx.Err()
	}
	return c.done, c.err
}

// Lock gives c the model for itself, until Unlock: no pass is under way.
func (s *Scheduler) Lock(ctx context.Context, c *Client) error {
	c.kind = exclusive
	lead, err := s.wait(ctx, c)
	if err != nil {
		return err
	}
	if !lead {
		return c.err
	}
	s.mu.Lock()
	s.remove(c)
	s.mu.Unlock()
	return nil
}

// Unlock ends what Lock began.
func (s *Scheduler) Unlock() {
	s.mu.Lock()
	s.handOver()
	s.mu.Unlock()
}

// Close fails all who wait or come with ErrClosed. The caller has the model (Lock), and gives it back afterwards.
func (s *Scheduler) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.queue {
		c.place, c.done, c.err = outside, 0, ErrClosed
		c.wake <- false
	}
	s.queue = s.queue[:0]
}

// Waiting returns how many clients wait.
func (s *Scheduler) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// wait puts c in the queue and returns when it leads or is done.
func (s *Scheduler) wait(ctx context.Context, c *Client) (lead bool, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false, ErrClosed
	}
	s.comesBack(c)
	s.queue = append(s.queue, c)
	if !s.busy {
		s.busy, c.place = true, leading
		s.mu.Unlock()
		return true, nil
	}
	c.place = waiting
	if s.unbounded && c.step() {
		s.stop.Store(true)
	}
	s.mu.Unlock()
	select {
	case lead := <-c.wake:
		return lead, nil
	case <-ctx.Done():
		return s.cancel(ctx, c)
	}
}

// cancel takes c out of the queue; one that is in a pass waits for its end.
func (s *Scheduler) cancel(ctx context.Context, c *Client) (lead bool, err error) {
	s.mu.Lock()
	switch c.place {
	case waiting:
		s.remove(c)
		s.mu.Unlock()
		return false, ctx.Err()
	case leading:
		<-c.wake
		s.remove(c)
		s.handOver()
		s.mu.Unlock()
		return false, ctx.Err()
	}
	s.mu.Unlock()
	return <-c.wake, nil
}

// remove takes c out of the queue.
func (s *Scheduler) remove(c *Client) {
	if i := slices.Index(s.queue, c); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	c.place = outside
}

// handOver lets the one lead that has waited longest.
func (s *Scheduler) handOver() {
	if len(s.queue) == 0 {
		s.busy = false
		return
	}
	c := s.queue[0]
	c.place = leading
	c.wake <- true
}
