package sample

// temperature divides the logits by a temperature; ≤ 0 leaves the best candidate only. With spread > 0 the temperature
// depends on the candidates' entropy H (koboldcpp's dynamic temperature):
//
//	T = lo + (hi − lo)·(H / ln n)^exponent    lo = max(0, value − spread), hi = value + spread, n candidates
type temperature struct {
	value, spread, exponent float64
}

func (s temperature) name() string { return "temperature" }

func (s temperature) apply(c *candidates) {
	t := s.value
	if t > 0 && s.spread > 0 {
		if len(c.listed()) < 2 {
			return
		}
		t = s.dynamic(c)
	}
	switch {
	case t <= 0:
		c.keepBest()
	case t != 1:
		c.scale(t)
	}
}

// dynamic computes the temperature for two candidates or more.
func (s temperature) dynamic(c *candidates) float64 {
	top, logSum := c.softmax()
	share := min(1, max(0, c.entropy(top, logSum))/log(float64(len(c.list))))
	lo, hi := max(0, s.value-s.spread), s.value+s.spread
	return lo + float64((hi-lo)*pow(share, s.exponent))
}
