package engine_test

import (
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
)

// Write a model that caches half as much per token.
func ExampleConvert() {
	form, err := engine.ParseMLA("50%")
	if err != nil {
		log.Fatal(err)
	}
	report, err := engine.Convert(context.Background(), "model.gguf", "small.gguf", &engine.ConvertOptions{MLA: form})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d instead of %d bytes per token, perplexity %.2f instead of %.2f\n",
		report.CacheAfter, report.CacheBefore, report.After, report.Before)
}
