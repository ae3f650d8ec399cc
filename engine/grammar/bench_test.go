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

const benchSchema = `{"type": "object", "properties": {"title": {"type": "string", "maxLength": 40},
"price": {"type": "number", "minimum": 0}, "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
"size": {"type": "object", "properties": {"w": {"type": "integer"}, "h": {"type": "integer"}}, "required": ["w", "h"]},
"note": {"type": "string", "minLength": 5, "maxLength": 500}}, "required": ["title", "price"]}`

const jsonText = `{"name": "A green door", "price": 12.50, "tags": ["home", "green", "ünïcode 世界"],
 "dimensions": {"length": 785, "width": 250.5, "height": -0.359, "inner": {"deep": [[1, 2], [3, 4], {"x": null}]}},
 "description": "It is a door, and it is green. It opens to both sides \"quickly\" and closes slowly.\nNothing more."}`

// BenchmarkMask measures the mask before each token of a text, with an automaton that nobody has used before and with
// one that has seen the text. Of all runs the shortest time of each token counts, since machines have other things to
// do. LATENTGO_GRAMMAR_VOCAB names a model with another vocabulary than SmolLM2's.
func BenchmarkMask(b *testing.B) {
	tok := realTokenizer(b)
	v := NewVocab(tok)
	for _, c := range benchCases() {
		ids := tok.Encode(c.text, tokenizer.EncodeOptions{})
		b.Run(c.name+"/fresh", func(b *testing.B) {
			best := make([]time.Duration, len(ids))
			for b.Loop() {
				benchText(b, c.grammar(b), v, ids, best)
			}
			report(b, best)
		})
		g := c.grammar(b)
		b.Run(c.name+"/again", func(b *testing.B) {
			best := make([]time.Duration, len(ids))
			for b.Loop() {
				benchText(b, g, v, ids, best)
			}
			report(b, best)
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
		{"schema", `{"title":"A green door","price":12.5,"tags":["home","green"],"size":{"w":1,"h":2},"note":"Opens to both sides."}`,
			func(t testing.TB) *Grammar { return mustSchema(t, benchSchema) }},
		{"counted", prose, func(t testing.TB) *Grammar { return mustGBNF(t, `root ::= [^"\\]{10,1000}`) }},
		{"prose", prose, func(t testing.TB) *Grammar { return mustGBNF(t, `root ::= .*`) }},
	}
}

// benchText asks for the mask before each token, and keeps the shortest times.
func benchText(b *testing.B, g *Grammar, v *Vocab, ids []int32, best []time.Duration) {
	bits := make([]uint64, words(v.size))
	m := newMatcher(b, g, v)
	for i, id := range ids {
		start := time.Now()
		if err := m.Mask(bits); err != nil {
			b.Fatal(err)
		}
		if err := m.Accept(id); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(start); best[i] == 0 || took < best[i] {
			best[i] = took
		}
	}
}

func report(b *testing.B, best []time.Duration) {
	var sum, worst time.Duration
	for _, t := range best {
		sum, worst = sum+t, max(worst, t)
	}
	b.ReportMetric(float64(sum.Nanoseconds())/1e3/float64(len(best)), "µs/token")
	b.ReportMetric(float64(worst.Nanoseconds())/1e3, "µs/worst")
}

func BenchmarkNewVocab(b *testing.B) {
	tok := realTokenizer(b)
	for b.Loop() {
		NewVocab(tok)
	}
}
