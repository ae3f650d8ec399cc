package calibration

import (
	"fmt"
	"math"
)

// What text is, measured in tokens. Prose and code are far from these bounds;
// RATIONALE.md has the figures.
const (
	repeatSpan    = 4    // tokens of the sequences that are looked for again
	leastDistinct = 0.6  // of a window's such sequences, how many occur once or for the first time; a mean over windows
	leastEntropy  = 0.45 // of single tokens, as a share of the largest that so many tokens could have
	leastUnique   = 0.03 // of the tokens, how many different ones there are, as a share of what there could be
)

// textFault tells why windows of tokens are no text, "" when they look like one.
func textFault(windows [][]int32, vocab int) string {
	n := Count(windows)
	counts, distinct := map[int32]int{}, 0.0
	for _, w := range windows {
		distinct += distinctShare(w) / float64(len(windows))
		for _, id := range w {
			counts[id]++
		}
	}
	most := min(n, vocab)
	entropy := 0.0
	for _, c := range counts {
		p := float64(c) / float64(n)
		entropy -= p * math.Log(p)
	}
	switch share := entropy / math.Log(float64(max(most, 2))); {
	case distinct < leastDistinct:
		return fmt.Sprintf("repeats itself: %.0f %% of the sequences of %d tokens have not occurred before", 100*distinct, repeatSpan)
	case share < leastEntropy:
		return fmt.Sprintf("says little: the entropy of its tokens is %.1f bits, %.0f %% of what it could be", entropy/math.Ln2, 100*share)
	case float64(len(counts)) < leastUnique*float64(most):
		return fmt.Sprintf("has only %d different tokens in %d", len(counts), n)
	}
	return ""
}

// distinctShare returns which share of a window's sequences of repeatSpan tokens have not occurred in it before; 1 for
// a window that is too short.
func distinctShare(ids []int32) float64 {
	seen := map[[repeatSpan]int32]bool{}
	n := len(ids) - repeatSpan + 1
	for i := range n {
		seen[[repeatSpan]int32(ids[i:])] = true
	}
	if n <= 0 {
		return 1
	}
	return float64(len(seen)) / float64(n)
}
