package grammar

import (
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/tokenizer"
)

const jsonGBNF = `
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
`

const jsonText = `{"name": "A green door", "price": 12.50, "tags": ["home", "green", "ünïcode 世界"],
 "dimensions": {"length": 785, "width": 250.5, "height": -0.359, "inner": {"deep": [[1, 2], [3, 4], {"x": null}]}},
 "description": "It is a door, and it is green. It opens to both sides \"quickly\" and closes slowly.\nNothing more."}`

// BenchmarkMask measures the mask before each token of a text, with an automaton that nobody has used before and with
// one that has seen the text. LATENTGO_GRAMMAR_VOCAB names a model with another vocabulary than SmolLM2's.
func BenchmarkMask(b *testing.B) {
	tok := realTokenizer(b)
	v := NewVocab(tok)
	for _, c := range benchCases() {
		ids := tok.Encode(c.text, tokenizer.EncodeOptions{})
		b.Run(c.name+"/fresh", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				g := c.grammar(b)
				b.StartTimer()
				benchText(b, g, v, ids)
			}
		})
		g := c.grammar(b)
		b.Run(c.name+"/again", func(b *testing.B) {
			for b.Loop() {
				benchText(b, g, v, ids)
			}
		})
	}
}

type benchCase struct {
	name, text string
	grammar    func(testing.TB) *Grammar
}

func benchCases() []benchCase {
	prose := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again. ", 4)
	return []benchCase{
		{"json", jsonText, func(t testing.TB) *Grammar { return mustGBNF(t, jsonGBNF) }},
		{"counted", prose, func(t testing.TB) *Grammar { return mustGBNF(t, `root ::= [^"\\]{10,1000}`) }},
		{"prose", prose, func(t testing.TB) *Grammar { return mustGBNF(t, `root ::= .*`) }},
	}
}

// benchText asks for the mask before each token, and reports the mean and the worst time.
func benchText(b *testing.B, g *Grammar, v *Vocab, ids []int32) {
	bits := make([]uint64, words(v.size))
	m := newMatcher(b, g, v)
	var sum, worst time.Duration
	for _, id := range ids {
		start := time.Now()
		if err := m.Mask(bits); err != nil {
			b.Fatal(err)
		}
		if err := m.Accept(id); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		sum += took
		worst = max(worst, took)
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(len(ids)), "µs/token")
	b.ReportMetric(float64(worst.Microseconds()), "µs/worst")
}

func BenchmarkNewVocab(b *testing.B) {
	tok := realTokenizer(b)
	for b.Loop() {
		NewVocab(tok)
	}
}
