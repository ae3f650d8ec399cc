package tokenizer

// symbol is a node of the list of symbols that a word is made of, while they are merged.
type symbol struct {
	prev, next int32 // -1 at the ends
	id         int32 // token, noToken or gone
	at, size   int32 // bytes of the word; SPM only
}

const (
	noToken = -1 // the symbol is no token
	gone    = -2 // merged into its left neighbour
)

// scratch is the memory of one Encode at a time; Tokenizer keeps a pool of them.
type scratch struct {
	view  view
	ends  []int
	ends2 []int
	syms  []symbol
	heap  candidates
	buf   []byte
	cuts  []cut
	cache wordCache
	parts partitioner
}

// maxKept is how many elements a buffer may have to stay in the pool: one enormous text must not hold memory for ever.
const maxKept = 1 << 18

// trim drops buffers that have grown too large.
func (s *scratch) trim() {
	if cap(s.view.cp) > maxKept {
		s.view, s.ends, s.ends2 = view{}, nil, nil
	}
	if cap(s.syms) > maxKept || cap(s.heap) > maxKept {
		s.syms, s.heap = nil, nil
	}
	if cap(s.cuts) > maxKept || cap(s.buf) > maxKept {
		s.cuts, s.buf = nil, nil
	}
	if cap(s.parts.claimed) > maxKept {
		s.parts = partitioner{}
	}
}

// link chains the symbols of a word that were collected in s.syms and empties the heap.
func (s *scratch) link() []symbol {
	s.heap = s.heap[:0]
	for i := range s.syms {
		s.syms[i].prev, s.syms[i].next = int32(i)-1, int32(i)+1
	}
	if n := len(s.syms); n > 0 {
		s.syms[n-1].next = -1
	}
	return s.syms
}

// join merges symbol r into its left neighbour l, which becomes token id.
func join(syms []symbol, l, r, id int32) {
	a, b := &syms[l], &syms[r]
	a.size += b.size
	a.id = id
	a.next = b.next
	if b.next >= 0 {
		syms[b.next].prev = l
	}
	b.id = gone
}
