package grammar

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var smallVocab = fake{"a", "b", "c", "ü", "\xc3", "\xbc", "ab", "aab", "abc", "ca", "cab", "ba", "aaaaaa", "üa", "a\xc3",
	"<end>", "<x>", "", "b", "bbbbbbbbb", "\xbcb"}

// TestMaskAgainstSteps: random grammars, random walks; the mask has a token exactly if its bytes lead somewhere, and
// whatever leads somewhere can be completed.
func TestMaskAgainstSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	v := NewVocab(smallVocab)
	n := 400
	if testing.Short() {
		n = 100
	}
	ended := 0
	for range n {
		g, rules := randomGrammar(r)
		m := newMatcher(t, g, v)
		text := ""
		for range 12 {
			bits := maskOf(t, m)
			var allowed []int32
			for id := range int32(v.size) {
				if hasBit(bits, id) {
					allowed = append(allowed, id)
				}
				if want := m.Clone().Accept(id) == nil; want != hasBit(bits, id) {
					t.Fatalf("%#v after %q: token %q: in the mask: %v, accepted: %v", rules, text, smallVocab[id], !want, want)
				}
			}
			if len(allowed) == 0 {
				t.Fatalf("%#v after %q: nothing is allowed", rules, text)
			}
			id := allowed[r.IntN(len(allowed))]
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
			if smallVocab[id] == "<end>" {
				ended++
				if !twinMatch(rules, 0, text) {
					t.Fatalf("%#v: %q is not in the language", rules, text)
				}
				break
			}
			text += smallVocab[id]
		}
	}
	if ended < n/4 {
		t.Errorf("only %d texts of %d ended", ended, n)
	}
}

// TestMaskAgainstTwin: a beginning is allowed exactly if it is the beginning of a text of the language.
func TestMaskAgainstTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	alphabet := fake{"a", "b", "c", "ü", "<end>"}
	v := NewVocab(alphabet)
	all := texts(alphabet[:4], 4)
	n := 150
	if testing.Short() {
		n = 30
	}
	for range n {
		g, rules := randomGrammar(r)
		var matching []string
		for _, text := range all {
			if twinMatch(rules, 0, text) {
				matching = append(matching, text)
			}
		}
		for _, text := range matching {
			m := newMatcher(t, g, v)
			for _, c := range text {
				id, _ := alphabet.Lookup(string(c))
				if !hasBit(maskOf(t, m), id) {
					t.Fatalf("%#v: %q of %q is not allowed", rules, c, text)
				}
				if err := m.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
			if !m.CanEnd() {
				t.Fatalf("%#v: %q can't end", rules, text)
			}
		}
	}
}

// TestTokensByName: <name>, <[id]> and their opposites.
func TestTokensByName(t *testing.T) {
	vocab := fake{"a", "b", "<x>", "<y>", "<end>", "ab", ""}
	v := NewVocab(vocab)
	m := newMatcher(t, mustGBNF(t, `root ::= <x> !<y>* <[3]> "ab"`), v)
	for _, step := range []struct{ token, allowed string }{
		{"<x>", "<x>"}, {"b", "a b <x> <y> ab"}, {"<x>", "a b <x> <y> ab"}, {"<y>", "a b <x> <y> ab"},
		{"a", "a ab"}, {"b", "b"}, {"<end>", "<end>"},
	} {
		var allowed []string
		for id, text := range vocab {
			if hasBit(maskOf(t, m), int32(id)) {
				allowed = append(allowed, text)
			}
		}
		if got := strings.Join(allowed, " "); got != step.allowed {
			t.Errorf("before %s: %q allowed, want %q", step.token, got, step.allowed)
		}
		id, _ := vocab.Lookup(step.token)
		if err := m.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
	for _, src := range []string{`root ::= <nobody>`, `root ::= <[7]>`} {
		if _, err := mustGBNF(t, src).NewMatcher(v); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// TestControlTokensAreNoText: a control token's name is not a way to write that text.
func TestControlTokensAreNoText(t *testing.T) {
	vocab := fake{"<", "x", ">", "<x>", "<end>"}
	bits := maskOf(t, newMatcher(t, mustGBNF(t, `root ::= "<x>"`), NewVocab(vocab)))
	if !hasBit(bits, 0) || hasBit(bits, 3) || hasBit(bits, 4) {
		t.Errorf("mask %b", bits)
	}
}

func TestApply(t *testing.T) {
	v := NewVocab(fake{"a", "b", "<end>"})
	m := newMatcher(t, mustGBNF(t, `root ::= "a"?`), v)
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		end  bool
		want []float32
	}{{true, []float32{1, inf, 3, inf}}, {false, []float32{1, inf, inf, inf}}} {
		logits := []float32{1, 2, 3, 4} // one row more than there are tokens
		if err := m.Apply(logits, c.end); err != nil || !slices.Equal(logits, c.want) {
			t.Errorf("end %v: %v %v", c.end, logits, err)
		}
	}
	if m.Complete() || !m.CanEnd() {
		t.Error("at the beginning a text may follow, and need not")
	}
	if err := m.Accept(1); !errors.Is(err, ErrToken) {
		t.Errorf("b: %v", err)
	}
	if err := m.Accept(0); err != nil || !m.Complete() {
		t.Errorf("a: %v, complete %v", err, m.Complete())
	}
	if err := m.Accept(2); err != nil || !m.Complete() {
		t.Errorf("end: %v", err)
	}
	if err := m.Accept(2); !errors.Is(err, ErrToken) {
		t.Errorf("second end: %v", err)
	}
}

// TestReset: a matcher goes on when the automaton has dropped its states.
func TestReset(t *testing.T) {
	v := NewVocab(smallVocab)
	g := mustGBNF(t, `root ::= "a" root "b" | "c"`)
	m := newMatcher(t, g, v)
	for i, c := range "aaaacbbbb" {
		id, _ := smallVocab.Lookup(string(c))
		if err := m.Accept(id); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		maskOf(t, m)
		m.a.bytes = maxBytes + 1
	}
	if !m.Complete() {
		t.Error("not complete")
	}
}
