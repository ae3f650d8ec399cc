package measure_test

import (
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/measure"
)

// A random model of 320 tokens knows next to nothing of a text.
func ExamplePerplexity() {
	model, err := engine.Load("../testdata/tiny.gguf", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	ids, err := model.Encode("The rain in Spain stays mainly in the plain.", false, false)
	if err != nil {
		log.Fatal(err)
	}
	perplexity, err := measure.Perplexity(context.Background(), model, ids, 32)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(perplexity > 160 && perplexity < 2000)
	// Output: true
}

// The divergence of a distribution from itself is 0, from any other it is more.
func ExampleKL() {
	a, b := []float32{0, 1, 2}, []float32{2, 1, 0} // logits
	fmt.Printf("%.1f %.3f\n", measure.KL(a, a), measure.KL(a, b))
	// Output: 0.0 1.150
}
