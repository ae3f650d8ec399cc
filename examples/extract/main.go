// Command extract reads a text and prints what it says of an event, as the fields of a Go struct:
//
//	go run ./examples/extract MODEL.gguf < mail.txt
//
// The answer is held to the struct's JSON Schema while it is drawn, so that it always decodes.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/structured"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// event is what the model fills in. Descriptions are for the prompt; types, names and lists are enforced.
type event struct {
	Title  string   `json:"title" jsonschema:"what takes place"`
	Place  string   `json:"place" jsonschema:"where, a town or an address"`
	Day    string   `json:"day" jsonschema:"the day of the week or the date"`
	Guests []string `json:"guests" jsonschema:"names of people who come"`
	Cost   float64  `json:"cost" jsonschema:"price of a ticket, 0 if none is named"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: extract MODEL.gguf < TEXT")
	}
	e, err := extract(context.Background(), os.Args[1], os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s in %s on %s, %.2f each\n", e.Title, e.Place, e.Day, e.Cost)
	for _, name := range e.Guests {
		fmt.Println("  with", name)
	}
}

func extract(ctx context.Context, path string, in io.Reader) (event, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return event{}, err
	}
	schema, err := structured.SchemaOf[event]()
	if err != nil {
		return event{}, err
	}
	model, err := engine.Load(path, nil)
	if err != nil {
		return event{}, err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return event{}, err
	}
	conv := chat.Conversation{Messages: []chat.Message{
		chat.NewMessage("system", "Extract the event from the text as JSON of this schema: "+schema),
		chat.NewMessage("user", string(text)),
	}}
	return structured.ChatInto[event](ctx, session, conv, &engine.GenerateOptions{MaxTokens: 300, Sampling: &engine.Sampling{}})
}
