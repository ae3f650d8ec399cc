package schedule

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// member is a client in a pass.
type member struct {
	c  *Client
	n  int // tokens
	at int // their first row
}

// lead runs passes until c has been in one. Others share them, and a prompt may let steps go before it, see pace.
func (s *Scheduler) lead(ctx context.Context, c *Client) error {
	for c.place == leading {
		if err := ctx.Err(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.remove(c)
			s.handOver()
			return err
		}
		s.leadPass(c)
	}
	return nil
}

// leadPass runs a pass.
func (s *Scheduler) leadPass(c *Client) {
	s.mu.Lock()
	s.gather()
	s.collect(c)
	s.mu.Unlock()
	start := time.Now()
	err := s.run()
	end := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace.measure(s.members, end.Sub(start), end)
	for i := range s.members {
		m := &s.members[i]
		m.c.done, m.c.err, m.c.place, m.c.ended = m.n, err, outside, end
		m.c.Shared = len(s.members) > 1
		if err != nil {
			m.c.done = 0
		}
		s.goesAway(m.c)
		if m.c != c {
			m.c.wake <- false
		}
	}
	if c.place != leading {
		s.handOver()
	}
	clear(s.members) // clients may be dropped
	clear(s.rows)
	clear(s.outs)
}

// collect takes those who share the leader's pass out of the queue: steps first, then prompts, the leader's before
// others'.
func (s *Scheduler) collect(leader *Client) {
	s.members, s.rows, s.outs, s.last = s.members[:0], s.rows[:0], s.outs[:0], s.last[:0]
	room, shared := s.net.BatchSize(), s.shareable && !leader.Alone
	prompts := 1 // the leader's keeps a row
	if !leader.Prompt {
		s.take(leader, len(leader.Tokens))
		room, prompts = room-len(leader.Tokens), 0
	}
	keep := prompts
	for _, c := range s.queue {
		switch {
		case !shared || c == leader || c.kind != pass || c.Alone:
		case c.Prompt:
			prompts++
		case room-len(c.Tokens) >= keep:
			s.take(c, len(c.Tokens))
			room -= len(c.Tokens)
		}
	}
	if shared {
		room = s.pace.room(room, len(s.members), time.Now())
	}
	s.collectPrompts(leader, shared, room, prompts)
	for _, m := range s.members {
		s.remove(m.c)
		m.c.place = running
	}
}

// collectPrompts shares room rows out among prompts.
func (s *Scheduler) collectPrompts(leader *Client, shared bool, room, prompts int) {
	if leader.Prompt && room == 0 && len(s.members) > 0 {
		return
	}
	if leader.Prompt {
		n := leader.share(max(1, room/prompts))
		if n == 0 {
			n = leader.size()
		}
		s.take(leader, n)
		room, prompts = room-n, prompts-1
	}
	for _, c := range s.queue {
		if prompts == 0 || room < prompts {
			return
		}
		if shared && c != leader && c.kind == pass && c.Prompt && !c.Alone {
			n := c.share(room / prompts)
			if n > 0 {
				s.take(c, n)
			}
			room, prompts = room-n, prompts-1
		}
	}
}

// take gives a client's first n tokens a place in the pass.
func (s *Scheduler) take(c *Client, n int) {
	at := 0
	if k := len(s.members); k > 0 {
		at = s.members[k-1].at + s.members[k-1].n
	}
	s.members = append(s.members, member{c, n, at})
	s.rows = c.appendRows(s.rows, n)
	if n < len(c.Tokens) || c.Logits == nil {
		return
	}
	first := n - 1
	if !c.Prompt {
		first = 0
	}
	vocab := s.net.Vocab()
	for i := range n - first {
		s.outs, s.last = append(s.outs, c.Logits[i*vocab:][:vocab]), append(s.last, at+first+i)
	}
}

// run runs the pass. A panic in it is a *model.Fault, as those of workers are.
func (s *Scheduler) run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &model.Fault{Value: r}
		}
	}()
	cancel, stop := s.cancelFlag()
	err = s.net.Run(s.rows, cancel)
	stop()
	if err != nil {
		return err
	}
	width := s.net.Spec().Width
	for _, m := range s.members {
		if m.c.Hidden != nil {
			s.net.Hidden(m.c.Hidden[:m.n*width], m.at, m.n)
		}
	}
	return s.net.StepLogits(s.outs, s.last)
}

func nothing() {}

// cancelFlag returns a flag that is set when all members are cancelled, nil for a pass with steps, which is short, or
// with somebody who can't be cancelled. Each pass has a flag of its own: a late callback of an earlier one may still be
// about to set its flag.
func (s *Scheduler) cancelFlag() (flag *atomic.Bool, stop func()) {
	for _, m := range s.members {
		if m.c.step() || m.c.ctx.Done() == nil {
			return nil, nothing
		}
	}
	return s.setWhenCancelled()
}

// setWhenCancelled returns a flag that is set when all members are cancelled.
func (s *Scheduler) setWhenCancelled() (flag *atomic.Bool, stop func()) {
	set, live := new(atomic.Bool), new(atomic.Int32)
	live.Store(int32(len(s.members)))
	var stops []func() bool
	for _, m := range s.members {
		stops = append(stops, context.AfterFunc(m.c.ctx, func() {
			if live.Add(-1) == 0 {
				set.Store(true)
			}
		}))
	}
	return set, func() {
		for _, stop := range stops {
			stop()
		}
	}
}
