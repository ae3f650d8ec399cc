package grammar

import (
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// Most tokens are words: characters that strings of JSON and other free texts allow without exception. What they do in
// a place where each such character leads back to it is known beforehand, and only the other tokens are walked.

// plainChars are the characters of plain tokens.
var plainChars = class{' ', maxRune}.without(class{'"', '"', '\\', '\\', '<', '<', 0x7F, 0x7F})

// plainTokens is what a vocabulary knows of its plain tokens.
type plainTokens struct {
	bits  []uint64
	count []uint8  // per node of the tree, of how many whole plain characters its path is; 0 where it is not
	rest  []uint64 // nodes on the paths of other tokens
	ids   []int32  // by the nodes at which they end
	until []int32  // per node, and one more, how many of ids come before it
	counted
}

// counted are tokens by how many times they begin a rule.
type counted struct {
	order []int32 // order[:upTo[n]] at most n times
	upTo  []int32
}

// newCounted sorts tokens by their times.
func newCounted(ids []int32, times []uint16) counted {
	most := uint16(0)
	for _, t := range times {
		most = max(most, t)
	}
	c := counted{order: make([]int32, len(ids)), upTo: make([]int32, most+1)}
	for _, t := range times {
		c.upTo[t]++
	}
	at := make([]int32, most+1)
	for t := 1; t <= int(most); t++ {
		at[t] = c.upTo[t-1]
		c.upTo[t] += c.upTo[t-1]
	}
	for i, id := range ids {
		c.order[at[times[i]]] = id
		at[times[i]]++
	}
	return c
}

// add sets the bits of tokens that come at most n times; all has those of all tokens.
func (c *counted) add(bits, all []uint64, n int) {
	if len(c.upTo) == 0 {
		return
	}
	few := c.order[:c.upTo[min(n, len(c.upTo)-1)]]
	if len(few) < len(c.order)/2 {
		for _, id := range few {
			setBit(bits, id)
		}
		return
	}
	own := slices.Clone(all)
	for _, id := range c.order[len(few):] {
		own[id>>6] &^= 1 << (id & 63)
	}
	for i, w := range own {
		bits[i] |= w
	}
}

// findPlain fills in what the vocabulary knows of its plain tokens.
func (v *Vocab) findPlain() {
	type path struct {
		count, start int // plain characters, and where the one under way begins; count < 0: not plain
	}
	p := &v.plain
	p.until = make([]int32, len(v.nodes)+1)
	p.bits, p.count, p.rest = make([]uint64, words(v.size)), make([]uint8, len(v.nodes)), make([]uint64, words(len(v.nodes)+1))
	text, paths := make([]byte, v.depth+1), make([]path, v.depth+1)
	var times []uint16
	for i := range v.nodes {
		n := &v.nodes[i]
		at := paths[n.depth-1]
		text[n.depth-1] = n.b
		if frag := text[at.start:n.depth]; at.count >= 0 && utf8.FullRune(frag) {
			r, size := utf8.DecodeRune(frag)
			if at.count++; r == utf8.RuneError && size < 2 || !plainChars.has(r) || at.count > math.MaxUint8 {
				at.count = -1
			}
			at.start = int(n.depth)
			p.count[i] = uint8(max(at.count, 0))
		}
		paths[n.depth] = at
		for id := n.token; id >= 0; id = v.twin(n, id) {
			if p.count[i] > 0 {
				setBit(p.bits, id)
				p.ids, times = append(p.ids, id), append(times, uint16(p.count[i]))
				continue
			}
			for k := int32(i); k >= 0 && !hasBit(p.rest, k); k = v.nodes[k].parent {
				setBit(p.rest, k)
			}
		}
		p.until[i+1] = int32(len(p.ids))
	}
	p.counted = newCounted(p.ids, times)
}

// has reports whether a character is in c, which is normal.
func (c class) has(r rune) bool {
	for i := 0; i < len(c); i += 2 {
		if c[i] <= r && r <= c[i+1] {
			return true
		}
	}
	return false
}

// nextBit returns the first bit at or after i, or n.
func nextBit(set []uint64, i, n int32) int32 {
	for w := i >> 6; int(w) < len(set); w++ {
		x := set[w]
		if w == i>>6 {
			x &= math.MaxUint64 << (i & 63)
		}
		if x != 0 {
			return min(w<<6+int32(bits.TrailingZeros64(x)), n)
		}
	}
	return n
}

// below returns the plain tokens that end at the nodes [from, to).
func (p *plainTokens) below(from, to int32) []int32 { return p.ids[p.until[from]:p.until[to]] }

// plainASCII and plainRuns are the bytes of plain characters, of one byte and of more.
var plainASCII, plainRuns = func() (ascii []byte, runs [][]byteRange) {
	plainChars.sequences(func(run []byteRange) {
		if len(run) > 1 {
			runs = append(runs, slices.Clone(run))
			return
		}
		for b := int(run[0].lo); b <= int(run[0].hi); b++ {
			ascii = append(ascii, byte(b))
		}
	})
	return ascii, runs
}()

// lead is where plain characters lead from a state.
type lead struct {
	to     *state // nil: to many places
	except []byte // those of one byte that lead elsewhere, or nowhere
}

// A lead has so many exceptions at most, and is not looked for in a state of more items, where each step is long.
const mostExceptions, mostLeadItems = 12, 256

// leadOf returns the lead of a state.
func (a *automaton) leadOf(s *state) (*lead, error) {
	if s.lead != nil {
		return s.lead, nil
	}
	l := &lead{}
	if len(s.items) > mostLeadItems {
		s.lead = l
		return l, nil
	}
	times := map[*state]int{}
	for _, b := range plainASCII {
		to, err := a.follow(s, a.classOf[b])
		if err != nil {
			return nil, err
		}
		if times[to]++; times[to] > len(plainASCII)/2 && to != deadState {
			l.to = to
		}
	}
	s.lead = l
	if l.to == nil {
		return l, nil
	}
	for _, b := range plainASCII {
		if s.next[a.classOf[b]] != l.to {
			l.except = append(l.except, b)
		}
	}
	for _, run := range plainRuns {
		ok, err := a.runLeads(s, l.to, run)
		if err != nil {
			return nil, err
		}
		if !ok || len(l.except) > mostExceptions {
			l.to = nil
			break
		}
	}
	return l, nil
}

// plainLead returns the state that each plain character leads to from s, nil if there are several.
func (a *automaton) plainLead(s *state) (*state, error) {
	l, err := a.leadOf(s)
	if err != nil || len(l.except) > 0 {
		return nil, err
	}
	return l.to, nil
}

// plainAll adds the plain tokens that a state allows, unless it returns false. ends is as for walk.
func (a *automaton) plainAll(v *Vocab, s *state, stack []*state, bits []uint64, ends *[]int32) (bool, error) {
	r, err := a.runOf(s)
	if err != nil {
		return false, err
	}
	if r.times == unequal || ends != nil && r.final {
		return a.plainBelow(v, -1, int32(len(v.nodes)), s, stack, bits, ends)
	}
	v.plain.add(bits, v.plain.bits, r.times)
	return true, nil
}

// plainBelow adds the plain tokens below a node (−1: all), up to another, if any number of plain characters can come from
// the state there, or they lead back to it with few exceptions; otherwise it returns false. ends is as for walk: such places there must be none of.
func (a *automaton) plainBelow(v *Vocab, node, to int32, s *state, stack []*state, bits []uint64, ends *[]int32) (bool, error) {
	if r, err := a.runOf(s); err != nil {
		return false, err
	} else if r.times == math.MaxInt && (ends == nil || !r.final) {
		for _, id := range v.plain.below(node+1, to) {
			setBit(bits, id)
		}
		return true, nil
	}
	l, err := a.leadOf(s)
	if err != nil || l.to == nil || !slices.Equal(l.to.items, s.items) || ends != nil && l.to.final {
		return false, err
	}
	for _, id := range v.plain.below(node+1, to) {
		setBit(bits, id)
	}
	var lists [mostExceptions][]int32 // of nodes at which a character is an exception
	for i, b := range l.except {
		at, _ := slices.BinarySearch(v.byByte[b], node+1)
		lists[i] = v.byByte[b][at:]
	}
	for next := node + 1; ; {
		i := firstOf(lists[:len(l.except)], next, to)
		if i == to {
			return true, nil
		}
		n := &v.nodes[i]
		if next = i + 1; v.plain.count[i] == 0 {
			continue // not behind plain characters only
		}
		next = n.skip
		for _, id := range v.plain.below(i, n.skip) {
			bits[id>>6] &^= 1 << (id & 63)
		}
		stack[n.depth-1] = s
		if err := a.walk(v, i, n.skip, 0, stack, bits, ends); err != nil {
			return true, err
		}
	}
}

// firstOf returns the lowest of the numbers in ascending lists that is at least from, or to. It drops lower ones.
func firstOf(lists [][]int32, from, to int32) int32 {
	for i, list := range lists {
		for len(list) > 0 && list[0] < from {
			list = list[1:]
		}
		if lists[i] = list; len(list) > 0 {
			to = min(to, list[0])
		}
	}
	return to
}

// runLeads reports whether all bytes of a run lead to a state.
func (a *automaton) runLeads(s, to *state, run []byteRange) (bool, error) {
	if len(run) == 0 {
		return s == to, nil
	}
	var done [256]bool // by class: all bytes of one lead to the same place
	for b := int(run[0].lo); b <= int(run[0].hi); b++ {
		c := a.classOf[b]
		if done[c] {
			continue
		}
		done[c] = true
		next, err := a.follow(s, c)
		if err != nil || next == deadState {
			return false, err
		}
		if ok, err := a.runLeads(next, to, run[1:]); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}
