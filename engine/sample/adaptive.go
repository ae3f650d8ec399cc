package sample

import "math"

// adaptive draws tokens whose probabilities are near a target on average (adaptive-p, llama.cpp's pull request 17927).
// The target of a draw makes up for the mean m of the probabilities drawn so far, a mean that forgets:
//
//	t = clamp(2·target − m, 0, 1)    m = Σ p_i·decay^i / Σ decay^i, i tokens ago; at first all were the target
//	l = 5 − 10·d²/(1+d)              d = |p − t| / 0.3
//
// The draw is made from the softmax of l. It counts once its token is accepted.
type adaptive struct {
	target, decay float64
	sum, weight   float64 // of m
	random        random
	given         []float64 // probabilities before the change, by list index
	drawn         int32     // not accepted yet, or None
	probability   float64   // of it
}

func (a *adaptive) name() string { return "adaptive_p" }

func (a *adaptive) reseed(seed uint64) {
	a.weight = 1 / (1 - a.decay)
	a.sum = a.target * a.weight
	a.drawn = None
	a.random.reseed(seed, streamDraw)
}

func (a *adaptive) pick(c *candidates) int32 {
	c.softmax()
	a.drawn, a.given = None, a.given[:0]
	t := min(1, max(0, 2*a.target-a.sum/a.weight))
	for i := range c.list {
		a.given = append(a.given, c.list[i].p)
		d := math.Abs(c.list[i].p-t) / 0.3
		c.list[i].logit = float32(5 - float64(10*d*d)/(1+d))
	}
	c.sorted = false
	c.softmax()
	i := c.draw(a.random.float64())
	if i < 0 {
		return None
	}
	a.drawn, a.probability = c.list[i].id, a.given[i]
	return a.drawn
}

// accept counts the token that was drawn last.
func (a *adaptive) accept(token int32) {
	if token == a.drawn && token != None {
		a.sum = a.probability + float64(a.decay*a.sum)
		a.weight = 1 + float64(a.decay*a.weight)
	}
	a.drawn = None
}
