package grammar

import (
	"math/rand/v2"
	"testing"
)

// TestMaskOfWords: with a real vocabulary, masks that are not walked token by token are those that steps give, in
// strings of all kinds: counted and not, that must or must not have a letter or a word, that end anywhere.
func TestMaskOfWords(t *testing.T) {
	tok := realTokenizer(t)
	v := NewVocab(tok)
	r := rand.New(rand.NewPCG(19, 20))
	for _, src := range []string{
		`root ::= .*`,
		`root ::= [^"\\]{2,6} "."`,
		`root ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" ["\\nt]){0,5} "\""`,
		`root ::= [^<]* "<" [^<]* ">" | [^a]* "a" .* "!"`,
		`root ::= ([^xyz] | "x" [^y] | "z"){0,9} "y"`,
		`root ::= "\"" key "\"" [:,]+` + "\nkey ::= [^f\"\\\\]* (\"f\" [^o\"\\\\] [^\"\\\\]*)?",
		`root ::= "A" any | any ("B" any | "C" any | "D")` + "\nany ::= [^\"\\\\]*",
		`root ::= [a-z0-9]* . . . "\"" | [^"] [^"] "\"" [^a]*`,
		`root ::= (word "," | .? "é" [^,]{2})* "\""` + "\nword ::= [^,\"]*",
		`root ::= s{1,2} | [^"]{3,40} "-"` + "\ns ::= [^\",]{1,3} \",\"",
	} {
		g := mustGBNF(t, src)
		for range 3 {
			m := newMatcher(t, g, v)
			for range 8 {
				bits := maskOf(t, m)
				checkMask(t, src, m, bits, r)
				id := r.Int32N(int32(v.size))
				for tries := 0; !hasBit(bits, id) && tries < 3*v.size; tries++ {
					id = (id + 1) % int32(v.size)
				}
				if m.Accept(id) != nil || m.ended {
					break
				}
			}
		}
	}
}

// checkMask compares a mask with steps, for some of the tokens.
func checkMask(t *testing.T, src string, m *Matcher, bits []uint64, r *rand.Rand) {
	t.Helper()
	n := 3000
	if testing.Short() {
		n = 600
	}
	for range n {
		id := r.Int32N(int32(m.v.size))
		if want := m.Clone().Accept(id) == nil; want != hasBit(bits, id) {
			t.Fatalf("%s: token %d %q: in the mask: %v, accepted: %v", src, id, m.v.tok.AppendPiece(nil, id, true), !want, want)
		}
	}
}
