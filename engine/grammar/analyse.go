package grammar

import (
	"fmt"
	"strings"
)

// analyse finds out what the automaton needs to know about rules, and takes out what no text can go through.
func (c *compiler) analyse() error {
	c.prune()
	if !c.nodes[c.starts[c.root]].alive() {
		return ErrEmpty
	}
	c.findNullable()
	if err := c.order(); err != nil {
		return err
	}
	c.findClasses()
	return nil
}

// dead is the kind of a node from which no text leads to the end of its rule.
const dead nodeKind = 255

func (n *node) alive() bool { return n.kind != dead }

// prune marks nodes from which the end of their rule can't be reached, and takes them out of splits. So whatever can
// begin can be completed.
func (c *compiler) prune() {
	good := c.fixpoint(true)
	for i := range c.nodes {
		n := &c.nodes[i]
		switch {
		case !good[i]:
			*n = node{kind: dead}
		case n.kind == nodeSplit:
			kept := n.outs[:0]
			for _, o := range n.outs {
				if good[o] {
					kept = append(kept, o)
				}
			}
			n.outs = kept
		case n.kind == nodeCount && !good[c.starts[n.rule]]: // zero times
			*n = node{kind: nodeSplit, outs: []int32{n.out}}
		}
	}
}

func (c *compiler) findNullable() {
	empty := c.fixpoint(false)
	c.nullable = make([]bool, len(c.starts))
	for i, s := range c.starts {
		c.nullable[i] = empty[s]
	}
	for i := range c.nodes {
		if n := &c.nodes[i]; n.kind == nodeCount && c.nullable[n.rule] {
			n.min = 0 // some of the times may be empty
		}
	}
}

// fixpoint finds the nodes that lead to the end of their rule: through bytes or without any.
func (c *compiler) fixpoint(bytes bool) []bool {
	good := make([]bool, len(c.nodes))
	users := c.users()
	good[end] = true
	todo := []int32{end}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, u := range users[i] {
			if !good[u] && c.holds(u, good, bytes) {
				good[u] = true
				todo = append(todo, u)
			}
		}
	}
	return good
}

// users lists for each node those that depend on it.
func (c *compiler) users() [][]int32 {
	users := make([][]int32, len(c.nodes))
	for i := range c.nodes {
		n, u := &c.nodes[i], int32(i)
		switch n.kind {
		case nodeSplit:
			for _, o := range n.outs {
				users[o] = append(users[o], u)
			}
		case nodeCall, nodeCount:
			users[c.starts[n.rule]] = append(users[c.starts[n.rule]], u)
			users[n.out] = append(users[n.out], u)
		case nodeBytes, nodeToken:
			users[n.out] = append(users[n.out], u)
		}
	}
	return users
}

// holds reports whether a node is good, given which others are.
func (c *compiler) holds(u int32, good []bool, bytes bool) bool {
	switch n := &c.nodes[u]; n.kind {
	case nodeBytes, nodeToken:
		return bytes && good[n.out]
	case nodeSplit:
		for _, o := range n.outs {
			if good[o] {
				return true
			}
		}
		return false
	case nodeCall:
		return good[c.starts[n.rule]] && good[n.out]
	case nodeCount:
		return (n.min == 0 || good[c.starts[n.rule]]) && good[n.out]
	}
	return false
}

// order ranks the rules: a rule comes before those that it can begin with. There is no such order if a rule can begin
// with itself.
func (c *compiler) order() error {
	firsts := make([][]int32, len(c.starts))
	seen := make([]int32, len(c.nodes)) // by which rule, from 1
	for r := range c.starts {
		firsts[r] = c.firsts(int32(r), seen)
	}
	c.rank = make([]int32, len(c.starts))
	next := int32(len(c.starts))
	state := make([]uint8, len(c.starts)) // 1 open, 2 done
	var path []int32
	var visit func(r int32) error
	visit = func(r int32) error {
		state[r] = 1
		path = append(path, r)
		for _, f := range firsts[r] {
			switch state[f] {
			case 0:
				if err := visit(f); err != nil {
					return err
				}
			case 1:
				return c.recursion(path, f)
			}
		}
		path = path[:len(path)-1]
		state[r] = 2
		next--
		c.rank[r] = next
		return nil
	}
	for r := range c.starts {
		if state[r] == 0 {
			if err := visit(int32(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// recursion names the rules of a cycle, which the end of path closes at f.
func (c *compiler) recursion(path []int32, f int32) error {
	i := len(path) - 1
	for path[i] != f {
		i--
	}
	var names []string
	for _, r := range append(path[i:len(path):len(path)], f) {
		names = append(names, c.names[r])
	}
	if len(names) > 8 {
		names = append(append(names[:4:4], "…"), names[len(names)-3:]...)
	}
	return fmt.Errorf("%w: rule %q begins with itself (%s)", ErrRecursion, c.names[f], strings.Join(names, " → "))
}

// firsts lists the rules that r can begin with.
func (c *compiler) firsts(r int32, seen []int32) (out []int32) {
	todo := []int32{c.starts[r]}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] == r+1 {
			continue
		}
		seen[i] = r + 1
		switch n := &c.nodes[i]; n.kind {
		case nodeSplit:
			todo = append(todo, n.outs...)
		case nodeCall, nodeCount:
			out = append(out, n.rule)
			if c.nullable[n.rule] || n.kind == nodeCount && n.min == 0 {
				todo = append(todo, n.out)
			}
		}
	}
	return out
}

// findClasses puts bytes into one class that no node tells apart.
func (c *compiler) findClasses() {
	var begins [257]bool
	begins[0] = true
	for i := range c.nodes {
		if n := &c.nodes[i]; n.kind == nodeBytes {
			begins[n.lo], begins[int(n.hi)+1] = true, true
		}
	}
	for b := range 256 {
		if begins[b] {
			c.members = append(c.members, byte(b))
		}
		c.classOf[b] = uint8(len(c.members) - 1)
	}
}
