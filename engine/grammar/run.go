package grammar

import (
	"math"
	"slices"
)

// run is how many plain characters can come from a state, whichever they are: as many for all of them. Strings allow
// any number, the rest of a pattern such as ...$ a few.
type run struct {
	times int  // math.MaxInt: any number; unequal: not the same for all characters
	final bool // the text may end on the way, or at once
}

const unequal = -1

// mostRunStates is how many states are looked at to find a run.
const mostRunStates = 32

// runOf returns the run of a state.
func (a *automaton) runOf(s *state) (*run, error) {
	if s.run != nil {
		return s.run, nil
	}
	s.run = &run{times: unequal}
	w := &runWalk{a: a}
	if err := w.add(s); err != nil || w.unequal {
		return s.run, err
	}
	for i := 0; i < len(w.states); i++ {
		for _, to := range w.next[i] {
			if slices.Contains(w.states, to) {
				continue
			}
			if err := w.add(to); err != nil || w.unequal {
				return s.run, err
			}
		}
	}
	s.run.times = w.times()
	s.run.final = slices.ContainsFunc(w.states, func(s *state) bool { return s.final })
	if s.run.times == math.MaxInt {
		for _, to := range w.states {
			to.run = s.run
		}
	}
	return s.run, nil
}

// runWalk is a walk through the states that plain characters lead to.
type runWalk struct {
	a       *automaton
	states  []*state
	next    [][]*state // of each, where plain characters lead; none where no one leads anywhere
	unequal bool       // a state is left by some of them only, or there are too many
	found   []*state   // of the state under way
	dead    bool
}

// add finds out where plain characters lead from a state.
func (w *runWalk) add(s *state) error {
	if len(w.states) == mostRunStates || len(s.items) > mostLeadItems {
		w.unequal = true
		return nil
	}
	w.found, w.dead = nil, false
	for _, b := range plainASCII {
		if err := w.follow(s, b, nil); err != nil {
			return err
		}
		if w.unequal = w.dead && len(w.found) > 0; w.unequal {
			return nil
		}
	}
	for _, bytes := range plainRuns {
		if err := w.bytes(s, bytes); err != nil {
			return err
		}
	}
	w.unequal = w.dead && len(w.found) > 0
	w.states, w.next = append(w.states, s), append(w.next, w.found)
	return nil
}

// bytes follows characters of several bytes.
func (w *runWalk) bytes(s *state, run []byteRange) error {
	var done [256]bool // by class: all bytes of one lead to the same place
	for b := int(run[0].lo); b <= int(run[0].hi); b++ {
		if c := w.a.classOf[b]; !done[c] {
			done[c] = true
			if err := w.follow(s, byte(b), run[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow follows a byte, and what comes behind it.
func (w *runWalk) follow(s *state, b byte, behind []byteRange) error {
	to, err := w.a.follow(s, w.a.classOf[b])
	switch {
	case err != nil:
		return err
	case to == deadState:
		w.dead = true
	case len(behind) > 0:
		return w.bytes(to, behind)
	case !slices.Contains(w.found, to):
		w.found = append(w.found, to)
	}
	return nil
}

// times returns how many plain characters can come.
func (w *runWalk) times() int {
	level := []int{0} // the states that n characters lead to
	for n := range len(w.states) + 1 {
		var next []int
		ends := 0
		for _, i := range level {
			if len(w.next[i]) == 0 {
				ends++
			}
			for _, to := range w.next[i] {
				if k := slices.Index(w.states, to); !slices.Contains(next, k) {
					next = append(next, k)
				}
			}
		}
		switch {
		case ends == len(level):
			return n
		case ends > 0:
			return unequal
		}
		level = next
	}
	return math.MaxInt // an end would have been found by now
}
