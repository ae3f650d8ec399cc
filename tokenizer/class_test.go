package tokenizer

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestClasses compares with Go's tables for all code points that were assigned in Unicode 15.0; what Go's version adds
// later stays unassigned here, apart from what Unicode 15.1 added.
func TestClasses(t *testing.T) {
	table := classes()
	later := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		got, want := table.of(r), wantClass(r)
		if got == want {
			continue
		}
		if got == cOther && unicode.Version > "15.0.0" {
			later++
			continue
		}
		if !(0x2EBF0 <= r && r <= 0x2EE5D || 0x2FFC <= r && r <= 0x2FFF || r == 0x31EF) {
			t.Errorf("U+%04X: class %#x, want %#x", r, got, want)
		}
	}
	if later > 30000 {
		t.Errorf("%d code points have no class", later)
	}
}

func wantClass(r rune) class {
	switch {
	case r == '\n' || r == '\r':
		return cNewline
	case unicode.IsSpace(r):
		return cSpace
	case 'a' <= r && r <= 'z':
		return cLower
	case 'A' <= r && r <= 'Z':
		return cUpper
	case unicode.IsLetter(r):
		return cCaseless
	case unicode.IsNumber(r):
		return cNumber
	case unicode.IsMark(r):
		return cMark
	case unicode.IsPunct(r):
		return cPunct
	case unicode.IsSymbol(r):
		return cSymbol
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return cControl
	}
	return cOther
}

func TestCleanLax(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"aé中😀":                  "aé中😀",
		"\x80":                  "\uFFFD",
		"a\xC3":                 "a\uFFFD",
		"\xE2\x96 ":             "\uFFFD\uFFFD ",
		"\xC0\x80":              "\x00",         // overlong
		"\xF0\x82\x82\xAC":      "€",            // overlong
		"\xED\xA0\x80":          "\xED\xA0\x80", // surrogate: kept
		"\xFF\xFE":              "\uFFFD\uFFFD",
		"\xF4\x90\x80\x80":      "\uFFFD\uFFFD\uFFFD\uFFFD", // above U+10FFFF
		"\xF0\x9F\x98":          "\uFFFD\uFFFD\uFFFD",
		"x\xF8\x88\x80\x80\x80": "x\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD",
	} {
		if got := cleanLax(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLaxRoundTrip(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		b := appendLax(nil, r)
		if got, n := decodeLax(string(b)); got != r || n != len(b) || lenLax(r) != n || charLen(b[0]) != n {
			t.Fatalf("U+%04X: U+%04X, %d bytes of %d", r, got, n, len(b))
		}
	}
}

func TestByteRunes(t *testing.T) {
	seen := map[rune]bool{}
	for b, r := range byteRunes {
		if seen[r] || !unicode.IsPrint(r) || runeBytes[r] != int16(b) {
			t.Errorf("byte %#x is %q", b, r)
		}
		seen[r] = true
	}
	if byteRunes[' '] != 'Ġ' || byteRunes['\n'] != 'Ċ' || byteRunes['a'] != 'a' || byteRunes[0xFF] != 'ÿ' || byteRunes[0xAD] != 'Ń' {
		t.Error("not GPT-2's mapping")
	}
	if got := string(appendBytes(nil, "Ġaü中ĊŃ\u0144")); got != " a\xfc中\n\xad\u0144" {
		t.Errorf("%q", got)
	}
}
