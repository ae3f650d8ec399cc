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
	round   uint32
	items   []item
	itemOf  []int32 // by node: where items may have it
	calls   []call  // rules called, and what follows them
	callOf  []int32 // by rule: where calls may have it
	seen    []visit // places with more than one way on
	seenOf  []int32 // by node: where seen may have its last
	ranks   []int32 // of calls, a heap of the lowest
	ruleAt  []int32 // rules by rank
}

type call struct {
	rule int32
	cont *cont
}

type visit struct {
	frame
	before int32 // the one before of the same node, or −1
}

func (c *closure) init(a *automaton) {
	c.a = a
	c.itemOf, c.seenOf = make([]int32, len(a.nodes)), make([]int32, len(a.nodes))
	c.callOf, c.ruleAt = make([]int32, len(a.rank)), make([]int32, len(a.rank))
	for r, at := range a.rank {
		c.ruleAt[at] = int32(r)
	}
}

func (c *closure) clear() {
	c.items, c.calls, c.seen, c.ranks = c.items[:0], c.calls[:0], c.seen[:0], c.ranks[:0]
	c.err, c.final, c.entered = nil, false, false
	c.round++
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
	last := c.seenOf[n]
	if int(last) >= len(c.seen) || c.seen[last].node != n {
		last = -1
	}
	for i := last; i >= 0; i = c.seen[i].before {
		if v := &c.seen[i]; v.count == count && v.next == k {
			return false
		}
	}
	c.seenOf[n] = int32(len(c.seen))
	c.seen = append(c.seen, visit{frame{n, count, k}, last})
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
	at := c.itemOf[n]
	if int(at) >= len(c.items) || c.items[at].node != n {
		c.itemOf[n] = int32(len(c.items))
		c.items = append(c.items, item{n, k})
		return
	}
	if old := c.items[at].cont; old != k {
		k, err := c.a.union(old, k)
		if err != nil {
			c.fail(err)
			return
		}
		c.items[at].cont = k
	}
}

// pop goes on behind a rule.
func (c *closure) pop(k *cont) {
	if k.round == c.round {
		return
	}
	k.round = c.round
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
	at := c.callOf[rule]
	if int(at) >= len(c.calls) || c.calls[at].rule != rule {
		c.callOf[rule] = int32(len(c.calls))
		c.calls = append(c.calls, call{rule, k})
		c.pushRank(c.a.rank[rule])
		return
	}
	if old := c.calls[at].cont; old != k {
		k, err := c.a.union(old, k)
		if err != nil {
			c.fail(err)
			return
		}
		c.calls[at].cont = k
	}
}

// state enters the rules that were called and returns the state, nil for one that nothing leads to.
func (c *closure) state() (*state, error) {
	c.entered = true
	for len(c.ranks) > 0 && c.err == nil {
		rule := c.ruleAt[c.popRank()]
		c.reach(c.a.starts[rule], 0, c.calls[c.callOf[rule]].cont)
	}
	if c.err == nil && len(c.items) > maxItems {
		c.fail(fmt.Errorf("%w: the text can be read in too many ways", ErrLimit))
	}
	if c.err != nil {
		return nil, c.err
	}
	if len(c.items) == 0 && !c.final {
		return nil, nil
	}
	sortItems(c.items)
	return c.a.intern(c.items, c.final), nil
}

// sortItems sorts items by node. They mostly are in order but for a few.
func sortItems(items []item) {
	const far = 64 // moves that cost as much as another way to sort
	moves := 0
	for i := 1; i < len(items); i++ {
		it, k := items[i], i
		for ; k > 0 && items[k-1].node > it.node; k-- {
			items[k] = items[k-1]
		}
		items[k] = it
		if moves += i - k; moves > far*len(items) {
			slices.SortFunc(items, func(x, y item) int { return int(x.node) - int(y.node) })
			return
		}
	}
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
