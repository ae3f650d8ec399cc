// Command embedded has its model in the program file:
//
//	go build ./examples/embedded && ./embedded "Once upon a time"
//
// The weights are used where they lie in the program, which the operating system maps into memory: there is no copy.
// model.gguf here is a tiny one with random weights, which says nothing worth reading. Put a small model in its place.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/gguf"
)

//go:generate go run ../../internal/randgguf -o model.gguf -vocab 320 -layers 2 -width 32 -heads 2 -kv 1 -ff 64 -type Q8_0

//go:embed model.gguf
var file []byte

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: embedded PROMPT")
	}
	if err := run(context.Background(), os.Args[1], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, prompt string, out io.Writer) error {
	f, err := gguf.OpenBytes("model.gguf", file)
	if err != nil {
		return err
	}
	model, err := engine.LoadGGUF(ctx, f, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	for piece, err := range session.GenerateText(ctx, prompt, &engine.GenerateOptions{MaxTokens: 40}) {
		if err != nil {
			return err
		}
		fmt.Fprint(out, piece.Text)
	}
	fmt.Fprintln(out)
	return nil
}
