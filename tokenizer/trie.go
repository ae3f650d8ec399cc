package tokenizer

import (
	"slices"
	"strings"
)

// trie holds the texts of special tokens as a tree of byte strings, to find where one may start. Texts without a branch
// are compared at once, so that a long token costs little, even in a text that is full of its beginning.
type trie struct {
	any, none attr       // which tokens are in it
	first     [256]int32 // node after the first byte; 0: none
	nodes     []trieNode // node 0 stands for none
}

// trieNode is a place in the tree: label are the bytes that follow the one which led here.
type trieNode struct {
	label string
	ends  bool    // a token ends behind label
	next  string  // bytes that lead to the children
	child []int32 // the children, in the order of next
}

// newTrie returns a trie of the tokens that have an attribute in any and none in none.
func newTrie(v *vocab, any, none attr) *trie {
	t := &trie{any: any, none: none, nodes: make([]trieNode, 1)}
	var texts []string
	for id, text := range v.tokens {
		if t.holds(v, int32(id)) {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	eachBranch(texts, 0, func(c byte, branch []string) { t.first[c] = t.grow(branch, 1) })
	return t
}

// holds reports whether a token is in the trie; false for an id that is none.
func (t *trie) holds(v *vocab, id int32) bool { return v.is(id, t.any) && !v.is(id, t.none) }

// empty reports whether there is no token in it.
func (t *trie) empty() bool { return len(t.nodes) == 1 }

// grow returns the node of texts, which are sorted and equal in the first n bytes.
func (t *trie) grow(texts []string, n int) int32 {
	label := sharedPrefix(texts[0][n:], texts[len(texts)-1][n:])
	n += len(label)
	no := int32(len(t.nodes))
	t.nodes = append(t.nodes, trieNode{label: label, ends: len(texts[0]) == n})
	eachBranch(texts, n, func(c byte, branch []string) {
		child := t.grow(branch, n+1)
		node := &t.nodes[no]
		node.next += string([]byte{c})
		node.child = append(node.child, child)
	})
	return no
}

// eachBranch calls grow with the texts that have the same byte n; those that end there are left out.
func eachBranch(texts []string, n int, grow func(c byte, branch []string)) {
	for len(texts) > 0 {
		if len(texts[0]) == n {
			texts = texts[1:]
			continue
		}
		c, k := texts[0][n], 1
		for k < len(texts) && texts[k][n] == c {
			k++
		}
		grow(c, texts[:k])
		texts = texts[k:]
	}
}

// sharedPrefix returns what a and b begin with.
func sharedPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// walk calls found for the length of every token that s (not empty) starts with, shortest first.
func (t *trie) walk(s string, found func(size int)) {
	no := t.first[s[0]]
	for i := 1; no != 0; i++ {
		node := &t.nodes[no]
		if !strings.HasPrefix(s[i:], node.label) {
			return
		}
		i += len(node.label)
		if node.ends {
			found(i)
		}
		if i == len(s) {
			return
		}
		k := strings.IndexByte(node.next, s[i])
		if k < 0 {
			return
		}
		no = node.child[k]
	}
}
