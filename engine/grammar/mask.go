package grammar

// inner is what tokens do within the rule at the top of the stack, whatever follows the rule.
type inner struct {
	bits []uint64 // tokens that lead to some place, or to the end of the rule
	// ends are nodes of the tree at which the rule can end, and tokens go on.
	ends    []int32
	hasEnds bool // ends is known
}

// mask returns the tokens that a state allows. It is found in two steps, so that most of the work is done once per
// place in a rule and not once per stack: the tokens that stay within a rule, and then for each way out of it what
// tokens do behind.
func (a *automaton) mask(v *Vocab, s *state) ([]uint64, error) {
	if m := s.mask.Load(); m != nil {
		return *m, nil
	}
	bits := make([]uint64, words(v.size))
	rest := a.current(s).items
	for len(rest) > 0 {
		// The items that one cont follows are what the rule at the top has reached.
		k := rest[0].cont
		var top, others []item
		for _, it := range rest {
			if it.cont == k {
				top = append(top, item{it.node, a.bottom})
			} else {
				others = append(others, it)
			}
		}
		if err := a.maskWithin(v, top, k, bits); err != nil {
			return nil, err
		}
		rest = others
	}
	s.mask.Store(&bits)
	a.bytes += 8 * len(bits)
	return bits, nil
}

// maskWithin adds the tokens that places in a rule allow, which k follows.
func (a *automaton) maskWithin(v *Vocab, top []item, k *cont, bits []uint64) error {
	s := a.intern(top, false)
	if done, err := a.maskLoop(v, s, k, bits); done || err != nil {
		return err
	}
	in, err := a.innerOf(v, s, k != a.bottom)
	if err != nil {
		return err
	}
	for i, w := range in.bits {
		bits[i] |= w
	}
	if k == a.bottom || len(in.ends) == 0 {
		return nil
	}
	after, err := a.afterOf(k)
	if err != nil || len(after.items) == 0 {
		return err
	}
	stack := make([]*state, v.depth+1)
	for _, n := range in.ends {
		stack[v.nodes[n].depth] = after
		if err := a.walk(v, n+1, v.nodes[n].skip, 0, stack, bits, nil); err != nil {
			return err
		}
	}
	return nil
}

// innerOf walks all tokens from a state that nothing follows. Where the text ends with the rule nobody asks for ends.
func (a *automaton) innerOf(v *Vocab, s *state, ends bool) (*inner, error) {
	if s.inner != nil && (s.inner.hasEnds || !ends) {
		return s.inner, nil
	}
	in := &inner{bits: make([]uint64, words(v.size)), hasEnds: ends}
	to := &in.ends
	if !ends {
		to = nil
	}
	stack := make([]*state, v.depth+1)
	stack[0] = s
	all, rest := int32(len(v.nodes)), int32(0)
	if plain, err := a.plainAll(v, s, stack, in.bits, to); err != nil {
		return nil, err
	} else if plain {
		stack[0], rest = s, all
	}
	if err := a.walk(v, 0, all, rest, stack, in.bits, to); err != nil {
		return nil, err
	}
	for _, it := range s.items {
		if n := &a.nodes[it.node]; n.kind == nodeToken {
			a.maskToken(v, n.rule, in.bits)
		}
	}
	s.inner = in
	a.bytes += 8*len(in.bits) + 4*len(in.ends)
	return in, nil
}

// maskToken adds what <name> or !<name> stands for.
func (a *automaton) maskToken(v *Vocab, index int32, bits []uint64) {
	id := a.ids[index]
	if !a.tokens[index].not {
		if hasBit(v.named, id) {
			setBit(bits, id)
		}
		return
	}
	had := hasBit(bits, id)
	for i, w := range v.named {
		bits[i] |= w
	}
	if !had {
		bits[id>>6] &^= 1 << (id & 63)
	}
}

// afterOf returns where a text is when the rule before k has ended.
func (a *automaton) afterOf(k *cont) (*state, error) {
	if k.after == nil {
		a.cl.clear()
		a.cl.pop(k)
		s, err := a.cl.state()
		if err != nil {
			return nil, err
		}
		if s == nil {
			s = deadState
		}
		k.after = s
	}
	return k.after, nil
}

// walk follows the nodes [from, to) of the tree; stack has the state before each depth. It adds the tokens that lead
// somewhere, and to ends, if given, the nodes with more below them at which the text may end. Up to the node rest plain
// tokens are in bits already.
func (a *automaton) walk(v *Vocab, from, to, rest int32, stack []*state, bits []uint64, ends *[]int32) error {
	for i := from; i < to; {
		if i < rest {
			if i = nextBit(v.plain.rest, i, rest); i == rest {
				continue
			}
		}
		n := &v.nodes[i]
		s := stack[n.depth-1]
		var t *state
		if s.next != nil {
			t = s.next[a.classOf[n.b]]
		}
		if t == nil {
			var err error
			if t, err = a.follow(s, a.classOf[n.b]); err != nil {
				return err
			}
		}
		if t == deadState {
			i = n.skip
			continue
		}
		for id := n.token; id >= 0; id = v.twin(n, id) {
			setBit(bits, id)
		}
		if ends != nil && t.final && n.skip > i+1 {
			*ends = append(*ends, i)
		}
		stack[n.depth] = t
		if len(t.items) == 0 {
			i = n.skip
			continue
		}
		if i >= rest && n.skip > i+fewNodes && v.plain.count[i] > 0 {
			if done, err := a.plainBelow(v, i, n.skip, t, stack, bits, ends); err != nil {
				return err
			} else if done {
				rest = n.skip
			}
		}
		i++
	}
	return nil
}

// fewNodes are walked, whatever they are.
const fewNodes = 8
