package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// loadRandom loads a random model of a test's kind; a program of your own loads a file.
func loadRandom(b *gguftest.Builder) *engine.Model {
	data := b.Bytes()
	model, err := engine.LoadReader(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		log.Fatal(err)
	}
	return model
}

// Vectors of texts: the product of two is the cosine of their angle, 1 for texts that mean the same.
func ExampleModel_Embed() {
	model := loadRandom(gguftest.TextVariants()["bert"])
	defer model.Close()
	vectors, err := model.Embed(context.Background(), []string{"hail and rain", "the shore", "hail and rain"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	cosine := func(a, b []float32) (sum float32) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	fmt.Printf("%.3f %v\n", cosine(vectors[0], vectors[2]), cosine(vectors[0], vectors[1]) < 0.999)
	// Output: 1.000 true
}

// Documents in the order in which they answer a query.
func ExampleModel_Rerank() {
	model := loadRandom(gguftest.RerankVariants()["rank-bert"])
	defer model.Close()
	scores, err := model.Rerank(context.Background(), "is there rain", []string{"hail and rain", "the shore", "hail and rain"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(scores), scores[0] == scores[2], scores[0] != scores[1])
	// Output: 3 true true
}
