package schedule

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// lead runs a pass with c in it: of steps if the leader steps, else of prompts, with passes of steps between its layers.
func (s *Scheduler) lead(ctx context.Context, c *Client) error {
	if err := ctx.Err(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(c)
		s.handOver()
		return err
	}
	b := &s.main
	s.mu.Lock()
	s.gather()
	if c.Prompt {
		s.collectPrompts(b, c)
	} else {
		s.collectSteps(b, c)
	}
	s.mu.Unlock()
	err := s.run(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbounded = false
	s.finish(b, c, err)
	s.handOver()
	return nil
}

// finish tells the members of a pass, of which leader may be one, how it went.
func (s *Scheduler) finish(b *batch, leader *Client, err error) {
	end := time.Now()
	if b.members[0].c.step() {
		s.pace.stepped(b.took, end)
	} else if err == nil {
		s.pace.prompted(b.size(), b.took, len(s.net.Spec().Layers))
	}
	for _, m := range b.members {
		m.c.done, m.c.err, m.c.place, m.c.ended = m.n, err, outside, end
		m.c.Shared = len(b.members) > 1
		if err != nil {
			m.c.done = 0
		}
		s.goesAway(m.c)
		if m.c != leader {
			m.c.wake <- false
		}
	}
	b.clear()
}

// collectSteps takes the leader's step and those that share its pass out of the queue.
func (s *Scheduler) collectSteps(b *batch, leader *Client) {
	room, shared := s.net.BatchSize()-len(leader.Tokens), s.shareable && !leader.Alone
	b.take(leader, len(leader.Tokens))
	for _, c := range s.queue {
		if n := len(c.Tokens); shared && c != leader && c.step() && !c.Alone && n <= room {
			b.take(c, n)
			room -= n
		}
	}
	s.begin(b)
}

// collectPrompts takes the leader's prompt and those that share its pass out of the queue.
func (s *Scheduler) collectPrompts(b *batch, leader *Client) {
	room, shared, prompts := s.net.BatchSize(), s.shareable && !leader.Alone, 1
	joins := func(c *Client) bool { return shared && c != leader && c.kind == pass && c.Prompt && !c.Alone }
	for _, c := range s.queue {
		if joins(c) {
			prompts++
		}
	}
	if s.shareable {
		room = s.pace.room(room, s.steps(), time.Now())
	}
	n := leader.share(max(1, room/prompts))
	if n == 0 {
		n = leader.size()
	}
	b.take(leader, n)
	room, prompts = room-n, prompts-1
	for _, c := range s.queue {
		if prompts == 0 || room < prompts {
			break
		}
		if joins(c) {
			n := c.share(room / prompts)
			if n > 0 {
				b.take(c, n)
			}
			room, prompts = room-n, prompts-1
		}
	}
	s.begin(b)
}

// begin takes the members out of the queue.
func (s *Scheduler) begin(b *batch) {
	for _, m := range b.members {
		s.remove(m.c)
		m.c.place = running
	}
}

// steps returns how many wait with a step.
func (s *Scheduler) steps() (n int) {
	for _, c := range s.queue {
		if c.step() {
			n++
		}
	}
	return n
}

// run runs the leader's pass. A panic in it is a *model.Fault, as those of workers are.
func (s *Scheduler) run(b *batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &model.Fault{Value: r}
		}
	}()
	if b.members[0].c.step() {
		start := time.Now()
		if err = b.lane.Run(b.rows, nil); err == nil {
			err = b.results()
		}
		b.took = time.Since(start)
		return err
	}
	if err := s.runPrompts(b); err != nil {
		return err
	}
	return b.results()
}

// runPrompts runs the layers of a pass of prompts, and between them passes of steps: as long as some wait, the layers
// take no more time than the steps do.
func (s *Scheduler) runPrompts(b *batch) error {
	cancelled, stop := s.cancelFlag(b)
	defer stop()
	if err := b.lane.Begin(b.rows); err != nil {
		return err
	}
	for {
		s.stop.Store(false)
		if cancelled.Load() {
			b.lane.Abandon()
			return model.ErrCancelled
		}
		start := time.Now()
		done, err := b.lane.Continue(&s.stop, s.slice())
		b.took += time.Since(start)
		if done || err != nil {
			return err
		}
		s.between()
	}
}

// slice returns how long layers of prompts may run on: as long as they like when nobody waits with a step. Then the
// first who comes stops them.
func (s *Scheduler) slice() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbounded = s.steps() == 0
	if s.unbounded {
		return 0
	}
	return s.pace.slice()
}

// between runs the steps that wait when a pass of prompts is paused: those who come meanwhile wait for the next pause.
func (s *Scheduler) between() {
	b := &s.side
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbounded = false
	for n := s.steps(); n > 0; {
		i := slices.IndexFunc(s.queue, (*Client).step)
		if i < 0 {
			break
		}
		if b.lane == nil {
			b.lane = s.net.NewLane()
		}
		s.collectSteps(b, s.queue[i])
		n -= len(b.members)
		s.mu.Unlock()
		err := s.run(b)
		s.mu.Lock()
		s.finish(b, nil, err)
	}
	s.gather()
}

func nothing() {}

// cancelFlag returns a flag that is set, together with s.stop, when all members are cancelled. Each pass has a flag of
// its own: a late callback of an earlier one may still be about to set its flag.
func (s *Scheduler) cancelFlag(b *batch) (flag *atomic.Bool, stop func()) {
	set := new(atomic.Bool)
	for _, m := range b.members {
		if m.c.ctx.Done() == nil {
			return set, nothing
		}
	}
	live := new(atomic.Int32)
	live.Store(int32(len(b.members)))
	var stops []func() bool
	for _, m := range b.members {
		stops = append(stops, context.AfterFunc(m.c.ctx, func() {
			if live.Add(-1) == 0 {
				set.Store(true)
				s.stop.Store(true)
			}
		}))
	}
	return set, func() {
		for _, stop := range stops {
			stop()
		}
	}
}
