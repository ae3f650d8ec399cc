package schedule

import (
	"slices"
	"time"
)

// Clients that step come back after each pass, when they have drawn a token. The leader waits for them for half of the
// last pass at most. One that takes longer is late, and is not waited for until it has come back sooner.

// patience returns how long the leader waits after a pass.
func (s *Scheduler) patience() time.Duration { return min(s.pace.lastPass/2, 20*time.Millisecond) }

// leastPatience is the shortest wait that a timer keeps.
const leastPatience = 100 * time.Microsecond

// gather waits for clients that are away. It lets go of the lock meanwhile.
func (s *Scheduler) gather() {
	if len(s.away) == 0 {
		return
	}
	if wait := s.patience() - time.Since(s.away[0].ended); wait > leastPatience {
		select {
		case <-s.gathered: // of an earlier time
		default:
		}
		s.timer.Reset(wait)
		s.mu.Unlock()
		select {
		case <-s.gathered:
		case <-s.timer.C:
		}
		s.timer.Stop()
		s.mu.Lock()
	}
	for _, c := range s.away {
		c.away, c.late = false, true
	}
	s.away = s.away[:0]
}

// goesAway notes that a client's step is done.
func (s *Scheduler) goesAway(c *Client) {
	if s.shareable && c.step() && !c.late {
		c.away = true
		s.away = append(s.away, c)
	}
}

// comesBack notes that a client asks again.
func (s *Scheduler) comesBack(c *Client) {
	if c.late && time.Since(c.ended) < s.patience() {
		c.late = false
	}
	s.notAway(c)
}

func (s *Scheduler) notAway(c *Client) {
	if !c.away {
		return
	}
	c.away = false
	i := slices.Index(s.away, c)
	s.away = slices.Delete(s.away, i, i+1)
	if len(s.away) == 0 {
		select {
		case s.gathered <- struct{}{}:
		default:
		}
	}
}

// Leave says that a client asks no more for now, so that nobody waits for it.
func (s *Scheduler) Leave(c *Client) {
	s.mu.Lock()
	s.notAway(c)
	s.mu.Unlock()
}
