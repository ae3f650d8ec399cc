package sample

// dry ("don't repeat yourself") lowers the logits of tokens that would continue a repetition. Let the history end in n
// tokens that occurred before; the token t that followed them there is penalised by
//
//	l_t ← l_t − multiplier·base^(n − allowed)    if n ≥ allowed
//
// with the largest such n of each t. A sequence breaker bounds n: no repetition is counted beyond the last one. The
// method is p-e-w's (oobabooga/text-generation-webui#5677), the details are llama.cpp's.
type dry struct {
	history          *history
	lastN, allowed   int
	multiplier, base float64
	breakers         breakers

	lengths []int32 // buffer of matchLengths
	tally   tally
}

// maxLog is ln of the largest float32; it bounds the exponent.
const maxLog = 88.7228391

func (s *dry) name() string { return "dry" }

func (s *dry) apply(c *candidates) {
	tokens := s.history.last(s.lastN)
	if len(tokens) <= s.allowed {
		return
	}
	limit := s.breakers.limit(tokens)
	if limit < s.allowed {
		return
	}
	s.tally.start(c.size)
	s.lengths = matchLengths(s.lengths, tokens)
	for k := 1; k < len(tokens); k++ {
		n := min(int(s.lengths[k]), limit)
		next := tokens[len(tokens)-k]
		if n >= s.allowed && !s.breakers.single(next) {
			// One more than n, since a tally holds positive numbers and allowed may be 0.
			s.tally.raise(next, int32(n)+1)
		}
	}
	c.adjust(&s.tally, s)
}

func (s *dry) adjust(logit float32, n int32) float32 {
	exponent := int(n) - 1 - s.allowed
	if s.base > 1.000001 {
		exponent = min(exponent, int(maxLog/log(s.base)))
	}
	return logit - float32(s.multiplier*pow(s.base, float64(exponent)))
}

// matchLengths returns z with z[k], 1 ≤ k < n, the length of the longest common suffix of tokens and tokens[:n-k]: the
// Z-function of the reversed history, in linear time. [lo, hi) is the match that reaches farthest back so far.
func matchLengths(z []int32, tokens []int32) []int32 {
	n := len(tokens)
	if cap(z) < n {
		z = make([]int32, 2*n)
	}
	z = z[:n]
	back := func(i int) int32 { return tokens[n-1-i] }
	lo, hi := 0, 0
	for k := 1; k < n; k++ {
		m := 0
		if k < hi {
			m = min(hi-k, int(z[k-lo]))
		}
		for k+m < n && back(m) == back(k+m) {
			m++
		}
		z[k] = int32(m)
		if k+m > hi {
			lo, hi = k, k+m
		}
	}
	return z
}
