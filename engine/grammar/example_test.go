package grammar_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine/grammar"
)

func Example() {
	g, err := grammar.GBNF(`
		root ::= item ("\n" item){1,3}
		item ::= "- " [a-z]+`)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"- milk\n- eggs", "- milk"} {
		ok, err := g.Match(text)
		fmt.Println(ok, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleSchema() {
	g, err := grammar.Schema(`{
		"type": "object",
		"properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
		"required": ["name", "age"]
	}`, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Match(`{"name": "Ada", "age": 36}`))
	fmt.Println(g.Match(`{"name": "Ada", "age": 360}`))

	_, err = grammar.Schema(`{"properties": {"tags": {"type": "array", "uniqueItems": true}}}`, nil)
	fmt.Println(errors.Is(err, grammar.ErrUnsupported), err)
	// Output:
	// true <nil>
	// false <nil>
	// true schema #/properties/tags/uniqueItems: cannot be enforced: uniqueItems
}

func ExampleRegexp() {
	g, err := grammar.Regexp(`\d{4}-\d{2}-\d{2}`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Match("2026-11-29"))
	fmt.Println(g.Match("on 2026-11-29"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleChoice() {
	g, err := grammar.Choice("positive", "negative", "neutral")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Match("neutral"))
	// Output: true <nil>
}
