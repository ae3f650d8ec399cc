package model

import (
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/attention"
)

// CacheFormat is how states store what they cache.
type CacheFormat = attention.Format

// State is what one layer remembers of one sequence.
type State interface {
	// Grow makes room for n tokens in all.
	Grow(n int)
	// Advance readies the state for n tokens from pos on, which a pass is about to append.
	Advance(pos, n int)
	// Truncate forgets the tokens from pos on.
	Truncate(pos int)
	// Covers reports whether a token can follow at pos; after some truncations earlier ones have to be evaluated again.
	Covers(pos int) bool
	// Mark remembers the state before pos, its end, and Marked whether Restore can go back there.
	Mark(pos int)
	Marked(pos int) bool
	Restore(pos int)
	// Forget drops what a failed pass may have left half-written.
	Forget()
	// Bytes returns the memory that it holds, shared with forks or not, and Growth how much more n tokens from pos on
	// take.
	Bytes() int
	Growth(pos, n int) int
	// Fork returns a state of the first n tokens that shares memory until one of the two is written.
	Fork(n int) State
	// Release gives the memory back, at the end.
	Release()
	// Save returns what is to be kept of n tokens, and Unsaved where in a new state it is to be read to.
	Save(n int) attention.Saved
	Unsaved(n int, numbers []int64) (parts [][]byte, err error)
}

// CacheSize is what states take.
type CacheSize struct {
	Rope, Latent int // values per token under RoPE and others, of latent attention; 0 for plain GQA
	Token        int // bytes per token
	Fixed        int // bytes beside, however long the sequence gets
}

// CacheSize returns what a sequence takes, all layers together.
func (m *Model) CacheSize(f CacheFormat) CacheSize {
	var sum CacheSize
	for _, l := range m.layers {
		if l.mixer == nil {
			continue
		}
		c := l.mixer.size(f)
		sum.Rope, sum.Latent = sum.Rope+c.Rope, sum.Latent+c.Latent
		sum.Token, sum.Fixed = sum.Token+c.Token, sum.Fixed+c.Fixed
	}
	return sum
}

// cacheSize returns what a store takes.
func cacheSize(a *attention.Layer, f CacheFormat) CacheSize {
	c := CacheSize{Token: a.RowBytes(f), Fixed: a.RingBytes()}
	if l := a.Latent(); l != nil {
		c.Rope, c.Latent = l.R, l.L
	}
	return c
}

// Sequence is a row of tokens as the model's layers remember it: their states. It does not hold the tokens.
type Sequence struct {
	model  *Model
	format CacheFormat
	states []State
	length int   // tokens in the states
	marks  []int // ascending positions, the newest maxMarks
	long   bool  // see SetContext
}

// SetContext tells how many tokens the sequence may get, before it has any: models with LongRoPE see positions of
// sequences beyond their original context otherwise, from the first token on. Without it a sequence is not long.
func (s *Sequence) SetContext(n int) {
	s.long = s.model.longContext(n)
	for i, l := range s.model.layers {
		a, ok := l.Spec.Mixer.(Attention)
		if st, stored := s.states[i].(store); ok && stored && st.Rope() != nil {
			st.SetRope(s.model.ropes[a.Rope].blocksOf(s))
		}
	}
}

// LikeContext reports whether a sequence with SetContext(n) sees positions as s does.
func (s *Sequence) LikeContext(n int) bool { return s.long == s.model.longContext(n) }

// longContext reports whether sequences of up to n tokens see positions by LongRoPE's form for long contexts.
func (m *Model) longContext(n int) bool {
	return len(m.ropes) > 0 && m.ropes[0].long != nil && n > m.spec.Ropes[0].OrigContext
}

// NewSequence returns an empty sequence for n tokens, or for any number when n is 0.
func (m *Model) NewSequence(f CacheFormat, n int) *Sequence {
	s := &Sequence{model: m, format: f, states: make([]State, len(m.layers))}
	for i, l := range m.layers {
		if l.mixer != nil {
			s.states[i] = l.mixer.newState(f, n)
		}
	}
	return s
}

// store is attention's State.
type store struct{ *attention.Store }

// Fork implements State.
func (s store) Fork(n int) State { return store{s.Store.Fork(n)} }

// newStore returns a store for n tokens, or for any number when n is 0.
func newStore(l *attention.Layer, f CacheFormat, n int) State {
	if n > 0 {
		return store{attention.NewShortStore(l, f, n)}
	}
	return store{attention.NewStore(l, f)}
}

// NewProbeSequence returns a sequence that remembers only layer l, which may be another than the model's own, with room
// for n tokens; a nil l is for probes that run no attention.
func (m *Model) NewProbeSequence(l *Layer, n int) *Sequence {
	s := &Sequence{model: m, states: make([]State, len(m.layers))}
	if l != nil && l.mixer != nil {
		s.states[l.Index] = l.mixer.newState(attention.F16, n)
	}
	return s
}

// Len returns how many tokens the sequence holds.
func (s *Sequence) Len() int { return s.length }

// each calls f for all states.
func (s *Sequence) each(f func(State)) {
	for _, st := range s.states {
		if st != nil {
			f(st)
		}
	}
}

// every reports whether something holds for all states.
func (s *Sequence) every(f func(State) bool) bool {
	return !slices.ContainsFunc(s.states, func(st State) bool { return st != nil && !f(st) })
}

func (s *Sequence) advance(pos, n int) {
	for _, st := range s.states {
		if st != nil {
			st.Advance(pos, n)
		}
	}
}

func (s *Sequence) grow(n int) {
	for _, st := range s.states {
		if st != nil {
			st.Grow(n)
		}
	}
}

// Truncate forgets all tokens from position n on.
func (s *Sequence) Truncate(n int) {
	if n = max(n, 0); n < s.length {
		s.length = n
		for i, at := range s.marks {
			s.marks[i] = min(at, n) // a recent window may still be there
		}
		s.marks = slices.Compact(s.marks)
		s.each(func(st State) { st.Truncate(n) })
	}
}

// Mark remembers the sequence as it is now, so that Restart can go back here.
func (s *Sequence) Mark() {
	if n := len(s.marks); n == 0 || s.marks[n-1] < s.length {
		s.marks = append(s.marks, s.length)
	}
	if n := len(s.marks); n > maxMarks {
		s.marks = slices.Delete(s.marks, 0, n-maxMarks)
	}
	s.each(func(st State) { st.Mark(s.length) })
}

// Restart returns from where on tokens have to be evaluated again before another can follow; Len for nowhere.
// Compressed layers keep recent tokens as they are for a while only, see attention.RecentWindow; states of fixed size
// are there as they were at marks.
func (s *Sequence) Restart() int {
	if s.covered() {
		return s.length
	}
	for i := len(s.marks) - 1; i >= 0; i-- {
		at := s.marks[i]
		if at > 0 && s.every(func(st State) bool { return st.Marked(at) }) {
			return at
		}
	}
	return 0
}

// covered reports whether another token can follow at once.
func (s *Sequence) covered() bool {
	return s.every(func(st State) bool { return st.Covers(s.length) })
}

// Restore goes back to where Restart says; the caller evaluates the tokens that followed again.
func (s *Sequence) Restore() {
	if s.covered() {
		return
	}
	at := s.Restart()
	if at > 0 {
		s.each(func(st State) { st.Restore(at) })
	}
	s.length = at
}

// Bytes returns the memory that the sequence holds now.
func (s *Sequence) Bytes() int {
	n := 0
	s.each(func(st State) { n += st.Bytes() })
	return n
}

// forget drops what a failed pass may have left half-written.
func (s *Sequence) forget() { s.each(State.Forget) }

// check says what is wrong with a sequence in a pass of this model.
func (s *Sequence) check(m *Model) error {
	if s == nil || s.model != m {
		return fmt.Errorf("sequence of another model: %w", ErrInvalid)
	}
	if !s.covered() {
		return fmt.Errorf("sequence went back to token %d and must be restored first: %w", s.length, ErrInvalid)
	}
	return nil
}
