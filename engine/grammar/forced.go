package grammar

import (
	"bytes"
	"unicode/utf8"

	"github.com/latentgo/latentgo/internal/lists"
)

// maxForced is how many bytes Forced looks ahead.
const maxForced = 1 << 10

// Forced returns the tokens that need not be drawn, since only one text can follow: those in which the model's own
// tokenizer writes it. Where the text may go on in several ways behind that, its last tokens could be
// others, which reach further. Each place where an allowed token could begin that does so is tried: the tokens that are
// returned come first whichever it is. The rest is left to the model, which knows how words go on.
//
// So what a model would write is not changed as long as it writes texts as its tokenizer does; of other ways to cut the
// same text, which the grammar allows too, models take few. Where the tokenizer changes the text there are none.
//
// The matcher stays where it is. The error wraps ErrLimit.
func (m *Matcher) Forced() ([]int32, error) {
	if m.ended || !m.state.forces(m.a) {
		return nil, nil
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	m.a.begin()
	text, ids, end, err := m.a.forced(m.state)
	if err != nil || len(text) == 0 {
		return ids, err
	}
	tokens := m.v.tok.EncodeRest(string(text))
	if !bytes.Equal(m.v.appendText(nil, tokens), text) {
		return nil, nil
	}
	if len(end.items) > 0 {
		return m.a.certain(m.v, text, tokens, end)
	}
	return tokens, nil
}

// certain returns the first of a text's tokens: those that it has whichever token reaches beyond its end.
func (a *automaton) certain(v *Vocab, text []byte, tokens []int32, end *state) ([]int32, error) {
	for at := max(len(text)-v.depth, 0); at < len(text) && len(tokens) > 0; at++ {
		ok, err := a.reachesOn(v, text[at:], end)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		start := at
		for start > 0 && !utf8.RuneStart(text[start]) {
			start--
		}
		tokens = tokens[:lists.Common(tokens, v.tok.EncodeRest(string(text[:start])))]
	}
	return tokens, nil
}

// forces reports whether only one byte, or one token, can follow.
func (s *state) forces(a *automaton) bool {
	if s.final || len(s.items) == 0 {
		return false
	}
	first := &a.nodes[s.items[0].node]
	for _, it := range s.items {
		n := &a.nodes[it.node]
		if n.kind != first.kind || n.lo != n.hi || n.lo != first.lo {
			return false
		}
		if n.kind == nodeToken && (a.tokens[n.rule].not || a.ids[n.rule] != a.ids[first.rule]) {
			return false
		}
	}
	return true
}

// forced returns the only text that can follow, and where it ends; or, where that is one, the only token.
func (a *automaton) forced(s *state) (text []byte, ids []int32, end *state, err error) {
	if n := &a.nodes[s.items[0].node]; n.kind == nodeToken {
		return nil, []int32{a.ids[n.rule]}, s, nil
	}
	for end = a.current(s); len(text) < maxForced && end.forces(a) && a.nodes[end.items[0].node].kind == nodeBytes; {
		b := a.nodes[end.items[0].node].lo
		to, err := a.follow(end, a.classOf[b])
		if err != nil {
			return nil, nil, nil, err
		}
		if to == deadState {
			break
		}
		text, end = append(text, b), to
	}
	return text, nil, end, nil
}

// appendText appends the bytes of tokens.
func (v *Vocab) appendText(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		dst = v.tok.AppendPiece(dst, id, false)
	}
	return dst
}

// reachesOn reports whether there is a token that begins with text and goes on with bytes that a state allows.
func (a *automaton) reachesOn(v *Vocab, text []byte, s *state) (bool, error) {
	from, to := int32(0), int32(len(v.nodes))
	for _, b := range text {
		i := from
		for i < to && v.nodes[i].b != b {
			i = v.nodes[i].skip
		}
		if i >= to {
			return false, nil
		}
		from, to = i+1, v.nodes[i].skip
	}
	stack := make([]*state, v.depth+1)
	stack[len(text)] = s
	for i := from; i < to; {
		n := &v.nodes[i]
		t, err := a.follow(stack[n.depth-1], a.classOf[n.b])
		if err != nil {
			return false, err
		}
		if t == deadState {
			i = n.skip
			continue
		}
		if n.token >= 0 {
			return true, nil
		}
		stack[n.depth] = t
		i++
	}
	return false, nil
}
