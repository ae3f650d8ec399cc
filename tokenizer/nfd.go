package tokenizer

import "sort"

//go:generate go run gen_nfd.go

// nfdFirst returns the code point that the canonical decomposition (NFD) of r begins with, r for most; of Unicode 15.1,
// as classes are.
func nfdFirst(r rune) rune {
	const hangul, last, vowels = 0xAC00, 0xD7A3, 21 * 28 // syllables, by leading consonant
	switch {
	case r < 0xC0:
		return r
	case hangul <= r && r <= last:
		return 0x1100 + (r-hangul)/vowels
	}
	i := sort.Search(len(nfdRanges), func(i int) bool { return rune(nfdRanges[i][0]) > r }) - 1
	if i < 0 || r-rune(nfdRanges[i][0]) >= rune(nfdRanges[i][1]) {
		return r
	}
	return rune(nfdRanges[i][2])
}
