package schedule

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

var (
	// ErrLimit is wrapped by errors about what exceeds a limit.
	ErrLimit = errors.New("limit reached")
	// ErrBusy is wrapped by the error of a call beside another one.
	ErrBusy = errors.New("session in use")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("closed")
)

// Counter counts what is open or under way.
type Counter struct{ atomic.Int64 }

// Take counts one more, of at most most if that is not 0; Add(-1) ends it. what is told where there are as many.
func (c *Counter) Take(most int, what string) error {
	if n := c.Add(1); most > 0 && n > int64(most) {
		c.Add(-1)
		return fmt.Errorf("%d %s: %w", most, what, ErrLimit)
	}
	return nil
}

// Use lets one call at a time have a session. Closing waits for none: the call that has the session is told at its next
// step, and what the session holds is freed when it has left.
type Use struct {
	mu           sync.Mutex
	busy, closed bool
}

// Enter takes the session for a call, once begin has agreed. Errors: begin's, ErrBusy, ErrClosed.
func (u *Use) Enter(begin func() error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.closed:
		return u.err()
	case u.busy:
		return fmt.Errorf("%w: one call at a time", ErrBusy)
	}
	err := begin()
	u.busy = err == nil
	return err
}

// Leave ends what Enter began, by end, and frees a session that was closed meanwhile.
func (u *Use) Leave(end, free func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = false
	end()
	if u.closed {
		free()
	}
}

// Close closes the session and frees it, unless a call has it.
func (u *Use) Close(free func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	if !u.busy {
		free()
	}
}

// Open returns ErrClosed once the session was closed, also during the call that asks.
func (u *Use) Open() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return u.err()
	}
	return nil
}

func (u *Use) err() error { return fmt.Errorf("session: %w", ErrClosed) }
