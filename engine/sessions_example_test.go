package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
)

// load loads the default model.
func load() *engine.Model {
	model, err := engine.Load(modelPath(), nil)
	if err != nil {
		log.Fatal(err)
	}
	return model
}

// encode returns the tokens of text, without BOS.
func encode(m *engine.Model, text string) []int32 {
	ids, err := m.Encode(text, false, false)
	if err != nil {
		log.Fatal(err)
	}
	return ids
}

// The label that the model finds most probable.
func ExampleSession_Score() {
	model := load()
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	labels := []string{" Berlin", " Paris", " Madrid"}
	var continuations [][]int32
	for _, l := range labels {
		continuations = append(continuations, encode(model, l))
	}
	scores, err := session.Score(context.Background(), encode(model, "The capital of France is"), continuations)
	if err != nil {
		log.Fatal(err)
	}
	best := 0
	for i := range scores {
		if scores[i].LogProb > scores[best].LogProb {
			best = i
		}
	}
	fmt.Println(labels[best])
	// Output: Paris
}

// Two questions on one document, whose cache is there once.
func ExampleSession_Fork() {
	model := load()
	defer model.Close()
	document, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := document.Eval(context.Background(), encode(model, "Paris is the capital of France. Rome is the capital of Italy.")); err != nil {
		log.Fatal(err)
	}
	for _, question := range []string{" The capital of France is", " The capital of Italy is"} {
		fork, err := document.Fork()
		if err != nil {
			log.Fatal(err)
		}
		if _, err := fork.Eval(context.Background(), encode(model, question)); err != nil {
			log.Fatal(err)
		}
		// An empty prompt goes on from here.
		for piece, err := range fork.Generate(context.Background(), nil, &engine.GenerateOptions{MaxTokens: 1, Sampling: &engine.Sampling{}}) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(piece.Text)
		}
		fork.Close()
	}
	// Output:
	// Paris
	//  Rome
}

// A session that goes on after a restart; SaveFile and LoadSessionFile do so with files.
func ExampleSession_Save() {
	model := load()
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := session.Eval(context.Background(), encode(model, "The capital of France is")); err != nil {
		log.Fatal(err)
	}
	var saved bytes.Buffer
	if err := session.Save(&saved); err != nil {
		log.Fatal(err)
	}
	session.Close()
	again, err := model.LoadSession(bytes.NewReader(saved.Bytes()), int64(saved.Len()), nil)
	if err != nil {
		log.Fatal(err)
	}
	for piece, err := range again.Generate(context.Background(), nil, &engine.GenerateOptions{MaxTokens: 2, Sampling: &engine.Sampling{}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.Text)
	}
	// Output: Paris.
}
