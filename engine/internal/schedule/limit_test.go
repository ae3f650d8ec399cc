package schedule

import (
	"errors"
	"testing"
)

func TestCounter(t *testing.T) {
	var c Counter
	for range 3 {
		if err := c.Take(0, "things"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Take(3, "things are open"); !errors.Is(err, ErrLimit) || err.Error() != "3 things are open: limit reached" || c.Load() != 3 {
		t.Errorf("%v, %d", err, c.Load())
	}
}

// TestUse: one call at a time, closing while one is under way, and a call that may not begin.
func TestUse(t *testing.T) {
	var u Use
	freed, ended := 0, 0
	free, end, begin := func() { freed++ }, func() { ended++ }, func() error { return nil }
	refused := errors.New("refused")
	if err := u.Enter(func() error { return refused }); err != refused {
		t.Error(err)
	}
	if err := u.Enter(begin); err != nil {
		t.Error(err)
	}
	if err := u.Enter(begin); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	u.Close(free)
	if err := u.Open(); !errors.Is(err, ErrClosed) || freed != 0 {
		t.Errorf("%v, freed %d times", err, freed)
	}
	u.Leave(end, free)
	if err := u.Enter(begin); !errors.Is(err, ErrClosed) || freed != 1 || ended != 1 {
		t.Errorf("%v, freed %d times, ended %d times", err, freed, ended)
	}
}
