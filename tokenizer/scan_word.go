package tokenizer

// Matchers for letters, numbers and punctuation. The comment of each gives the regular expression that it stands for.

// contraction is 's|'t|'re|'ve|'m|'ll|'d, in either case if fold is set.
func contraction(fold bool) matcher {
	return func(v *view, pos, hi int) int {
		if v.cp[pos] != '\'' || pos+1 >= hi {
			return pos
		}
		switch a := asciiLower(v.cp[pos+1], fold); a {
		case 's', 't', 'm', 'd':
			return pos + 2
		case 'r', 'v', 'l':
			if pos+2 >= hi {
				return pos
			}
			if b := asciiLower(v.cp[pos+2], fold); b == 'e' && a != 'l' || b == 'l' && a == 'l' {
				return pos + 3
			}
		}
		return pos
	}
}

// contractionFold is the form that nearly all newer vocabularies use.
var contractionFold = contraction(true)

// asciiLower lowers A-Z if fold is set. No other capital becomes one of the letters that contractions have.
func asciiLower(r rune, fold bool) rune {
	if fold && 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// spaced is " ?[set]+".
func spaced(set class) matcher {
	return func(v *view, pos, hi int) int {
		start := pos
		if v.cp[pos] == ' ' {
			start++
		}
		if end := v.skip(start, hi, set); end > start {
			return end
		}
		return v.skip(pos, hi, set)
	}
}

// whiteThen is "\s?[set]+".
func whiteThen(set class) matcher { return prefixed(cWhite, set) }

// prefixed is "[lead]?[set]+".
func prefixed(lead, set class) matcher {
	return func(v *view, pos, hi int) int {
		if v.class[pos]&lead != 0 && v.in(pos+1, hi, set) {
			return v.skip(pos+1, hi, set)
		}
		return v.skip(pos, hi, set)
	}
}

// followed is m with an optional contraction behind it.
func followed(m matcher) matcher {
	return func(v *view, pos, hi int) int {
		end := m(v, pos, hi)
		if end == pos || end >= hi {
			return end
		}
		return contractionFold(v, end, hi)
	}
}

// cased is "[lead]?U*L+|[lead]?U+L*" with U = set without a-z and L = set without A-Z: a word starts where small
// letters end and capitals begin. A letter outside ASCII is in both.
func cased(lead, set class) matcher {
	// The four attempts are the two alternatives, each with and without the leading character.
	up, low := set&^cLower, set&^cUpper
	return func(v *view, pos, hi int) int {
		led := v.class[pos]&lead != 0 && pos+1 < hi
		if led {
			if end := capitalised(v, pos+1, hi, up, low); end > pos+1 {
				return end
			}
		}
		if end := capitalised(v, pos, hi, up, low); end > pos {
			return end
		}
		if led && v.in(pos+1, hi, up) {
			return v.skip(v.skip(pos+1, hi, up), hi, low)
		}
		if v.in(pos, hi, up) {
			return v.skip(v.skip(pos, hi, up), hi, low)
		}
		return pos
	}
}

// capitalised is "[up]*[low]+" with backtracking: when nothing of low follows the longest run of up, the match ends
// with the last member of both in that run.
func capitalised(v *view, pos, hi int, up, low class) int {
	end := v.skip(pos, hi, up)
	if v.in(end, hi, low) {
		return v.skip(end, hi, low)
	}
	for end > pos && v.class[end-1]&low == 0 {
		end--
	}
	return end
}

// phrase is "[lead]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+": words with the single spaces between them.
func phrase(lead class) matcher {
	// Greedy without backtracking: a space is taken only if a letter follows it.
	run := func(v *view, pos, hi int) int {
		if !v.in(pos, hi, cLetter) {
			return pos
		}
		for pos < hi {
			if v.class[pos]&(cLetter|cMark) != 0 {
				pos++
			} else if v.cp[pos] == ' ' && v.in(pos+1, hi, cLetter) {
				pos += 2
			} else {
				break
			}
		}
		return pos
	}
	return func(v *view, pos, hi int) int {
		if v.class[pos]&lead != 0 {
			if end := run(v, pos+1, hi); end > pos+1 {
				return end
			}
		}
		return run(v, pos, hi)
	}
}

// upTo is "[set]{1,n}".
func upTo(n int, set class) matcher {
	return func(v *view, pos, hi int) int { return v.skip(pos, min(hi, pos+n), set) }
}

// run is "[set]+".
func run(set class) matcher {
	return func(v *view, pos, hi int) int { return v.skip(pos, hi, set) }
}

// tail is what may follow a run of punctuation.
type tail uint8

const (
	tailNone    tail = iota
	tailLines        // [\r\n]*
	tailSlashes      // [\r\n/]*
	tailOne          // [\r\n/]?
)

// marks is " ?[set]+" with a tail.
func marks(set class, t tail) matcher {
	m := spaced(set)
	return func(v *view, pos, hi int) int {
		end := m(v, pos, hi)
		if end == pos || t == tailNone {
			return end
		}
		for end < hi && (v.class[end] == cNewline || t != tailLines && v.cp[end] == '/') {
			end++
			if t == tailOne {
				break
			}
		}
		return end
	}
}

// asciiWord is "[!-/:-@\[-`{-~][A-Za-z]+": one ASCII sign before ASCII letters.
func asciiWord(v *view, pos, hi int) int {
	if v.cp[pos] >= 0x80 || v.class[pos]&(cPunct|cSymbol) == 0 || !v.in(pos+1, hi, cLower|cUpper) {
		return pos
	}
	return v.skip(pos+1, hi, cLower|cUpper)
}
