package grammar

import (
	"fmt"
	"slices"
)

// closure finds all places that a text reaches without another byte.
//
// Rules that are called are entered at the end, in the order of their rank, each once: by then all places that call it
// are known, and what follows it is one cont. Whether a called rule may be empty is known beforehand, so the place
// behind it is reached at the call, and the end of a rule just entered leads nowhere new.
type closure struct {
	a       *automaton
	err     error
	final   bool
	entered bool // in rules that are called: their end is no news
	seen    map[frame]struct{}
	popped  map[*cont]struct{}
	at      map[int32]*cont // items
	calls   map[int32]*cont // rules called, and what follows them
	ranks   []int32         // of calls, a heap of the lowest
	ruleAt  []int32         // rules by rank
	items   []item
}

func (c *closure) init(a *automaton) {
	c.a = a
	c.seen, c.popped = map[frame]struct{}{}, map[*cont]struct{}{}
	c.at, c.calls = map[int32]*cont{}, map[int32]*cont{}
	c.ruleAt = make([]int32, len(a.rank))
	for r, at := range a.rank {
		c.ruleAt[at] = int32(r)
	}
}

func (c *closure) clear() {
	clear(c.seen)
	clear(c.popped)
	clear(c.at)
	clear(c.calls)
	c.ranks, c.items = c.ranks[:0], c.items[:0]
	c.err, c.final, c.entered = nil, false, false
}

func (c *closure) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// reach enters a place: node, after which comes k.
func (c *closure) reach(n, count int32, k *cont) {
	if c.err != nil {
		return
	}
	if err := c.a.spend(1); err != nil {
		c.fail(err)
		return
	}
	switch nd := &c.a.nodes[n]; nd.kind {
	case nodeEnd:
		if !c.entered {
			c.pop(k)
		}
	case nodeBytes, nodeToken:
		c.put(n, k)
	case nodeSplit:
		if c.first(n, count, k) {
			for _, o := range nd.outs {
				c.reach(o, 0, k)
			}
		}
	case nodeCall:
		c.callThen(nd.rule, nd.out, 0, k)
		if c.a.nullable[nd.rule] {
			c.reach(nd.out, 0, k)
		}
	case nodeCount:
		if c.first(n, count, k) {
			c.count(n, count, k)
		}
	}
}

// first reports whether a place is new.
func (c *closure) first(n, count int32, k *cont) bool {
	f := frame{n, count, k}
	if _, old := c.seen[f]; old {
		return false
	}
	c.seen[f] = struct{}{}
	return true
}

// count is at a counter: once more, if that is allowed, and on, if it was often enough.
func (c *closure) count(n, count int32, k *cont) {
	nd := &c.a.nodes[n]
	if nd.max < 0 || count < nd.max {
		next := count + 1
		if nd.max < 0 {
			next = min(next, nd.min)
		}
		c.callThen(nd.rule, n, next, k)
	}
	if count >= nd.min {
		c.reach(nd.out, 0, k)
	}
}

// put adds an item.
func (c *closure) put(n int32, k *cont) {
	if old := c.at[n]; old != nil && old != k {
		var err error
		if k, err = c.a.union(old, k); err != nil {
			c.fail(err)
			return
		}
	}
	c.at[n] = k
}

// pop goes on behind a rule.
func (c *closure) pop(k *cont) {
	if _, old := c.popped[k]; old {
		return
	}
	c.popped[k] = struct{}{}
	c.final = c.final || k.ends
	for _, f := range k.frames {
		c.reach(f.node, f.count, f.next)
	}
}

// callThen calls a rule that a place follows. A call at the end of a rule leaves nothing to come back to.
func (c *closure) callThen(rule, n, count int32, k *cont) {
	if n != end {
		if k.depth >= MaxDepth {
			return // deeper than is allowed
		}
		k = c.a.push(n, count, k)
	}
	c.call(rule, k)
}

func (c *closure) call(rule int32, k *cont) {
	old := c.calls[rule]
	if old == nil {
		c.pushRank(c.a.rank[rule])
	} else if old != k {
		var err error
		if k, err = c.a.union(old, k); err != nil {
			c.fail(err)
			return
		}
	}
	c.calls[rule] = k
}

// state enters the rules that were called and returns the state, nil for one that nothing leads to.
func (c *closure) state() (*state, error) {
	c.entered = true
	for len(c.ranks) > 0 && c.err == nil {
		rule := c.ruleAt[c.popRank()]
		c.reach(c.a.starts[rule], 0, c.calls[rule])
	}
	if c.err == nil && len(c.at) > maxItems {
		c.fail(fmt.Errorf("%w: the text can be read in too many ways", ErrLimit))
	}
	if c.err != nil {
		return nil, c.err
	}
	if len(c.at) == 0 && !c.final {
		return nil, nil
	}
	for n, k := range c.at {
		c.items = append(c.items, item{n, k})
	}
	slices.SortFunc(c.items, func(x, y item) int { return int(x.node) - int(y.node) })
	return c.a.intern(c.items, c.final), nil
}

// pushRank and popRank keep ranks as a heap.
func (c *closure) pushRank(r int32) {
	h := append(c.ranks, r)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up] <= h[i] {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
	c.ranks = h
}

func (c *closure) popRank() int32 {
	h := c.ranks
	lowest, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	c.ranks = h
	return lowest
}
