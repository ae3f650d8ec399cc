package grammar

// loop is what tokens do while a counted rule follows itself: as if it could come any number of times, and nothing else
// could. Strings with lengths spend their texts in one, and each character is another count; without it each would
// need a walk of all tokens.
type loop struct {
	ok bool // the rule ends in one way only, so that times can be counted
	// order has the tokens that stay in the loop, by how many times they begin the rule: order[:upTo[n]] at most n.
	order []int32
	upTo  []int32
	bits  []uint64 // of order
	done  []uint16 // per node of the tree, how many times the rule has come when it ends there; 0 where it does not end
}

// maskLoop adds the tokens that places within a counted rule allow, if nothing but the counter follows them. It
// returns false where it can't tell.
func (a *automaton) maskLoop(v *Vocab, s *state, k *cont, bits []uint64) (bool, error) {
	if k.ends || len(k.frames) != 1 || a.nodes[k.frames[0].node].kind != nodeCount {
		return false, nil
	}
	f := k.frames[0]
	n := &a.nodes[f.node]
	l, err := a.loopOf(v, s, n.rule)
	if err != nil || !l.ok {
		return false, err
	}
	before := int(f.count) - 1 // times before the one under way
	most := len(l.upTo) - 1
	if n.max >= 0 {
		most = min(most, int(n.max)-before)
	}
	l.add(bits, most)
	least := max(int(n.min)-before, 1)
	a.cl.clear()
	a.cl.reach(n.out, 0, f.next)
	after, err := a.cl.state()
	if err != nil || after == nil {
		return err == nil, err
	}
	return true, a.maskAfterLoop(v, l, after, least, most, bits)
}

// add sets the bits of tokens that begin the rule at most n times.
func (l *loop) add(bits []uint64, n int) {
	few := l.order[:l.upTo[n]]
	if len(few) < len(l.order)/2 {
		for _, id := range few {
			setBit(bits, id)
		}
		return
	}
	own := append([]uint64(nil), l.bits...)
	for _, id := range l.order[len(few):] {
		own[id>>6] &^= 1 << (id & 63)
	}
	for i, w := range own {
		bits[i] |= w
	}
}

// maskAfterLoop adds the tokens that leave the loop after least to most times.
func (a *automaton) maskAfterLoop(v *Vocab, l *loop, after *state, least, most int, bits []uint64) error {
	stack := make([]*state, v.depth+1)
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
			if times := int(l.done[n.parent]); times == 0 || times < least || times > most {
				continue
			}
			stack[n.depth-1] = after
			if err := a.walk(v, i, n.skip, stack, bits, nil); err != nil {
				return err
			}
		}
	}
	return nil
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
	w := &loopWalk{a: a, v: v, again: again, loop: &loop{ok: true, done: make([]uint16, len(v.nodes))}}
	w.order, w.times = make([]int32, 0, v.size), make([]uint16, 0, v.size)
	if ok, err := w.walk(s); !ok || err != nil {
		return s.loop, err
	}
	w.sort()
	s.loop = w.loop
	a.bytes += 2*len(v.nodes) + 4*len(w.order) + 8*len(w.bits)
	return s.loop, nil
}

// loopWalk is a walk of the tree of tokens through a loop.
type loopWalk struct {
	*loop
	a     *automaton
	v     *Vocab
	again *state   // at the beginning of the rule
	times []uint16 // that the tokens of order begin the rule
}

// walk collects tokens; false when the rule can end or go on at the same place.
func (w *loopWalk) walk(s *state) (bool, error) {
	stack := make([]*state, w.v.depth+1)
	count := make([]uint16, w.v.depth+1)
	stack[0] = s
	for i := int32(0); int(i) < len(w.v.nodes); {
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
			w.order = append(w.order, id)
			w.times = append(w.times, times+1)
		}
		stack[n.depth], count[n.depth] = t, times
		if t.final {
			if len(t.items) > 0 {
				return false, nil
			}
			w.done[i] = times + 1
			stack[n.depth], count[n.depth] = w.again, times+1
		}
		i++
	}
	return true, nil
}

// sort orders the tokens by how often they begin the rule.
func (w *loopWalk) sort() {
	most := uint16(0)
	for _, t := range w.times {
		most = max(most, t)
	}
	w.upTo = make([]int32, most+1)
	for _, t := range w.times {
		w.upTo[t]++
	}
	at := make([]int32, most+1)
	for t := 1; t <= int(most); t++ {
		at[t] = w.upTo[t-1]
		w.upTo[t] += w.upTo[t-1]
	}
	sorted := make([]int32, len(w.order))
	w.bits = make([]uint64, words(w.v.size))
	for i, id := range w.order {
		t := w.times[i]
		sorted[at[t]] = id
		at[t]++
		setBit(w.bits, id)
	}
	w.order = sorted
}
