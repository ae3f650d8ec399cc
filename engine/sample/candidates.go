package sample

import (
	"cmp"
	"math"
)

// candidate is a token that may still be drawn.
type candidate struct {
	id    int32
	logit float32 // > −Inf, never NaN
	p     float64 // probability, set by candidates.softmax
}

// compare orders by logit, largest first, then by id: a total order, so that results do not depend on the algorithm.
func compare(a, b candidate) int {
	switch {
	case a.logit > b.logit:
		return -1
	case a.logit < b.logit:
		return 1
	}
	return cmp.Compare(a.id, b.id)
}

// candidates is what the stages work on, in one of two forms. Dense: one logit per token of the vocabulary, at first
// the caller's own slice, which own copies before a change. List: the tokens that are left. Going through a large
// vocabulary without building the list is what keeps sampling cheap, so the first stage that narrows builds it.
//
// Tokens whose logit is −Inf or NaN are never in a list. All buffers are kept from token to token.
type candidates struct {
	dense    []float32 // nil in list form
	borrowed bool      // dense is the caller's
	size     int       // vocabulary size

	list   []candidate
	sorted bool // list is in the order of compare

	copied []float32   // buffer of own
	spare  []candidate // the list's second buffer
	queue  queue       // buffer of top-p and typical-p
}

// load starts over with the caller's logits.
func (c *candidates) load(logits []float32) {
	c.dense, c.borrowed, c.size = logits, true, len(logits)
	c.list, c.sorted = c.list[:0], false
}

// own makes dense logits writable.
func (c *candidates) own() {
	if c.dense == nil || !c.borrowed {
		return
	}
	c.copied = append(c.copied[:0], c.dense...)
	c.dense, c.borrowed = c.copied, false
}

// enlist changes to list form, in order of ids, with all candidates whose logit is at least floor and above −Inf.
func (c *candidates) enlist(floor float64) {
	list := c.list[:0]
	for id, v := range c.dense {
		if float64(v) >= floor && v > negInf {
			list = append(list, candidate{id: int32(id), logit: v})
		}
	}
	c.list, c.dense, c.sorted = list, nil, false
}

var negInf = float32(math.Inf(-1))

// listed changes to list form if the candidates are dense.
func (c *candidates) listed() []candidate {
	if c.dense != nil {
		c.enlist(math.Inf(-1))
	}
	return c.list
}

// keepFrom drops the candidates whose logit is below floor.
func (c *candidates) keepFrom(floor float64) {
	if c.dense != nil {
		c.enlist(floor)
		return
	}
	kept := c.list[:0]
	for _, cand := range c.list {
		if float64(cand.logit) >= floor {
			kept = append(kept, cand)
		}
	}
	c.list = kept
}

// max returns the largest logit, −Inf if there is no candidate.
func (c *candidates) max() float32 {
	best := negInf
	if c.dense != nil {
		for _, v := range c.dense {
			if v > best {
				best = v
			}
		}
		return best
	}
	if c.sorted && len(c.list) > 0 {
		return c.list[0].logit
	}
	for i := range c.list {
		best = max(best, c.list[i].logit)
	}
	return best
}

// keepBest leaves the first candidate in the order of compare.
func (c *candidates) keepBest() {
	if c.dense == nil {
		if !c.sorted && len(c.list) > 0 {
			c.list[0] = c.list[c.best()]
		}
		c.list = c.list[:min(1, len(c.list))]
		return
	}
	best, at := negInf, -1
	for i, v := range c.dense {
		if v > best {
			best, at = v, i
		}
	}
	c.dense, c.list, c.sorted = nil, c.list[:0], true
	if at >= 0 {
		c.list = append(c.list, candidate{id: int32(at), logit: best})
	}
}

// best returns the index in the list, which has at least one entry, of the first candidate in the order of compare.
func (c *candidates) best() int {
	at := 0
	for i := range c.list {
		if compare(c.list[i], c.list[at]) < 0 {
			at = i
		}
	}
	return at
}

// shift is l − top, with 0 for l = top even if both are +Inf.
func shift(l, top float32) float64 {
	if l == top {
		return 0
	}
	return float64(l) - float64(top)
}

// scale divides the logits by t > 0. If the largest would overflow by that, it is subtracted from all of them first,
// which changes no probability.
func (c *candidates) scale(t float64) {
	top := c.max()
	switch {
	case top == negInf:
		return
	case math.Abs(float64(top))/t < wide:
		top = 0
	}
	if c.dense == nil {
		for i := range c.list {
			c.list[i].logit = float32(shift(c.list[i].logit, top) / t)
		}
		c.keepFrom(-maxFloat)
		return
	}
	c.own()
	for i, v := range c.dense {
		c.dense[i] = float32(shift(v, top) / t)
	}
}

// softmax lists the candidates, sets their probabilities, and returns the largest logit and ln Σ exp(l − largest): the
// logarithm of a candidate's probability is shift(l, top) − logSum.
func (c *candidates) softmax() (top float32, logSum float64) {
	c.listed()
	top = c.max()
	sum := 0.0
	for i := range c.list {
		c.list[i].p = exp(shift(c.list[i].logit, top))
		sum += c.list[i].p
	}
	for i := range c.list {
		c.list[i].p /= sum
	}
	return top, log(sum)
}

// entropy is −Σ p·ln p in nats, after softmax, whose results it takes.
func (c *candidates) entropy(top float32, logSum float64) float64 {
	h := 0.0
	for i := range c.list {
		if p := c.list[i].p; p > 0 {
			h -= float64(p * (shift(c.list[i].logit, top) - logSum))
		}
	}
	return h
}
