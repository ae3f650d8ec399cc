package tokenizer

import "sync"

//go:generate go run gen_class.go

// class is what a pre-tokeniser sees of a code point: exactly one bit is set, so that a set of classes is a mask and
// its complement is ^mask. The categories are those of Unicode 15.1, the version of llama.cpp's tables, whatever the
// version of Go's: a code point assigned later must not change how text is split.
type class uint16

const (
	cLower    class = 1 << iota // a-z
	cUpper                      // A-Z
	cCaseless                   // every other letter: splitting tells case apart in ASCII only
	cNumber                     // \p{N}
	cMark                       // \p{M}
	cPunct                      // \p{P}
	cSymbol                     // \p{S}
	cSpace                      // \s without CR and LF
	cNewline                    // CR and LF
	cOther                      // unassigned
	cControl                    // \p{C}: controls that are no white space, formats, private use, surrogates
)

const (
	cLetter = cLower | cUpper | cCaseless // \p{L}
	cWhite  = cSpace | cNewline           // \s
)

// pageSize is the number of code points that share one entry of the first table stage.
const pageSize = 256

// classTable maps a code point to its class in two steps; runs of equal pages are stored once.
type classTable struct {
	index [(1<<21)/pageSize + 1]uint16
	pages [][pageSize]class
}

// classes returns the table, built from classRanges at first use.
var classes = sync.OnceValue(func() *classTable {
	t := &classTable{}
	seen := map[[pageSize]class]uint16{}
	next := 0 // the range after that of the current code point
	for p := range 0x110000 / pageSize {
		var page [pageSize]class
		for i := range page {
			r := uint32(p*pageSize + i)
			for next < len(classRanges) && classRanges[next]>>4 <= r {
				next++
			}
			page[i] = 1 << (classRanges[next-1] & 15)
		}
		n, ok := seen[page]
		if !ok {
			n = uint16(len(t.pages))
			t.pages = append(t.pages, page)
			seen[page] = n
		}
		t.index[p] = n
	}
	return t
})

// of returns the class of a code point up to 0x10FFFF.
func (t *classTable) of(r rune) class {
	return t.pages[t.index[r/pageSize]][r%pageSize]
}
