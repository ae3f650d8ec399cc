package tokenizer

// asciiDigit reports whether r is what \d means where only ASCII counts.
func asciiDigit(r rune) bool { return '0' <= r && r <= '9' }

// threeDigits is "[0-9][0-9][0-9]".
func threeDigits(v *view, pos, hi int) int {
	if pos+3 <= hi && asciiDigit(v.cp[pos]) && asciiDigit(v.cp[pos+1]) && asciiDigit(v.cp[pos+2]) {
		return pos + 3
	}
	return pos
}

// thousands cuts every number as one groups it in writing, 1|234|567: the first part has one to three digits, the
// others three. Text before a number stays together with the first part, as llama.cpp has it; later splitters take them
// apart.
func thousands(v *view, lo, hi int, ends []int) []int {
	done := lo
	for pos := lo; pos < hi; {
		end := v.skip(pos, hi, cNumber)
		if end == pos {
			pos++
			continue
		}
		// No cut before the number: the text since the last cut goes with its head.
		if head := (end - pos) % 3; head > 0 {
			pos += head
			ends = append(ends, pos)
		}
		for pos < end {
			pos += 3
			ends = append(ends, pos)
		}
		done = end
	}
	if done < hi {
		ends = append(ends, hi)
	}
	return ends
}

// thousandsInside is the empty match "(?=(\d{3})+(?!\d))": a cut before every group of three ASCII digits, counted from
// the end of their run.
func thousandsInside(v *view, lo, hi int, ends []int) []int {
	for pos := lo; pos < hi; {
		if !asciiDigit(v.cp[pos]) {
			pos++
			continue
		}
		end := pos
		for end < hi && asciiDigit(v.cp[end]) {
			end++
		}
		for cut := pos + (end-pos)%3; cut < end; cut += 3 {
			if cut > lo {
				ends = append(ends, cut)
			}
		}
		pos = end
	}
	return append(ends, hi)
}
