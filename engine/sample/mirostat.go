package sample

import "math"

// controller holds the surprise per token near tau by a bound mu, in bits, that follows the error (Mirostat, arXiv
// 2007.14966): mu ← mu − eta·(surprise − tau), starting at 2·tau.
type controller struct {
	tau, eta float64
	mu       float64
	random   random
}

func (m *controller) reseed(seed uint64) {
	m.mu = 2 * m.tau
	m.random.reseed(seed, streamDraw)
}

// draw takes a token from the listed candidates and updates mu.
func (m *controller) draw(c *candidates) int32 {
	c.softmax()
	i := c.draw(m.random.float64())
	if i < 0 {
		return None
	}
	surprise := -log(c.list[i].p) / math.Ln2
	m.mu -= float64(m.eta * (surprise - m.tau))
	return c.list[i].id
}

// mirostat1 estimates the exponent s of Zipf's law from the best candidates, and from it the number k of candidates
// whose expected surprise is mu (algorithm 1 of the paper):
//
//	s = Σ t_i·b_i / Σ t_i²    t_i = ln((i+2)/(i+1)), b_i = ln(p_i / p_{i+1}), i < 99
//	k = ((s−1)·2^mu / (1 − N^−(s−1)))^(1/s)    N tokens in the vocabulary
type mirostat1 struct{ controller }

// zipfSample is the number of candidates that the estimate looks at.
const zipfSample = 100

func (m *mirostat1) name() string { return "mirostat" }

func (m *mirostat1) pick(c *candidates) int32 {
	dense := c.dense
	c.keepTop(zipfSample)
	k := m.width(zipf(c.list), float64(c.size))
	if k > len(c.list) && dense != nil {
		c.dense = dense // select again, from all
	}
	c.keepTop(k)
	return m.draw(c)
}

// zipf returns the exponent, NaN for fewer than two candidates.
func zipf(list []candidate) float64 {
	var tb, tt float64
	for i := 0; i+1 < len(list); i++ {
		t := log(float64(i+2) / float64(i+1))
		tb += float64(t * shift(list[i].logit, list[i+1].logit))
		tt += float64(t * t)
	}
	return tb / tt
}

// width returns k, between 1 and the size n of the vocabulary; 1 where the formula has no value.
func (m *mirostat1) width(s, n float64) int {
	eps := s - 1
	ratio := 1 / log(n) // the limit for s = 1
	if math.Abs(eps) > 1e-9 {
		ratio = eps / (1 - pow(n, -eps))
	}
	k := pow(ratio*exp(float64(m.mu*math.Ln2)), 1/s)
	if !(k >= 1) {
		return 1
	}
	return int(min(k, n))
}

// mirostat2 keeps the candidates whose surprise is at most mu, at least the best one (algorithm 2, called Mirostat
// 2.0).
type mirostat2 struct{ controller }

func (m *mirostat2) name() string { return "mirostat_v2" }

func (m *mirostat2) pick(c *candidates) int32 {
	top, logSum := c.softmax()
	if len(c.list) == 0 {
		return None
	}
	floor := float64(top) + logSum - float64(m.mu*math.Ln2)
	if floor > float64(top) {
		c.keepBest()
	} else {
		c.keepFrom(floor)
	}
	return m.draw(c)
}
