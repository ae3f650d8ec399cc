package model

import "slices"

// Cached returns the bytes of all sequences' states: what forks share counts once.
func (m *Model) Cached() int64 { return m.cached.Bytes() }

// Count makes Cached count a new sequence's states, until Release.
func (s *Sequence) Count() {
	s.each(s.model.count)
}

// count makes the stores in a state count.
func (m *Model) count(st State) {
	switch st := st.(type) {
	case store:
		st.UseMeter(&m.cached)
	case perPool:
		m.count(st.State)
	case *bothStates:
		st.each(m.count)
	}
}

// Fork returns a sequence of the same tokens, which shares memory until one of the two grows. No pass of either is
// under way.
func (s *Sequence) Fork() *Sequence {
	f := &Sequence{model: s.model, format: s.format, states: make([]State, len(s.states)), length: s.length, marks: slices.Clone(s.marks), long: s.long}
	for i, st := range s.states {
		if st != nil {
			f.states[i] = st.Fork(s.length)
		}
	}
	return f
}

// Like reports whether two sequences could hold the same: of one model, one format, with the same positions.
func (s *Sequence) Like(o *Sequence) bool {
	return s.model == o.model && s.format == o.format && s.long == o.long
}

// Growth returns how many bytes more the states take when n tokens follow.
func (s *Sequence) Growth(n int) int {
	sum := 0
	s.each(func(st State) { sum += st.Growth(s.length, n) })
	return sum
}

// Release gives the memory of the states back. The sequence is not used any more.
func (s *Sequence) Release() { s.each(State.Release) }
