package grammar

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/latentgo/latentgo/internal/lists"
)

// Choice is the grammar of a list of strings: the text is one of them. Errors wrap ErrSyntax for a string that is not
// UTF-8, ErrEmpty for no strings, ErrLimit for too many bytes.
func Choice(texts ...string) (*Grammar, error) {
	total := 0
	for _, t := range texts {
		if total += len(t); total > MaxSource {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, MaxSource)
		}
		if !utf8.ValidString(t) {
			return nil, fmt.Errorf("%w: %q is not UTF-8", ErrSyntax, t)
		}
	}
	return newGrammar([]rule{{"choice", choice(texts)}}, 0)
}

// choice is one of the texts. Those that begin alike share their beginning.
func choice(texts []string) expr {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	return choiceOf(slices.Compact(sorted))
}

// choiceOf is choice for sorted texts without doubles.
func choiceOf(texts []string) expr {
	var all alt
	for len(texts) > 0 {
		if texts[0] == "" {
			all = append(all, seq{})
			texts = texts[1:]
			continue
		}
		n := 1 // those with the same first byte
		for n < len(texts) && texts[n][0] == texts[0][0] {
			n++
		}
		common := lists.Common([]byte(texts[0]), []byte(texts[n-1]))
		rest := make([]string, n)
		for i, t := range texts[:n] {
			rest[i] = t[common:]
		}
		all = append(all, seq{lit(texts[0][:common]), choiceOf(rest)})
		texts = texts[n:]
	}
	return all
}
