package grammar

import (
	"fmt"
)

// nodeKind says what a node does.
type nodeKind uint8

const (
	nodeEnd   nodeKind = iota // of a rule
	nodeBytes                 // a byte of [lo, hi], then out
	nodeSplit                 // any of outs
	nodeCall                  // a rule, then out
	nodeCount                 // a rule, lo to hi times, then out
	nodeToken                 // a token, then out
)

// node is a place in a rule.
type node struct {
	kind     nodeKind
	lo, hi   byte
	out      int32
	outs     []int32
	rule     int32 // of nodeCall and nodeCount; of nodeToken the index of the token
	min, max int32 // of nodeCount; max < 0 is no bound
}

// end is the node at which every rule ends.
const end int32 = 0

// program is a compiled grammar.
type program struct {
	nodes    []node
	starts   []int32 // where each rule begins
	names    []string
	root     int32
	tokens   []token
	nullable []bool  // rules that allow the empty text
	rank     []int32 // a rule comes before those that it can begin with
	classOf  [256]uint8
	members  []byte // one byte of each class: all of a class lead to the same place
}

// Rules up to the first size are copied to where they are used, instead of being called, and repetitions up to the
// second, instead of being counted: a character of a JSON string is the former, four digits are the latter.
const copiedRule, copiedTimes = 160, 16

// compiler builds nodes from the end of a rule to its beginning, so that each one knows what follows it.
type compiler struct {
	program
	rules  []rule
	copied []bool // rules that are copied to where they are used
	sizes  []int  // of these
	name   string // of the rule under way
	err    error
}

func compile(rules []rule, root int) (*program, error) {
	c := &compiler{rules: rules}
	c.nodes = []node{{kind: nodeEnd}}
	c.root = int32(root)
	c.copied, c.sizes = copiedRules(rules)
	for i := 0; i < len(c.rules); i++ { // counted expressions add rules
		c.name = c.rules[i].name
		c.starts = append(c.starts, c.expr(c.rules[i].body, end))
		c.names = append(c.names, c.name)
		if c.err != nil {
			return nil, c.err
		}
	}
	if err := c.analyse(); err != nil {
		return nil, err
	}
	return &c.program, nil
}

func (c *compiler) add(n node) int32 {
	if len(c.nodes) >= MaxSize {
		c.err = fmt.Errorf("%w: more than %d nodes", ErrLimit, MaxSize)
		return end
	}
	c.nodes = append(c.nodes, n)
	return int32(len(c.nodes) - 1)
}

// expr builds e with what follows it, and returns where it begins.
func (c *compiler) expr(e expr, out int32) int32 {
	if c.err != nil {
		return end
	}
	switch e := e.(type) {
	case lit:
		for i := len(e) - 1; i >= 0; i-- {
			out = c.add(node{kind: nodeBytes, lo: e[i], hi: e[i], out: out})
		}
		return out
	case class:
		return c.class(e, out)
	case seq:
		for i := len(e) - 1; i >= 0; i-- {
			out = c.expr(e[i], out)
		}
		return out
	case alt:
		outs := make([]int32, len(e))
		for i, x := range e {
			outs[i] = c.expr(x, out)
		}
		return c.split(outs...)
	case rep:
		return c.rep(e, out)
	case ref:
		if c.copied[e] {
			return c.expr(c.rules[e].body, out)
		}
		return c.add(node{kind: nodeCall, rule: int32(e), out: out})
	case token:
		c.tokens = append(c.tokens, e)
		return c.add(node{kind: nodeToken, rule: int32(len(c.tokens) - 1), out: out})
	}
	panic(fmt.Sprintf("grammar: expression of type %T", e))
}

func (c *compiler) split(outs ...int32) int32 {
	if len(outs) == 1 {
		return outs[0]
	}
	return c.add(node{kind: nodeSplit, outs: outs})
}

// class builds a character. Runs of bytes that end alike share nodes.
func (c *compiler) class(e class, out int32) int32 {
	type key struct {
		byteRange
		out int32
	}
	made := map[key]int32{}
	var outs []int32
	e.sequences(func(run []byteRange) {
		to := out
		for i := len(run) - 1; i >= 0; i-- {
			k := key{run[i], to}
			n, ok := made[k]
			if !ok {
				n = c.add(node{kind: nodeBytes, lo: k.lo, hi: k.hi, out: to})
				made[k] = n
			}
			to = n
		}
		outs = append(outs, to)
	})
	return c.split(outs...)
}

// rep builds a repetition: small ones as copies, large ones as a rule and a counter.
func (c *compiler) rep(e rep, out int32) int32 {
	if e.max == 0 {
		return out
	}
	if e.max > 0 && e.max < e.min {
		return c.expr(never, out)
	}
	if x, ok := e.x.(rep); ok && x.min == 0 && x.max < 0 {
		return c.rep(x, out) // any number of times any number
	}
	size := c.size(e.x)
	switch copies := max(e.min, e.max); {
	case e.max < 0 && e.min <= 1:
		loop := c.split(end, end) // patched
		body := c.expr(e.x, loop)
		if c.err == nil {
			c.nodes[loop].outs = []int32{body, out}
		}
		if e.min == 1 {
			return body
		}
		return loop
	case copies == 1, copies*size <= copiedTimes:
		return c.copies(e, out)
	}
	r, ok := e.x.(ref)
	if !ok {
		r = ref(len(c.rules))
		c.rules = append(c.rules, rule{name: c.name, body: e.x})
		c.copied, c.sizes = append(c.copied, false), append(c.sizes, 1)
	}
	return c.add(node{kind: nodeCount, rule: int32(r), min: int32(e.min), max: int32(e.max), out: out})
}

// size estimates the nodes of an expression, those of rules that are copied into it included.
func (c *compiler) size(e expr) int {
	n, _ := sizeOf(e)
	eachRef(e, func(r ref) {
		if c.copied[r] {
			n += c.sizes[r]
		}
	})
	return max(n, 1)
}

// copies builds the parts that may follow first, then those that must come.
func (c *compiler) copies(e rep, out int32) int32 {
	to := out
	if e.max < 0 {
		to = c.rep(rep{e.x, 0, -1}, out)
	}
	for range e.max - e.min {
		to = c.split(c.expr(e.x, to), out)
	}
	for range e.min {
		to = c.expr(e.x, to)
	}
	return to
}

// copiedRules finds the rules that are small, have no loop and do not contain themselves. Calling them would put one
// more frame between the text and the rule that says what follows.
func copiedRules(rules []rule) (are []bool, size []int) {
	const unknown, open, copied, called = 0, 1, 2, 3
	state := make([]uint8, len(rules))
	size = make([]int, len(rules))
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		n, loops := sizeOf(rules[i].body)
		small := !loops && n <= copiedRule
		if small { // so the walk is short, too
			eachRef(rules[i].body, func(r ref) {
				if state[r] == unknown {
					visit(int(r))
				}
				small = small && state[r] == copied
				n += size[r]
			})
		}
		size[i] = n
		state[i] = called
		if small && n <= copiedRule {
			state[i] = copied
		}
	}
	are = make([]bool, len(rules))
	for i := range rules {
		if state[i] == unknown {
			visit(i)
		}
		are[i] = state[i] == copied
	}
	return are, size
}
