package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// randomExpr makes a grammar's expression over the letters a to c and an umlaut.
func randomExpr(r *rand.Rand, depth, rules int) expr {
	kinds := 8
	if depth == 0 {
		kinds = 3
	}
	switch r.IntN(kinds) {
	case 0:
		return lit([]string{"a", "b", "ab", "ü", "", "ca"}[r.IntN(6)])
	case 1:
		return []class{{'a', 'b'}, {'a', 'a', 'c', 'c'}, {'b', 'ü'}, {'a', maxRune}}[r.IntN(4)]
	case 2:
		return ref(r.IntN(rules))
	case 3, 4:
		var s seq
		for range 1 + r.IntN(3) {
			s = append(s, randomExpr(r, depth-1, rules))
		}
		return s
	case 5, 6:
		var a alt
		for range r.IntN(4) {
			a = append(a, randomExpr(r, depth-1, rules))
		}
		return a
	}
	lo := r.IntN(3)
	hi := []int{-1, lo, lo + 1, lo + 30}[r.IntN(4)]
	return rep{randomExpr(r, depth-1, rules), lo, hi}
}

// randomGrammar makes rules that are not refused, and says how many were.
func randomGrammar(r *rand.Rand) (*Grammar, []rule) {
	for {
		rules := make([]rule, 1+r.IntN(4))
		for i := range rules {
			rules[i] = rule{fmt.Sprint("r", i), randomExpr(r, 3, len(rules))}
		}
		if g, err := newGrammar(rules, 0); err == nil {
			return g, rules
		} else if !errors.Is(err, ErrRecursion) && !errors.Is(err, ErrEmpty) {
			panic(err)
		}
	}
}

// texts lists all texts over an alphabet up to a length.
func texts(alphabet []string, n int) []string {
	out, last := []string{""}, []string{""}
	for range n {
		var longer []string
		for _, t := range last {
			for _, a := range alphabet {
				longer = append(longer, t+a)
			}
		}
		out, last = append(out, longer...), longer
	}
	return out
}

// TestMatchAgainstTwin: random grammars and all short texts, held against trying everything.
func TestMatchAgainstTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := texts([]string{"a", "b", "c", "ü", "\xc3"}, 4)
	n, matched := 300, 0
	if testing.Short() {
		n = 40
	}
	for range n {
		g, rules := randomGrammar(r)
		for _, text := range all {
			got, err := g.Match(text)
			if err != nil {
				t.Fatalf("%#v: %q: %v", rules, text, err)
			}
			want := twinMatch(rules, 0, text)
			if got != want {
				t.Fatalf("%#v: %q: matches %v, should be %v", rules, text, got, want)
			}
			if want {
				matched++
			}
		}
	}
	if matched < 10*n {
		t.Errorf("only %d matches: the random grammars are no test", matched)
	}
}

// TestAmbiguous: texts that can be read in exponentially many ways are followed in little time, or refused.
func TestAmbiguous(t *testing.T) {
	for _, src := range []string{
		`root ::= "a" root "b" | "a" root "c" | "d"`,
		`root ::= "a" root root | "a"`,
		`root ::= (x x | x)* 
x ::= "a" | "a" "a" | ("a" | "b")*`,
		`root ::= ((((((([^x]*){0,99}){0,99}){0,99}){0,99}){0,99}){0,99}){0,99}`,
		`root ::= (((((([a-z]{0,99}){0,99}){0,99}){0,99}){0,99}){0,99}){0,99}`,
		`root ::= "a" (root? root? root? root?)`,
	} {
		g, err := GBNF(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		text := make([]byte, 200)
		for i := range text {
			text[i] = 'a'
		}
		start := time.Now()
		ok, err := g.Match(string(text))
		t.Logf("%s: %v %v after %v", src, ok, err, time.Since(start))
		if err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", src, err)
		}
	}
}
