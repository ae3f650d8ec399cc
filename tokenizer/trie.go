package tokenizer

// trie holds the texts of special tokens as a tree of bytes, to find where one may start.
type trie struct {
	any, none attr             // which tokens are in it
	first     [256]int32       // node after the first byte; 0: none
	edges     map[uint64]int32 // node << 8 | byte → node
	ends      []bool           // a token ends at the node; node 0 is the root
}

// newTrie returns a trie of the tokens that have an attribute in any and none in none.
func newTrie(v *vocab, any, none attr) *trie {
	t := &trie{any: any, none: none, edges: map[uint64]int32{}, ends: []bool{false}}
	for id, text := range v.tokens {
		if t.holds(v, int32(id)) {
			t.insert(text)
		}
	}
	return t
}

// holds reports whether a token is in the trie; false for an id that is none.
func (t *trie) holds(v *vocab, id int32) bool { return v.is(id, t.any) && !v.is(id, t.none) }

// empty reports whether there is no token in it.
func (t *trie) empty() bool { return len(t.ends) == 1 }

// insert adds a text, which is not empty.
func (t *trie) insert(text string) {
	node := t.first[text[0]]
	if node == 0 {
		node = t.grow()
		t.first[text[0]] = node
	}
	for i := 1; i < len(text); i++ {
		key := uint64(node)<<8 | uint64(text[i])
		next, ok := t.edges[key]
		if !ok {
			next = t.grow()
			t.edges[key] = next
		}
		node = next
	}
	t.ends[node] = true
}

// grow returns a new node.
func (t *trie) grow() int32 {
	t.ends = append(t.ends, false)
	return int32(len(t.ends) - 1)
}

// walk calls found for the length of every token that s (not empty) starts with, shortest first.
func (t *trie) walk(s string, found func(size int)) {
	node := t.first[s[0]]
	for i := 1; node != 0; i++ {
		if t.ends[node] {
			found(i)
		}
		if i == len(s) {
			return
		}
		node = t.edges[uint64(node)<<8|uint64(s[i])]
	}
}
