package grammar

import (
	"fmt"
	"math"
	"slices"
)

// Matcher follows one text, token by token. It belongs to one goroutine at a time.
type Matcher struct {
	a     *automaton
	v     *Vocab
	state *state
	ended bool // by a token that ends the answer
	piece []byte
}

// NewMatcher returns a matcher at the beginning of a text. The error wraps ErrToken where the grammar names a token that
// the vocabulary does not have, ErrLimit where the work exceeds a limit.
func (g *Grammar) NewMatcher(v *Vocab) (*Matcher, error) {
	a, err := g.automaton(v)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	s, err := a.start()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, ErrEmpty
	}
	return &Matcher{a: a, v: v, state: s}, nil
}

// Clone returns a matcher of its own at the same place.
func (m *Matcher) Clone() *Matcher {
	c := *m
	c.piece = nil
	return &c
}

// CanEnd reports whether the text so far is complete: the grammar allows it as it is.
func (m *Matcher) CanEnd() bool { return m.ended || m.state.final }

// Complete reports whether the text is complete and nothing can follow.
func (m *Matcher) Complete() bool { return m.ended || m.state.final && len(m.state.items) == 0 }

// Mask sets the bits of the tokens that may come next, token i in bit i%64 of word i/64, and of no others. Those that
// end the answer are among them where the text may end. bits has a bit for every token of the vocabulary. The error
// wraps ErrLimit.
func (m *Matcher) Mask(bits []uint64) error {
	allowed, err := m.allowed()
	if err != nil {
		return err
	}
	clear(bits[copy(bits, allowed):])
	if m.CanEnd() {
		for _, id := range m.v.eog {
			setBit(bits, id)
		}
	}
	return nil
}

// allowed returns the tokens that may come next, without those that end the answer.
func (m *Matcher) allowed() ([]uint64, error) {
	if m.ended {
		return nil, nil
	}
	if bits := m.state.mask.Load(); bits != nil { // it never changes
		return *bits, nil
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	m.a.begin()
	return m.a.mask(m.v, m.state)
}

// Apply sets the logits of tokens that may not come next to −Inf. end says whether tokens that end the answer are
// allowed where the text may end. The error wraps ErrLimit.
func (m *Matcher) Apply(logits []float32, end bool) error {
	allowed, err := m.allowed()
	if err != nil {
		return err
	}
	var kept []float32
	if end && m.CanEnd() {
		for _, id := range m.v.eog {
			kept = append(kept, logits[id])
		}
	}
	inf := float32(math.Inf(-1))
	for i := range logits {
		if i>>6 >= len(allowed) || allowed[i>>6]>>(i&63)&1 == 0 {
			logits[i] = inf
		}
	}
	for i, l := range kept {
		logits[m.v.eog[i]] = l
	}
	return nil
}

// Accept goes on by a token. The error wraps ErrToken for one that the grammar does not allow here; the matcher is then
// where it was.
func (m *Matcher) Accept(id int32) error {
	if id < 0 || int(id) >= m.v.size || m.ended {
		return fmt.Errorf("%w: %d", ErrToken, id)
	}
	if slices.Contains(m.v.eog, id) {
		if !m.state.final {
			return fmt.Errorf("%w: %d ends a text that is not complete", ErrToken, id)
		}
		m.ended = true
		return nil
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	m.a.begin()
	m.piece = m.v.tok.AppendPiece(m.piece[:0], id, false)
	s, err := m.a.take(m.state, id, m.piece, hasBit(m.v.named, id))
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("%w: %d %q", ErrToken, id, m.piece)
	}
	m.state = s
	return nil
}

// take returns where a token leads, by its bytes or by its name; nil for nowhere.
func (a *automaton) take(s *state, id int32, piece []byte, named bool) (*state, error) {
	s = a.current(s)
	to := s
	var err error
	for _, b := range piece {
		if to, err = a.step(to, b); to == nil || err != nil {
			break
		}
	}
	if len(piece) == 0 {
		to = nil
	}
	if err != nil || !s.tokens || !named {
		return to, err
	}
	a.cl.clear()
	if to != nil {
		a.cl.final = to.final
		for _, it := range to.items {
			a.cl.put(it.node, it.cont)
		}
	}
	for _, it := range s.items {
		if n := &a.nodes[it.node]; n.kind == nodeToken && (a.ids[n.rule] == id) != a.tokens[n.rule].not {
			a.cl.reach(n.out, 0, it.cont)
		}
	}
	return a.cl.state()
}
