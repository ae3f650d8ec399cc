package jinja

import (
	"strings"
	"unicode"
)

// ascii reports whether a string has only ASCII characters, whose case changes in place.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// upper returns t in capital letters.
func (r *run) upper(t text) text {
	if ascii(t.s) {
		r.spend(len(t.s))
		t.s = strings.ToUpper(t.s)
		return t
	}
	return r.mapRunes(t, func(_ int, c rune) string { return upperRune(c) })
}

// lower returns t in small letters.
func (r *run) lower(t text) text {
	if ascii(t.s) {
		r.spend(len(t.s))
		t.s = strings.ToLower(t.s)
		return t
	}
	return r.mapRunes(t, func(at int, c rune) string { return lowerRune(t.s, at, c) })
}

func upperRune(c rune) string {
	if s, ok := specialCasing[c]; ok {
		return s[0]
	}
	return string(unicode.ToUpper(c))
}

func titleRune(c rune) string {
	if s, ok := specialCasing[c]; ok {
		return s[1]
	}
	return string(unicode.ToTitle(c))
}

// lowerRune returns the small form of the character c at an offset of s.
func lowerRune(s string, at int, c rune) string {
	switch {
	case c == 'İ':
		return "i̇"
	case c == 'Σ' && finalSigma(s, at):
		return "ς"
	}
	return string(unicode.ToLower(c))
}

// finalSigma reports whether the sigma at an offset ends a word.
func finalSigma(s string, at int) bool {
	before := strings.TrimRightFunc(s[:at], caseIgnorable)
	after := strings.TrimLeftFunc(s[at+len("Σ"):], caseIgnorable)
	return endsCased(before) && !startsCased(after)
}

func endsCased(s string) bool {
	return strings.LastIndexFunc(s, cased) >= 0 && strings.TrimRightFunc(s, cased) != s
}
func startsCased(s string) bool { return strings.TrimLeftFunc(s, cased) != s }

// cased reports whether a character has a case.
func cased(c rune) bool {
	return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) ||
		unicode.In(c, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable reports whether a character says nothing about where a word ends.
func caseIgnorable(c rune) bool {
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·’‘․", c)
}

// capitalized returns t with a capital first letter and small ones behind it.
func (r *run) capitalized(t text) text {
	return r.mapRunes(t, func(at int, c rune) string {
		if at == 0 {
			return titleRune(c)
		}
		return lowerRune(t.s, at, c)
	})
}

// titled returns t with a capital at the start of each run of letters with case.
func (r *run) titled(t text) text {
	inWord := false
	return r.mapRunes(t, func(at int, c rune) string {
		was := inWord
		inWord = cased(c)
		if was {
			return lowerRune(t.s, at, c)
		}
		return titleRune(c)
	})
}

// swapped returns t with capital letters made small and the other way round.
func (r *run) swapped(t text) text {
	return r.mapRunes(t, func(at int, c rune) string {
		switch {
		case unicode.IsUpper(c):
			return lowerRune(t.s, at, c)
		case unicode.IsLower(c):
			return upperRune(c)
		}
		return string(c)
	})
}

// casefolded returns t in the form for comparison without case.
func (r *run) casefolded(t text) text {
	return r.mapRunes(t, func(_ int, c rune) string {
		if s, ok := specialCasing[c]; ok {
			return strings.ToLower(s[0])
		}
		if c == 'ς' {
			return "σ"
		}
		return string(unicode.ToLower(c))
	})
}

// allRunes reports whether a text is not empty and all its characters pass.
func allRunes(s string, pass func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return !pass(c) }) < 0
}

func isDigit(c rune) bool {
	return unicode.IsDigit(c) || unicode.In(c, unicode.No) && strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", c)
}
func isNumeric(c rune) bool {
	return unicode.IsNumber(c) || strings.ContainsRune("一二三四五六七八九〇零十百千万亿", c)
}
func isAlnum(c rune) bool { return unicode.IsLetter(c) || isDigit(c) || isNumeric(c) }

// isUpper is str.isupper: some letter with case, and none that is small.
func isUpper(s string) bool {
	return strings.ContainsFunc(s, unicode.IsUpper) &&
		!strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLower(c) || unicode.IsTitle(c) })
}

func isLower(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLower) &&
		!strings.ContainsFunc(s, func(c rune) bool { return unicode.IsUpper(c) || unicode.IsTitle(c) })
}

// isTitle is str.istitle: capitals only behind what has no case, small letters only behind what has.
func isTitle(s string) bool {
	was, found := false, false
	for _, c := range s {
		switch {
		case unicode.IsUpper(c) || unicode.IsTitle(c):
			if was {
				return false
			}
			was, found = true, true
		case unicode.IsLower(c):
			if !was {
				return false
			}
			found = true
		default:
			was = false
		}
	}
	return found
}

func isIdentifier(s string) bool {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !nameRune(c)) {
			return false
		}
	}
	return s != ""
}
