// Package suggest finds what a mistyped word was meant to be. Subcommands, commands of a conversation and parameters
// need it.
package suggest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the one of known that word is a typing error of, or the only one that it begins; "" for neither.
// Letters' case does not count.
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", 0
	for _, k := range known {
		d := distance(word, strings.ToLower(k))
		if d <= max(1, len(k)/3) && (best == "" || d < least) {
			best, least = k, d
		}
	}
	if best == "" {
		best = completed(word, known)
	}
	return best
}

// distance counts the letters to insert, drop or replace; two neighbours in the wrong order count once.
func distance(a, b string) int {
	d := levenshtein.ComputeDistance(a, b)
	r := []rune(a)
	for i := 1; i < len(r); i++ {
		r[i-1], r[i] = r[i], r[i-1]
		d = min(d, levenshtein.ComputeDistance(string(r), b)+1)
		r[i-1], r[i] = r[i], r[i-1]
	}
	return d
}

// completed returns the only one of known that begins with word, of at least three letters; "" for none or several.
func completed(word string, known []string) (found string) {
	for _, k := range known {
		if len(word) < 3 || !strings.HasPrefix(strings.ToLower(k), word) {
			continue
		}
		if found != "" {
			return ""
		}
		found = k
	}
	return found
}
