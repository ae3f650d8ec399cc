package grammar

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestGBNFErrors: what llama.cpp refuses is refused, with line and column. The cases with braces and those of left
// recursion are those of its tests/test-grammar-parser.cpp and test-grammar-integration.cpp.
func TestGBNFErrors(t *testing.T) {
	for _, c := range []struct {
		src  string
		kind error
		says string
	}{
		{`root ::= "a"{,}`, ErrSyntax, "line 1, column 14: expected a number"},
		{`root ::= "a"{,10}`, ErrSyntax, "line 1, column 14"},
		{`root ::= "a"{5,3}`, ErrSyntax, "between 5 and 3 times"},
		{`root ::= "a"{99999999}`, ErrSyntax, "above 1048576"},
		{`root ::= "a" | root "a"`, ErrRecursion, `rule "root" begins with itself`},
		{"root ::= asdf\nasdf ::= \"a\" | asdf \"a\"", ErrRecursion, "asdf → asdf"},
		{"root ::= asdf\nasdf ::= \"a\" | foo \"b\"\nfoo ::= \"c\" | asdf \"d\" | \"e\"", ErrRecursion, "asdf → foo → asdf"},
		{"root ::= asdf\nasdf ::= \"a\" | foo \"b\"\nfoo ::= \"c\" | empty asdf \"d\" | \"e\"\nempty ::= \"blah\" | ", ErrRecursion, "asdf → foo → asdf"},
		{"root ::= a \"x\"\na ::= ws root | \"x\"\nws ::= [ ]*", ErrRecursion, "root → a → root"},
		{`rot ::= "a"`, ErrSyntax, `no rule "root"`},
		{"root ::= expr\n  expr ::= numero", ErrSyntax, `line 2, column 12: there is no rule "numero"`},
		{"root ::= \"é\" \"a", ErrSyntax, "line 1, column 16: unexpected end"},
		{`root ::= [a`, ErrSyntax, "unexpected end"},
		{`root ::= []`, ErrSyntax, "without characters"},
		{`root ::= ("a"`, ErrSyntax, `expected ")"`},
		{`root ::= "a" )`, ErrSyntax, "expected the end of the line"},
		{`root ::= "\q"`, ErrSyntax, "unknown escape"},
		{`root ::= "\x4"`, ErrSyntax, "2 hexadecimal digits"},
		{`root ::= "\ud800"`, ErrSyntax, "no character"},
		{`root ::= *`, ErrSyntax, "nothing before"},
		{`root = "a"`, ErrSyntax, `expected "::="`},
		{`root ::= <x`, ErrSyntax, "no \">\""},
		{`root ::= !x`, ErrSyntax, "expected a token"},
		{"root ::= \"\xff\"", ErrSyntax, "UTF-8"},
		{`root ::= x` + "\n" + `x ::= "a" x`, ErrEmpty, ""},
		{`root ::= ` + strings.Repeat("(", 1000) + strings.Repeat(")", 1000), ErrLimit, "parentheses"},
		{`root ::= ` + strings.Repeat(`"aaaaaaaaaa" `, 50_000), ErrLimit, "nodes"},
		{strings.Repeat(" ", MaxSource+1), ErrLimit, "bytes"},
		{``, ErrSyntax, "no rule"},
	} {
		_, err := GBNF(c.src)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.60q: %v, want %v with %q", c.src, err, c.kind, c.says)
		}
	}
}

// TestGBNFSyntax: what stands where.
func TestGBNFSyntax(t *testing.T) {
	for _, c := range []struct{ src, good, bad string }{
		{"# a comment\n\nroot ::= # another\n  \"a\" |\n  \"b\" # and\n\n", "a b", "ab c"},
		{"root ::= (\"a\"\n  \"b\"\n  | # comment\n \"c\")+", "ab c abc", "a"},
		{"root ::= \"\\x41\\u00e9\\U0001F600\\\\\\\"\\[\\]\"", "Aé😀\\\"[]", "A"},
		{`root ::= [a\-\]z-] [^a-c] .`, "-xé ]zz", "bxx -ax"},
		{`root ::= "ab"{2} "c"{1,} "d"{0,2}`, "ababc ababccdd", "abc ababd ababcddd"},
		{"root ::= a-1 B2\r\na-1 ::= \"x\"\r\nB2 ::= \"y\"", "xy", "x"},
		{"root ::= \"a\"\nroot ::= \"b\"", "b", "a"},
		{`root ::= "a" ?*`, "a aa", "b"},
		{`root ::= "x" { 1 , 2 }`, "x xx", "xxx"},
	} {
		g := mustGBNF(t, c.src)
		for i, list := range []string{c.good, c.bad} {
			for _, text := range strings.Fields(list) {
				if ok, err := g.Match(text); ok != (i == 0) || err != nil {
					t.Errorf("%q: %q: %v %v", c.src, text, ok, err)
				}
			}
		}
	}
}

// TestRegexp and choices: whole texts match.
func TestRegexp(t *testing.T) {
	for _, c := range []struct{ src, good, bad string }{
		{`a+b?`, "a ab aaa", "b abb"},
		{`^(a|b)$`, "a b", "ab"},
		{`(?i)straße`, "straße STRAßE", "strasse"},
		{`[^\d\s]{2}`, "aé", "a1"},
		{`\p{Greek}+`, "αβγ", "abc"},
		{`(?s).*?x`, "x aax", "xa"},
	} {
		g, err := Regexp(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		for i, list := range []string{c.good, c.bad} {
			for _, text := range strings.Fields(list) {
				if ok, err := g.Match(text); ok != (i == 0) || err != nil {
					t.Errorf("%q: %q: %v %v", c.src, text, ok, err)
				}
			}
		}
	}
	for src, kind := range map[string]error{`a(`: ErrSyntax, `\bx`: ErrUnsupported, `a^b`: ErrUnsupported, `(?m)^a`: ErrUnsupported} {
		if _, err := Regexp(src); !errors.Is(err, kind) {
			t.Errorf("%s: %v, want %v", src, err, kind)
		}
	}
}

func TestChoice(t *testing.T) {
	list := []string{"yes", "no", "not sure", "nö", "", "no"}
	g, err := Choice(list...)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(list, "n", "yess", "not") {
		want := text != "n" && text != "yess" && text != "not"
		if ok, err := g.Match(text); ok != want || err != nil {
			t.Errorf("%q: %v %v", text, ok, err)
		}
	}
	if _, err := Choice(); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing to choose from: %v", err)
	}
	if _, err := Choice("\xff"); !errors.Is(err, ErrSyntax) {
		t.Errorf("no UTF-8: %v", err)
	}
}

// TestLlamaCppGrammars: the example grammars of llama.cpp (see testdata/README.md), each with a text of it and one that
// is not.
func TestLlamaCppGrammars(t *testing.T) {
	for name, c := range map[string][2]string{
		"arithmetic": {"(1+x)*2=3\n", "1+=2\n"},
		"c":          {"int main(){return 0;}", "int main({}"},
		"chess":      {"1. e4 e5\n2. Nf3 Nc6\n", "1. e9 e5\n"},
		"english":    {"Hello, world.", "こんにちは"},
		"japanese":   {"こんにちは、世界", "Hello"},
		"json":       {`{"a": [1, -2.5e3, "\u00e9", null]}`, `{"a": [1,]}`},
		"json_arr":   {"[\n\"a\",\n1]", "[1 2]"},
		"list":       {"- a\n- b\n", "a\n"},
	} {
		b, err := os.ReadFile("testdata/grammars/" + name + ".gbnf")
		if err != nil {
			t.Fatal(err)
		}
		g := mustGBNF(t, string(b))
		for i, text := range c {
			if ok, err := g.Match(text); ok != (i == 0) || err != nil {
				t.Errorf("%s: %q: %v %v", name, text, ok, err)
			}
		}
	}
}

// TestGBNFWith: a part stands for its texts, more than once and beside rules of the same names.
func TestGBNFWith(t *testing.T) {
	inner := mustGBNF(t, "root ::= \"a\" b | \"(\" root \")\"\nb ::= [0-9]{1,2}")
	g, err := GBNFWith("root ::= part b part?\nb ::= \"-\" list\nlist ::= two*", map[string]*Grammar{"part": inner, "two": inner, "unused": inner})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"a1-": true, "(a1)-a2(a3)a4": true, "a1-a2b": false, "b1-": false, "a123-": false} {
		if ok, err := g.Match(text); ok != want || err != nil {
			t.Errorf("%q: %v %v", text, ok, err)
		}
	}
	if ok, _ := inner.Match("((a12))"); !ok {
		t.Error("the part changed")
	}
	for _, text := range []string{"root ::= part other", "root ::= part\npart ::= \"x\""} {
		if _, err := GBNFWith(text, map[string]*Grammar{"part": inner}); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
