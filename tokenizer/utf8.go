package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// decodeLax returns the code point at the start of s (not empty) and its length in bytes. It is as lenient as
// llama.cpp: overlong forms and surrogates count as the code points they spell. Anything else that is not UTF-8 is one
// byte long and becomes U+FFFD.
func decodeLax(s string) (rune, int) {
	c := s[0]
	n, first := 0, rune(0)
	switch {
	case c < 0x80:
		return rune(c), 1
	case c < 0xC0 || c >= 0xF8:
		return utf8.RuneError, 1
	case c < 0xE0:
		n, first = 2, rune(c&0x1F)
	case c < 0xF0:
		n, first = 3, rune(c&0x0F)
	default:
		n, first = 4, rune(c&0x07)
	}
	// Cut off, or something else than continuation bytes: the first byte alone is wrong, the rest is looked at again.
	if len(s) < n {
		return utf8.RuneError, 1
	}
	r := first
	for i := 1; i < n; i++ {
		if s[i]&0xC0 != 0x80 {
			return utf8.RuneError, 1
		}
		r = r<<6 | rune(s[i]&0x3F)
	}
	if r > utf8.MaxRune {
		return utf8.RuneError, 1
	}
	return r, n
}

// appendLax appends the UTF-8 form of r, also of a surrogate.
func appendLax(dst []byte, r rune) []byte {
	if 0xD800 <= r && r <= 0xDFFF {
		return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(dst, r)
}

// lenLax is the number of bytes that appendLax writes.
func lenLax(r rune) int {
	switch {
	case r < 0x80:
		return 1
	case r < 0x800:
		return 2
	case r < 0x10000:
		return 3
	}
	return 4
}

// cleanLax returns s with each code point that decodeLax finds in its shortest form; s itself if it is valid UTF-8.
func cleanLax(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out := make([]byte, 0, len(s)+16)
	for len(s) > 0 {
		r, n := decodeLax(s)
		out = appendLax(out, r)
		s = s[n:]
	}
	return string(out)
}

// charLen is the length of the UTF-8 sequence that starts with byte c, by its high bits alone: 1 for a continuation
// byte.
func charLen(c byte) int {
	switch {
	case c < 0xC0:
		return 1
	case c < 0xE0:
		return 2
	case c < 0xF0:
		return 3
	}
	return 4
}

// spaceMark stands for a space in SentencePiece vocabularies: U+2581, lower one eighth block.
const spaceMark = "\u2581"

func escapeSpaces(s string) string { return strings.ReplaceAll(s, " ", spaceMark) }
