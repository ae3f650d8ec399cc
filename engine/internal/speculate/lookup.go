// Package speculate guesses the next tokens of a text and decides how many guesses are worth a check.
//
// A guess costs a row of a pass, less than a pass of its own, and saves a pass when it is right. Lookup guesses from the
// text alone (prompt lookup decoding, github.com/apoorvumang/prompt-lookup-decoding); Pace weighs costs against what
// came of earlier guesses, so that a text in which nothing can be guessed takes a few per cent longer at most.
package speculate

// Most is how many tokens are guessed at a time at most.
const Most = 11

// A match has at least leastMatch tokens; more than mostMatch say nothing more. Of equal pairs of tokens the newest
// probes are looked at.
const (
	leastMatch = 2
	mostMatch  = 16
	probes     = 32
)

type pair [2]int32

// Lookup finds where the end of a text has occurred before: what followed there is the guess. The zero value is ready.
// It looks at a text that grows; when it is another one, Reset.
type Lookup struct {
	newest   map[pair]int32 // position behind the newest occurrence of a pair of tokens
	previous []int32        // by position behind a pair, less leastMatch: the one before; 0 for none
}

// Reset forgets the text. Its memory is kept.
func (l *Lookup) Reset() {
	clear(l.newest)
	l.previous = l.previous[:0]
}

// Guess appends to dst n tokens that may follow the text, and returns how many tokens before them are as at the
// end of the text: the longest match, of equally long ones the newest. No match is 0.
func (l *Lookup) Guess(dst, text []int32, n int) (guess []int32, match int) {
	if len(text) < len(l.previous)+leastMatch {
		l.Reset() // it has become shorter
	}
	l.index(text)
	if len(text) < leastMatch {
		return dst, 0
	}
	at, best := 0, 0
	for i, end := 0, l.newest[endOf(text)]; end > 0 && i < probes; i, end = i+1, l.previous[end-leastMatch] {
		if m := matching(text[:end], text); m > best {
			at, best = int(end), m
		}
	}
	if best < leastMatch {
		return dst, 0
	}
	for i := range n {
		if at+i < len(text) {
			dst = append(dst, text[at+i])
		} else {
			dst = append(dst, dst[len(dst)-len(text)+at]) // a period goes on
		}
	}
	return dst, best
}

// index adds the pairs of the text but its last, which would find itself.
func (l *Lookup) index(text []int32) {
	if l.newest == nil {
		l.newest = map[pair]int32{}
	}
	for end := len(l.previous) + leastMatch; end < len(text); end++ {
		p := endOf(text[:end])
		l.previous = append(l.previous, l.newest[p])
		l.newest[p] = int32(end)
	}
}

func endOf(text []int32) pair { return pair(text[len(text)-leastMatch:]) }

// matching returns how many tokens two texts have in common at their ends, at most mostMatch.
func matching(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b), mostMatch) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
