package sample

import "math"

const maxFloat = math.MaxFloat64

// topNSigma keeps the candidates with l ≥ max l − n·σ, σ the standard deviation of the logits above −Inf (arXiv
// 2411.07641).
type topNSigma struct{ n float64 }

func (s topNSigma) name() string { return "top_n_sigma" }

func (s topNSigma) apply(c *candidates) {
	top, n, sum := c.max(), 0, 0.0
	c.each(func(l float64) { sum += l; n++ })
	mean, squares := sum/float64(n), 0.0
	c.each(func(l float64) { squares += float64((l - mean) * (l - mean)) })
	floor := float64(top) - float64(s.n*math.Sqrt(squares/float64(n)))
	if floor == floor { // NaN if a logit is +Inf or none is left
		c.keepFrom(floor)
	}
}

// each calls f with every logit above −Inf.
func (c *candidates) each(f func(l float64)) {
	for _, v := range c.dense {
		if v > negInf {
			f(float64(v))
		}
	}
	if c.dense == nil {
		for i := range c.list {
			f(float64(c.list[i].logit))
		}
	}
}

// topKStage keeps the k largest logits, k > 0.
type topKStage struct{ k int }

func (s topKStage) name() string        { return "top_k" }
func (s topKStage) apply(c *candidates) { c.keepTop(s.k) }

// minP keeps the candidates with p_i ≥ p·max p, that is l ≥ max l + ln p, and at least keep of them (arXiv 2407.01082).
type minP struct {
	p    float64
	keep int
}

func (s minP) name() string { return "min_p" }

func (s minP) apply(c *candidates) {
	floor := float64(c.max()) + log(s.p)
	n := 0
	c.each(func(l float64) {
		if l >= floor {
			n++
		}
	})
	if n < s.keep {
		c.keepTop(s.keep)
		return
	}
	c.keepFrom(floor)
}

// topP keeps the shortest prefix of the candidates in falling order whose probabilities sum to p or more, and at least
// keep of them (arXiv 1904.09751).
type topP struct {
	p    float64
	keep int
}

func (s topP) name() string { return "top_p" }

func (s topP) apply(c *candidates) {
	c.softmax()
	if !c.sorted {
		c.queue = c.queue[:0]
		for i := range c.list {
			c.queue = append(c.queue, ranked{-float64(c.list[i].logit), int32(i), c.list[i].id})
		}
		c.take(func(sum float64, n int) bool { return sum >= s.p && n >= s.keep })
		c.sorted = true
		return
	}
	sum := 0.0
	for i := range c.list {
		sum += c.list[i].p
		if sum >= s.p && i+1 >= s.keep {
			c.list = c.list[:i+1]
			return
		}
	}
}

// typical keeps the candidates whose surprise −ln p_i is nearest to the entropy, until their probabilities sum to more
// than p, and at least keep of them (arXiv 2202.00666).
type typical struct {
	p    float64
	keep int
}

func (s typical) name() string { return "typ_p" }

func (s typical) apply(c *candidates) {
	top, logSum := c.softmax()
	entropy := c.entropy(top, logSum)
	c.queue = c.queue[:0]
	for i := range c.list {
		surprise := logSum - shift(c.list[i].logit, top)
		c.queue = append(c.queue, ranked{math.Abs(surprise - entropy), int32(i), c.list[i].id})
	}
	c.take(func(sum float64, n int) bool { return sum > s.p && n >= s.keep })
	c.sorted = false
}

// take replaces the list by its entries in the order of the queue until done, which is asked after each with the sum of
// the probabilities and the number so far.
func (c *candidates) take(done func(sum float64, n int) bool) {
	c.queue.build()
	taken, sum := c.spare[:0], 0.0
	for len(c.queue) > 0 {
		cand := c.list[c.queue.pop().i]
		taken = append(taken, cand)
		sum += cand.p
		if done(sum, len(taken)) {
			break
		}
	}
	c.list, c.spare = taken, c.list
}
