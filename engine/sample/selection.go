package sample

import "slices"

// keepTop leaves the first k candidates in the order of compare, sorted. It reads the candidates once and keeps those
// that beat the k-th best so far in a buffer of about 2k, which is sorted and cut to k when it is full: no full sort
// unless k is of the vocabulary's size.
func (c *candidates) keepTop(k int) {
	k = min(k, c.size)
	if c.dense == nil && c.sorted {
		c.list = c.list[:min(k, len(c.list))]
		return
	}
	t := topK{k: k, full: 2*k + 64, floor: negInf, buf: c.spare[:0]}
	if c.dense != nil {
		t.scanDense(c.dense)
	} else {
		t.scanList(c.list)
	}
	t.cut()
	c.list, c.spare = t.buf, c.list
	c.dense, c.sorted = nil, true
}

// topK collects the k best.
type topK struct {
	k, full int
	floor   float32 // logit of the k-th best of the last cut
	buf     []candidate
}

// scanDense visits ids in order, so a later candidate with an equal logit comes after in the order of compare: only a
// larger logit gets in. NaN and −Inf never are larger.
func (t *topK) scanDense(logits []float32) {
	floor := t.floor
	for id, v := range logits {
		if v > floor {
			t.buf = append(t.buf, candidate{id: int32(id), logit: v})
			if len(t.buf) >= t.full {
				t.cut()
				floor = t.floor
			}
		}
	}
}

// scanList visits in any order: equal logits must get in, since their id may be lower.
func (t *topK) scanList(list []candidate) {
	for _, cand := range list {
		if cand.logit >= t.floor {
			t.buf = append(t.buf, cand)
			if len(t.buf) >= t.full {
				t.cut()
			}
		}
	}
}

// cut sorts the buffer and leaves the k best.
func (t *topK) cut() {
	slices.SortFunc(t.buf, compare)
	if len(t.buf) >= t.k {
		t.buf = t.buf[:t.k]
		t.floor = t.buf[t.k-1].logit
	}
}

// ranked is a list index with a key to sort by, then by token id.
type ranked struct {
	key   float64
	i, id int32
}

func (a ranked) before(b ranked) bool { return a.key < b.key || a.key == b.key && a.id < b.id }

// queue is a binary heap of ranked with the smallest first: building it is O(n), and only what is taken is sorted.
type queue []ranked

// build orders the heap after its entries were appended.
func (q queue) build() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

// pop takes the first entry off a heap that is not empty.
func (q *queue) pop() ranked {
	h := *q
	first := h[0]
	h[0] = h[len(h)-1]
	*q = h[:len(h)-1]
	q.down(0)
	return first
}

func (q queue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if right := child + 1; right < len(q) && q[right].before(q[child]) {
			child = right
		}
		if !q[child].before(q[i]) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
