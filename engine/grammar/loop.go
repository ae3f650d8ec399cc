package grammar

import (
	"math"
	"slices"
)

// loop is what tokens do while a counted rule follows itself: as if it could come any number of times, and nothing else
// could. Strings with lengths spend their texts in one, and each character is another count; without it each would
// need a walk of all tokens.
type loop struct {
	ok    bool     // the rule ends in one way only, so that times can be counted
	plain bool     // each plain character is the rule once: plain tokens are the vocabulary's, and not among the others
	bits  []uint64 // of the tokens that stay in the loop
	// nodes are those of the tree at which the rule ends, ascending, and done how many times it has come there.
	nodes []int32
	done  []uint16
	counted
}

// maskLoop adds the tokens that places within a counted rule allow, if nothing but counters follows them. It returns
// false where it can't tell.
func (a *automaton) maskLoop(v *Vocab, s *state, k *cont, bits []uint64) (bool, error) {
	for _, f := range k.frames {
		if k.ends || a.nodes[f.node].kind != nodeCount {
			return false, nil
		}
	}
	for _, f := range k.frames { // a token is allowed that any of them allows
		if ok, err := a.maskCounter(v, s, f, bits); !ok || err != nil {
			return false, err
		}
	}
	return len(k.frames) > 0, nil
}

// maskCounter is maskLoop for one counter.
func (a *automaton) maskCounter(v *Vocab, s *state, f frame, bits []uint64) (bool, error) {
	n := &a.nodes[f.node]
	l, err := a.loopOf(v, s, n.rule)
	if err != nil || !l.ok {
		return false, err
	}
	before := int(f.count) - 1 // times before the one under way
	most := math.MaxInt
	if n.max >= 0 {
		most = int(n.max) - before
	}
	l.add(bits, l.bits, most)
	if l.plain {
		v.plain.add(bits, v.plain.bits, most)
	}
	least := max(int(n.min)-before, 1)
	a.cl.clear()
	a.cl.reach(n.out, 0, f.next)
	after, err := a.cl.state()
	if err != nil || after == nil {
		return err == nil, err
	}
	return true, a.maskAfterLoop(v, l, after, least, most, bits)
}

// fewPlaces is up to how many nodes maskAfterLoop looks behind each, instead of looking for what may follow.
const fewPlaces = 2000

// maskAfterLoop adds the tokens that leave the loop after least to most times.
func (a *automaton) maskAfterLoop(v *Vocab, l *loop, after *state, least, most int, bits []uint64) error {
	stack := make([]*state, v.depth+1)
	if !l.plain && len(l.nodes) < fewPlaces {
		for k, i := range l.nodes {
			n := &v.nodes[i]
			if times := int(l.done[k]); times < least || times > most {
				continue
			}
			stack[n.depth] = after
			if err := a.walk(v, i+1, n.skip, 0, stack, bits, nil); err != nil {
				return err
			}
		}
		return nil
	}
	for b := range 256 {
		to, err := a.follow(after, a.classOf[b])
		if err != nil {
			return err
		}
		if to == deadState {
			continue
		}
		for _, i := range v.byByte[b] {
			n := &v.nodes[i]
			if n.parent < 0 {
				continue
			}
			if times := l.times(v, n.parent); times == 0 || times < least || times > most {
				continue
			}
			stack[n.depth-1] = after
			if err := a.walk(v, i, n.skip, 0, stack, bits, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// times returns how many times the rule has come when it ends at a node, 0 where it does not.
func (l *loop) times(v *Vocab, node int32) int {
	if l.plain && v.plain.count[node] > 0 {
		return int(v.plain.count[node])
	}
	if k, ok := slices.BinarySearch(l.nodes, node); ok {
		return int(l.done[k])
	}
	return 0
}

// loopOf walks all tokens from a place within a rule that follows itself.
func (a *automaton) loopOf(v *Vocab, s *state, rule int32) (*loop, error) {
	if s.loop != nil {
		return s.loop, nil
	}
	s.loop = &loop{}
	a.cl.clear()
	a.cl.call(rule, a.bottom)
	again, err := a.cl.state()
	if err != nil || a.nullable[rule] || again == nil || again.tokens || s.tokens {
		return s.loop, err
	}
	l := &loop{ok: true, bits: make([]uint64, words(v.size))}
	w := &loopWalk{a: a, v: v, again: again, loop: l}
	if s == again {
		end, err := a.plainLead(s)
		if err != nil {
			return s.loop, err
		}
		l.plain = end != nil && end.final && len(end.items) == 0
	}
	if ok, err := w.tokens(s); !ok || err != nil {
		return s.loop, err
	}
	l.counted = newCounted(w.ids, w.times)
	s.loop = l
	a.bytes += 6*len(l.nodes) + 4*len(w.ids) + 8*len(l.bits)
	return s.loop, nil
}

// loopWalk is a walk of the tree of tokens through a loop.
type loopWalk struct {
	loop  *loop
	a     *automaton
	v     *Vocab
	again *state // at the beginning of the rule
	ids   []int32
	times []uint16 // that each of them begins the rule
}

// tokens collects tokens; false when the rule can end or go on at the same place.
func (w *loopWalk) tokens(s *state) (bool, error) {
	stack := make([]*state, w.v.depth+1)
	count := make([]uint16, w.v.depth+1)
	stack[0] = s
	for i, to := int32(0), int32(len(w.v.nodes)); i < to; {
		if w.loop.plain {
			if i = nextBit(w.v.plain.rest, i, to); i == to {
				break
			}
		}
		n := &w.v.nodes[i]
		t, err := w.a.follow(stack[n.depth-1], w.a.classOf[n.b])
		if err != nil {
			return false, err
		}
		if t == deadState {
			i = n.skip
			continue
		}
		times := count[n.depth-1]
		for id := n.token; id >= 0; id = w.v.twin(n, id) {
			if w.loop.plain && w.v.plain.count[i] > 0 {
				break // and its twins
			}
			w.ids, w.times = append(w.ids, id), append(w.times, times+1)
			setBit(w.loop.bits, id)
		}
		stack[n.depth], count[n.depth] = t, times
		if t.final {
			if len(t.items) > 0 {
				return false, nil
			}
			w.loop.nodes, w.loop.done = append(w.loop.nodes, i), append(w.loop.done, times+1)
			stack[n.depth], count[n.depth] = w.again, times+1
		}
		i++
	}
	return true, nil
}
