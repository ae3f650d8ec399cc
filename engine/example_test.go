package engine_test

import (
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/models"
)

// modelPath fetches the default model; a program of your own just names a file.
func modelPath() string {
	path, err := models.Fetch(context.Background(), models.Default, nil)
	if err != nil {
		log.Fatal(err)
	}
	return path
}

func Example() {
	model, err := engine.Load(modelPath(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	opt := &engine.GenerateOptions{MaxTokens: 2, Sampling: &engine.Sampling{}} // the zero Sampling is greedy
	for piece, err := range session.GenerateText(context.Background(), "The capital of France is", opt) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.Text)
	}
	// Output: Paris.
}
