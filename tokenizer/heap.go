package tokenizer

// candidate is a pair of neighbouring symbols that may be merged.
type candidate struct {
	key   uint64 // what is merged first has the smallest key: rank or score, then the position of the left symbol
	right int32  // index of the right symbol
	id    int32  // token that results, or rank of the merge
}

// left is the index of the left symbol.
func (c candidate) left() int32 { return int32(uint32(c.key)) }

// candidates is a binary heap with the smallest key at index 0.
type candidates []candidate

// push adds a candidate.
func (h *candidates) push(c candidate) {
	s := append(*h, c)
	*h = s
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if s[up].key <= c.key {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = c
}

// pop removes and returns the smallest; the heap must not be empty.
func (h *candidates) pop() candidate {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) > 0 {
		s.down(last)
	}
	return top
}

// down puts c at the root and lets it sink.
func (h candidates) down(c candidate) {
	i := 0
	for {
		k := 2*i + 1
		if k >= len(h) {
			break
		}
		if k+1 < len(h) && h[k+1].key < h[k].key {
			k++
		}
		if c.key <= h[k].key {
			break
		}
		h[i] = h[k]
		i = k
	}
	h[i] = c
}
