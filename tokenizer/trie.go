package tokenizer

import (
	"slices"
	"strings"
)

// trie holds the texts of special tokens as a tree of byte strings, to find where one may start. Texts without a branch
// are compared at once, so that a long token costs little, even in a text that is full of its beginning.
type trie struct {
	in    func(a attr) bool // which tokens are in it, by their attributes
	first [256]int32        // node after the first byte; 0: none
	nodes []trieNode        // node 0 stands for none
}

// trieNode is a place in the tree: label are the bytes that follow the one which led here.
type trieNode struct {
	label string
	id    int32   // of the token that ends behind label, or noToken
	next  string  // bytes that lead to the children
	child []int32 // the children, in the order of next
}

// trieText is a token on its way into a trie.
type trieText struct {
	string
	id int32
}

// newTrie returns a trie of the tokens whose attributes are in it.
func newTrie(v *vocab, in func(a attr) bool) *trie {
	t := &trie{in: in, nodes: make([]trieNode, 1)}
	var texts []trieText
	for id, text := range v.tokens {
		if t.holds(v, int32(id)) {
			texts = append(texts, trieText{text, int32(id)})
		}
	}
	slices.SortFunc(texts, func(a, b trieText) int { return strings.Compare(a.string, b.string) })
	eachBranch(texts, 0, func(c byte, branch []trieText) { t.first[c] = t.grow(branch, 1) })
	return t
}

// holds reports whether a token is in the trie; false for an id that is none.
func (t *trie) holds(v *vocab, id int32) bool {
	return id >= 0 && int(id) < len(v.attrs) && t.in(v.attrs[id])
}

// empty reports whether there is no token in it.
func (t *trie) empty() bool { return len(t.nodes) == 1 }

// grow returns the node of texts, which are sorted and equal in the first n bytes.
func (t *trie) grow(texts []trieText, n int) int32 {
	label := sharedPrefix(texts[0].string[n:], texts[len(texts)-1].string[n:])
	n += len(label)
	no := int32(len(t.nodes))
	node := trieNode{label: label, id: noToken}
	if len(texts[0].string) == n {
		node.id = texts[0].id
	}
	t.nodes = append(t.nodes, node)
	eachBranch(texts, n, func(c byte, branch []trieText) {
		child := t.grow(branch, n+1)
		node := &t.nodes[no]
		node.next += string([]byte{c})
		node.child = append(node.child, child)
	})
	return no
}

// eachBranch calls grow with the texts that have the same byte n; those that end there are left out.
func eachBranch(texts []trieText, n int, grow func(c byte, branch []trieText)) {
	for len(texts) > 0 {
		if len(texts[0].string) == n {
			texts = texts[1:]
			continue
		}
		c, k := texts[0].string[n], 1
		for k < len(texts) && texts[k].string[n] == c {
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

// walk calls found for the length of every token that s (not empty) starts with and for its id, shortest first. It ends
// before a node whose label s does not have, or at node 0: it returns that and the bytes before it.
func (t *trie) walk(s string, found func(size int, id int32)) (no int32, n int) {
	no = t.first[s[0]]
	if no == 0 {
		return 0, 0
	}
	for i := 1; ; i++ {
		node := &t.nodes[no]
		if !strings.HasPrefix(s[i:], node.label) {
			return no, i
		}
		i += len(node.label)
		if node.id != noToken {
			found(i, node.id)
		}
		if i == len(s) {
			return 0, i
		}
		k := strings.IndexByte(node.next, s[i])
		if k < 0 {
			return 0, i
		}
		no = node.child[k]
	}
}

// longest returns the longest token that s (not empty) starts with and its length; noToken, 0 if there is none.
func (t *trie) longest(s string) (id int32, n int) {
	id = noToken
	t.walk(s, func(size int, found int32) { id, n = found, size })
	return id, n
}

// reach returns how many bytes of s (not empty) a token begins with.
func (t *trie) reach(s string) int {
	no, n := t.walk(s, func(int, int32) {})
	return n + len(sharedPrefix(s[n:], t.nodes[no].label))
}
