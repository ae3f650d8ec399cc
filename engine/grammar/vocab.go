package grammar

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Tokenizer is what NewVocab needs of a model; *tokenizer.Tokenizer satisfies it.
type Tokenizer interface {
	// Size is the number of tokens.
	Size() int
	// AppendPiece appends the bytes that a token stands for, those of control tokens only if special is set.
	AppendPiece(dst []byte, id int32, special bool) []byte
	// EncodeRest returns the tokens of plain text that follows another one.
	EncodeRest(text string) []int32
	// EOG lists the tokens that end an answer.
	EOG() []int32
	// Lookup returns the token whose entry in the vocabulary is text.
	Lookup(text string) (int32, bool)
}

// Vocab holds the tokens of a model as a tree of their bytes. It does not change and may be used by any number of
// goroutines. It takes about 25 bytes per byte of all tokens together.
type Vocab struct {
	tok    Tokenizer
	size   int
	nodes  []treeNode
	byByte [256][]int32 // nodes by their byte
	same   []int32      // per token the next one with the same bytes, or −1
	depth  int          // of the tree: the longest token
	eog    []int32      //
	plain  plainTokens  //
	named  []uint64     // tokens that <name> and <[id]> can mean: they have a text, and don't end the answer
}

// treeNode is a byte of tokens. Nodes come in the order of a walk that goes down first.
type treeNode struct {
	skip   int32 // the next node that is not below this one
	token  int32 // ends here, or −1
	parent int32 // the node before this one, or −1
	depth  uint16
	b      byte
	twins  bool // token has some with the same bytes
}

// NewVocab sorts a model's tokens. It takes some 100 ms for 150,000, and is meant to be kept with the model.
func NewVocab(tok Tokenizer) *Vocab {
	v := &Vocab{tok: tok, size: tok.Size(), eog: tok.EOG()}
	v.same = make([]int32, v.size)
	v.named = make([]uint64, words(v.size))
	var text []byte
	at := make([]int, v.size+1)
	for id := range v.size {
		at[id] = len(text)
		if slices.Contains(v.eog, int32(id)) {
			continue
		}
		if text = tok.AppendPiece(text, int32(id), true); len(text) > at[id] {
			setBit(v.named, int32(id))
		}
		text = tok.AppendPiece(text[:at[id]], int32(id), false)
	}
	at[v.size] = len(text)
	piece := func(id int32) []byte { return text[at[id]:at[id+1]] }
	var ids []int32
	for id := range int32(v.size) {
		v.same[id] = -1
		if n := len(piece(id)); n > 0 && n < 1<<16 {
			ids = append(ids, id)
		}
	}
	v.build(sortTokens(ids, piece), piece)
	v.findPlain()
	return v
}

// sortTokens sorts tokens by their bytes, those with the same bytes by id.
func sortTokens(ids []int32, piece func(int32) []byte) []int32 {
	type keyed struct {
		first uint64 // eight bytes, which mostly decide
		id    int32
	}
	keys := make([]keyed, len(ids))
	for i, id := range ids {
		var first [8]byte
		copy(first[:], piece(id))
		keys[i] = keyed{binary.BigEndian.Uint64(first[:]), id}
	}
	slices.SortFunc(keys, func(x, y keyed) int {
		if x.first != y.first {
			return cmp.Compare(x.first, y.first)
		}
		return cmp.Or(bytes.Compare(piece(x.id), piece(y.id)), cmp.Compare(x.id, y.id))
	})
	for i, k := range keys {
		ids[i] = k.id
	}
	return ids
}

// build makes the tree of sorted tokens.
func (v *Vocab) build(ids []int32, piece func(int32) []byte) {
	var path []int32 // nodes of the last token
	var last []byte
	for _, id := range ids {
		p := piece(id)
		n := 0
		for n < len(p) && n < len(last) && p[n] == last[n] {
			n++
		}
		v.close(path[n:])
		path = path[:n]
		for _, b := range p[n:] {
			n := treeNode{token: -1, parent: -1, depth: uint16(len(path) + 1), b: b}
			if len(path) > 0 {
				n.parent = path[len(path)-1]
			}
			at := int32(len(v.nodes))
			path = append(path, at)
			v.nodes = append(v.nodes, n)
			v.byByte[b] = append(v.byByte[b], at)
		}
		leaf := &v.nodes[path[len(path)-1]]
		v.same[id], leaf.token, leaf.twins = leaf.token, id, leaf.token >= 0
		last = p
		v.depth = max(v.depth, len(p))
	}
	v.close(path)
}

// close ends the parts of the tree below nodes.
func (v *Vocab) close(nodes []int32) {
	for _, n := range nodes {
		v.nodes[n].skip = int32(len(v.nodes))
	}
}

// twin returns a token with the same bytes as one that ends at n, −1 when there is none left. Few tokens have one, so
// the table is rarely read.
func (v *Vocab) twin(n *treeNode, id int32) int32 {
	if !n.twins {
		return -1
	}
	return v.same[id]
}

// find returns the ids of the tokens that a grammar names.
func (v *Vocab) find(tokens []token) ([]int32, error) {
	ids := make([]int32, len(tokens))
	for i, t := range tokens {
		ids[i] = t.id
		if t.id >= 0 {
			if int(t.id) >= v.size {
				return nil, fmt.Errorf("%w: <[%d]>: the vocabulary has %d tokens", ErrToken, t.id, v.size)
			}
			continue
		}
		id, ok := v.tok.Lookup(t.text)
		if !ok {
			return nil, fmt.Errorf("%w: %s is no token of the vocabulary", ErrToken, t.text)
		}
		ids[i] = id
	}
	return ids, nil
}

// words is how many words a set of n bits takes.
func words(n int) int { return (n + 63) / 64 }

func setBit(bits []uint64, i int32)      { bits[i>>6] |= 1 << (i & 63) }
func hasBit(bits []uint64, i int32) bool { return bits[i>>6]>>(i&63)&1 != 0 }
