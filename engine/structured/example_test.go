package structured_test

import (
	"context"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/structured"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// A model answers with the fields of a struct.
func ExampleChatInto() {
	path, err := models.Fetch(context.Background(), models.Default, nil) // a program of your own just names a file
	if err != nil {
		log.Fatal(err)
	}
	model, err := engine.Load(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	type city struct {
		Name    string `json:"name"`
		Country string `json:"country"`
	}
	const question = "Which city is the capital of Japan? Answer in JSON, with name and country."
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", question)}}
	opt := &engine.GenerateOptions{MaxTokens: 60, Sampling: &engine.Sampling{}} // greedy
	c, err := structured.ChatInto[city](context.Background(), session, conv, opt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Name)
	// Output: Tokyo
}
