package sample

// penalties lowers the logits of tokens that occur among the last ones:
//
//	l ← (l > 0 ? l / repeat : l · repeat) − count·frequency − presence
//
// Multiplying negative logits instead of dividing them, so that they fall too, is llama.cpp's change to the CTRL paper
// (arXiv 1909.05858); frequency and presence are the OpenAI API's.
type penalties struct {
	history                     *history
	lastN                       int
	repeat, frequency, presence float32
	tally                       tally
}

func (s *penalties) name() string { return "penalties" }

func (s *penalties) apply(c *candidates) {
	s.tally.start(c.size)
	for _, token := range s.history.last(s.lastN) {
		s.tally.count(token)
	}
	c.adjust(&s.tally, s)
}

func (s *penalties) adjust(logit float32, n int32) float32 {
	if logit <= 0 {
		logit = float32(logit * s.repeat) // conversions keep the compiler from fusing, see math.go
	} else {
		logit /= s.repeat
	}
	return logit - float32(float32(float32(n)*s.frequency)+s.presence)
}
