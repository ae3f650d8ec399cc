package tokenizer

// hanSet is what Kimi K2's splitter takes as Chinese characters: the CJK blocks, unassigned code points in them
// included.
var hanSet = runeSet{
	0x3400, 0x4DBF, // extension A
	0x4E00, 0x9FFF, // unified ideographs
	0xF900, 0xFAFF, // compatibility ideographs
	0x20000, 0x2A6DF, // extension B
	0x2A700, 0x2B73F, // extension C
	0x2B740, 0x2B81F, // extension D
	0x2B820, 0x2CEAF, // extension E
	0x2CEB0, 0x2EBEF, // extension F
	0x2F800, 0x2FA1F, // compatibility supplement
}

// han is "\p{Han}+".
func han(v *view, pos, hi int) int {
	for pos < hi && isHan(v.cp[pos]) {
		pos++
	}
	return pos
}

func isHan(r rune) bool { return r >= 0x3400 && hanSet.has(r) }

// notHan is "[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+": words in any script but Chinese.
func notHan(v *view, pos, hi int) int {
	start := pos
	if v.class[pos]&(cLetter|cNumber|cNewline) == 0 {
		start++
	}
	end := start
	for end < hi && v.class[end]&cLetter != 0 && !isHan(v.cp[end]) {
		end++
	}
	if end == start {
		return pos
	}
	return end
}
