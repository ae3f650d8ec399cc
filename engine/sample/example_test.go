package sample_test

import (
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/engine/sample"
)

// A model of four tokens that always gives the same logits.
var (
	words  = []string{"yes", "no", "maybe", "."}
	logits = []float32{2, 1.5, 1, -4}
)

func Example() {
	params := sample.DefaultParams()
	params.Seed = 7
	params.RepeatPenalty = 1.3
	chain, err := sample.New(params, sample.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(chain)
	var out []string
	for range 6 {
		token := chain.Sample(logits)
		chain.Accept(token)
		out = append(out, words[token])
	}
	fmt.Println(strings.Join(out, " "))
	// Output:
	// penalties → top_k → top_p → min_p → temperature → draw
	// no no maybe no yes no
}

// Parameters by name, as a command line sets them.
func ExampleParams_Set() {
	p := sample.DefaultParams()
	fmt.Println(p.Set("temp", "0.2"))
	fmt.Println(p.Set("top_p", "95"))
	temperature, _ := p.Get("temperature")
	fmt.Println(temperature)
	// Output:
	// <nil>
	// bad sampling parameter top_p: 95 is not in [0, 1]
	// 0.2
}

// A stop string that arrives in two tokens.
func ExampleStops() {
	stops := sample.NewStops([]string{"<|im_end|>"})
	for _, text := range []string{"Hello", " <", "b>", " there", "<|im", "_end|>", "!"} {
		emit, stop := stops.Push(text)
		fmt.Printf("%q ", emit)
		if stop {
			break
		}
	}
	fmt.Printf("%q\n", stops.Flush())
	// Output:
	// "Hello" " " "<b>" " there" "" "" ""
}
