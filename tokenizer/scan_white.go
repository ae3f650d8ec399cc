package tokenizer

// Matchers for white space. The comment of each gives the regular expression that it stands for.

// lines is "\s*[\r\n]+": a run of white space up to its last line end.
func lines(v *view, pos, hi int) int {
	if v.class[pos]&cWhite == 0 {
		return pos
	}
	_, newline := v.whiteEnd(pos, hi)
	return newline
}

// oneLine is "[\r\n]".
func oneLine(v *view, pos, hi int) int {
	if v.class[pos] == cNewline {
		return pos + 1
	}
	return pos
}

// spacesBefore is "\s+(?!\S)": all white space at the end of the piece, else all but the last one, which belongs to the
// word that follows.
func spacesBefore(v *view, pos, hi int) int {
	if v.class[pos]&cWhite == 0 {
		return pos
	}
	end, _ := v.whiteEnd(pos, hi)
	if end < hi {
		end-- // to pos, which is no match, if there is only one
	}
	return end
}

// spaces is "\s+".
func spaces(v *view, pos, hi int) int {
	if v.class[pos]&cWhite == 0 {
		return pos
	}
	end, _ := v.whiteEnd(pos, hi)
	return end
}

// spaceLadder is "\s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}".
func spaceLadder(v *view, pos, hi int) int {
	if v.class[pos]&cWhite == 0 {
		return pos
	}
	end, _ := v.whiteEnd(pos, hi)
	limit := end - pos // length that a step of the ladder may have
	if end < hi {
		limit--
	}
	for n := 512; n >= 2; n /= 2 {
		if n <= limit {
			return pos + n
		}
	}
	return pos + 1
}

// trailing cuts "\s+$" off the end of the piece.
func trailing(v *view, lo, hi int, ends []int) []int {
	start := hi
	for start > lo && v.class[start-1]&cWhite != 0 {
		start--
	}
	if lo < start && start < hi {
		ends = append(ends, start)
	}
	return append(ends, hi)
}

// byLines is "[^\n]+|\n+".
func byLines(v *view, pos, hi int) int {
	nl := v.cp[pos] == '\n'
	for pos < hi && (v.cp[pos] == '\n') == nl {
		pos++
	}
	return pos
}

// solid is "\S+".
func solid(v *view, pos, hi int) int { return v.skip(pos, hi, ^cWhite) }

// indent is "[\t\n]|    |  ": a tab, a line end, or four or two spaces.
func indent(v *view, pos, hi int) int {
	if v.cp[pos] == '\t' || v.cp[pos] == '\n' {
		return pos + 1
	}
	n := 0
	for n < 4 && v.is(pos+n, hi, ' ') {
		n++
	}
	if n == 3 {
		n = 2
	}
	if n < 2 {
		return pos
	}
	return pos + n
}
