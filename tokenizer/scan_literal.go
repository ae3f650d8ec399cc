package tokenizer

// Chameleon's splitter names two kinds of special tokens, which are cut out even where special tokens are not parsed.

// sentinel is "<sentinel:[0-9]+>".
func sentinel(v *view, pos, hi int) int {
	end := literal(v, pos, hi, "<sentinel:")
	if end == pos {
		return pos
	}
	digits := end // at least one must follow
	for end < hi && asciiDigit(v.cp[end]) {
		end++
	}
	if end == digits || !v.is(end, hi, '>') {
		return pos
	}
	return end + 1
}

// imageToken is "IMGIMG[A-I]{1,4}Z".
func imageToken(v *view, pos, hi int) int {
	end := literal(v, pos, hi, "IMGIMG")
	if end == pos {
		return pos
	}
	code := end
	for end < hi && end < code+4 && 'A' <= v.cp[end] && v.cp[end] <= 'I' {
		end++
	}
	if end == code || !v.is(end, hi, 'Z') {
		return pos
	}
	return end + 1
}

// literal returns the end of s at pos, or pos if the text there is different.
func literal(v *view, pos, hi int, s string) int {
	if hi-pos < len(s) {
		return pos
	}
	for i, r := range []byte(s) {
		if v.cp[pos+i] != rune(r) {
			return pos
		}
	}
	return pos + len(s)
}
