package sample

// Stops finds stop strings in text that arrives in pieces, such as the texts of single tokens.
//
// All bytes of the text go through one Knuth–Morris–Pratt matcher per stop string, so a match may span any number of
// pieces and the result does not depend on where they are cut. The first stop string that is complete ends the text; if
// several end at the same byte, the longest. Matching is by bytes: pieces of valid UTF-8 and stop strings of valid
// UTF-8 give output in valid UTF-8, piece by piece.
//
// The nil Stops has no stop strings and passes everything. A Stops belongs to one stream at a time.
type Stops struct {
	patterns []pattern
	held     string // end of the text so far that may become a stop string
	matched  string
	rest     string // text of the last piece behind the stop string
}

// pattern is a stop string with its failure function: fail[n] is the length of the longest proper prefix of text[:n]
// that is also its suffix.
type pattern struct {
	text string
	fail []int
	n    int // bytes of text that the stream ends in
}

// NewStops makes a matcher for the stop strings; empty ones are ignored.
func NewStops(stops []string) *Stops {
	s := new(Stops)
	for _, text := range stops {
		if text != "" {
			s.patterns = append(s.patterns, newPattern(text))
		}
	}
	return s
}

func newPattern(text string) pattern {
	p := pattern{text: text, fail: make([]int, len(text)+1)}
	for i := 1; i < len(text); i++ {
		p.step(text[i])
		p.fail[i+1] = p.n
	}
	p.n = 0
	return p
}

// step takes the next byte of the stream and reports whether the stop string is complete.
func (p *pattern) step(b byte) bool {
	for p.n > 0 && p.text[p.n] != b {
		p.n = p.fail[p.n]
	}
	if p.text[p.n] == b {
		p.n++
	}
	return p.n == len(p.text)
}

// Push takes the next piece of text. It returns what is now certain to be output, all but the longest suffix that may
// still become a stop string, and whether a stop string was found. Then emit is what was left before it, Rest is what
// followed it in the piece, and every later Push drops its text and returns "", true.
func (s *Stops) Push(text string) (emit string, stop bool) {
	if s == nil || len(s.patterns) == 0 {
		return text, false
	}
	if s.matched != "" {
		return "", true
	}
	for i := range len(text) {
		if s.step(text[i]) {
			end := len(s.held) + i + 1
			emit = (s.held + text[:i+1])[:end-len(s.matched)]
			s.held, s.rest = "", text[i+1:]
			return emit, true
		}
	}
	return s.hold(s.held + text), false
}

// step gives a byte to all patterns and notes the longest that it completes.
func (s *Stops) step(b byte) bool {
	for i := range s.patterns {
		p := &s.patterns[i]
		if p.step(b) && len(p.text) > len(s.matched) {
			s.matched = p.text
		}
	}
	return s.matched != ""
}

// hold keeps the end of the text that the patterns are in the middle of and returns the rest.
func (s *Stops) hold(text string) string {
	n := 0
	for i := range s.patterns {
		n = max(n, s.patterns[i].n)
	}
	s.held = text[len(text)-n:]
	return text[:len(text)-n]
}

// Flush ends the stream and returns the text that was held back, "" after a match. Reset starts the next stream.
func (s *Stops) Flush() string {
	if s == nil {
		return ""
	}
	held := s.held
	s.held = ""
	return held
}

// Matched returns the stop string that was found, "" if none was.
func (s *Stops) Matched() string {
	if s == nil {
		return ""
	}
	return s.matched
}

// Rest returns what followed the stop string in the piece that completed it, "" before.
func (s *Stops) Rest() string {
	if s == nil {
		return ""
	}
	return s.rest
}

// Reset starts a new stream.
func (s *Stops) Reset() {
	if s == nil {
		return
	}
	s.held, s.matched, s.rest = "", "", ""
	for i := range s.patterns {
		s.patterns[i].n = 0
	}
}
