package sample

// history holds the last accepted tokens, oldest first and contiguous.
type history struct {
	tokens []int32
	limit  int // tokens to remember; 0 remembers none, < 0 all
}

// add appends a token. Storage is up to twice the limit, so that old tokens are moved out once per limit additions.
func (h *history) add(token int32) {
	if h.limit == 0 {
		return
	}
	if h.limit > 0 && len(h.tokens) >= 2*h.limit {
		n := copy(h.tokens, h.tokens[len(h.tokens)-h.limit:])
		h.tokens = h.tokens[:n]
	}
	h.tokens = append(h.tokens, token)
}

// last returns the last n tokens, or as many as are remembered; n < 0 asks for all.
func (h *history) last(n int) []int32 {
	if n < 0 || h.limit >= 0 && n > h.limit {
		n = h.limit
	}
	if n < 0 || n > len(h.tokens) {
		n = len(h.tokens)
	}
	return h.tokens[len(h.tokens)-n:]
}

// reset forgets all tokens and keeps the storage.
func (h *history) reset() { h.tokens = h.tokens[:0] }

// tally holds a positive number for a few token ids: an array over the vocabulary plus the list of ids to clear.
type tally struct {
	n   []int32
	ids []int32
}

// start clears the tally and makes room for ids below size.
func (t *tally) start(size int) {
	for _, id := range t.ids {
		t.n[id] = 0
	}
	t.ids = t.ids[:0]
	if len(t.n) < size {
		t.n = make([]int32, size)
	}
}

// raise sets the id's number to n > 0 if it is smaller. Ids outside the vocabulary are ignored.
func (t *tally) raise(id, n int32) {
	if id < 0 || int(id) >= len(t.n) {
		return
	}
	if t.n[id] == 0 {
		t.ids = append(t.ids, id)
	}
	t.n[id] = max(t.n[id], n)
}

// count adds one to the id's number.
func (t *tally) count(id int32) {
	if id >= 0 && int(id) < len(t.n) {
		t.raise(id, t.n[id]+1)
	}
}

// adjuster changes a logit by a token's number in a tally.
type adjuster interface {
	adjust(logit float32, n int32) float32
}

// adjust applies a to all candidates in the tally, which was started with the vocabulary's size.
func (c *candidates) adjust(t *tally, a adjuster) {
	if len(t.ids) == 0 {
		return
	}
	if c.dense != nil {
		c.own()
		for _, id := range t.ids {
			if int(id) < len(c.dense) {
				c.dense[id] = adjusted(c.dense[id], t.n[id], a)
			}
		}
		return
	}
	for i := range c.list {
		if n := t.n[c.list[i].id]; n > 0 {
			c.list[i].logit = adjusted(c.list[i].logit, n, a)
		}
	}
	c.sorted = false
}

// adjusted never rules a token out: a penalty that overflows makes it the last choice.
func adjusted(logit float32, n int32, a adjuster) float32 {
	if !(logit > negInf) {
		return logit
	}
	l := a.adjust(logit, n)
	if !(l >= -wide) {
		return -wide
	}
	return l
}
