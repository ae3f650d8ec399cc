package engine_test

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
)

// The model of these examples is a small one with random weights, which says nothing worth reading.
//
//go:generate go run ../internal/randgguf -o testdata/tiny.gguf -vocab 320 -layers 2 -width 32 -heads 2 -kv 1 -ff 64 -type Q8_0

//go:embed testdata/tiny.gguf
var files embed.FS

//go:embed testdata/tiny.gguf
var file []byte

// answer counts the tokens of an answer.
func answer(model *engine.Model) (tokens int) {
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	opt := &engine.GenerateOptions{MaxTokens: 5, IgnoreEOG: true}
	for piece, err := range session.GenerateText(context.Background(), "Hello", opt) {
		if err != nil {
			log.Fatal(err)
		}
		if piece.Token >= 0 { // the last one may only flush text
			tokens++
		}
	}
	return tokens
}

// A model that is part of the program.
func ExampleLoadFS() {
	model, err := engine.LoadFS(files, "testdata/tiny.gguf", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Info().Architecture, answer(model))
	// Output: llama 5
}

func ExampleLoadReader() {
	r := bytes.NewReader(file) // or anything else that reads at offsets: a database, an HTTP server with ranges
	model, err := engine.LoadReader(r, r.Size(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Info().Architecture, answer(model))
	// Output: llama 5
}

// A model that is part of the program, used where it lies.
func ExampleLoadGGUF() {
	f, err := gguf.OpenBytes("tiny.gguf", file)
	if err != nil {
		log.Fatal(err)
	}
	model, err := engine.LoadGGUF(context.Background(), f, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(model.Info().Architecture, answer(model))
	// Output: llama 5
}
