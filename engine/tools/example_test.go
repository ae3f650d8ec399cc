package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/internal/models"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// A model that has to call a tool, even one that was never taught to.
func ExampleChat() {
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
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Switch on the lamp in the kitchen.")}}
	if err := json.Unmarshal([]byte(`[{"type": "function", "function": {"name": "switch_lamp", "parameters": {"type": "object", "properties": {
		"room": {"enum": ["bathroom", "kitchen"]}, "on": {"type": "boolean"}}, "required": ["room", "on"]}}}]`), &conv.Tools); err != nil {
		log.Fatal(err)
	}
	var answer reply.Answer
	opt := &engine.GenerateOptions{Sampling: &engine.Sampling{}} // greedy
	for piece, err := range tools.Chat(context.Background(), session, conv, tools.Choice{Mode: tools.Required, Single: true}, opt) {
		if err != nil {
			log.Fatal(err)
		}
		answer.Add(piece.Calls...)
	}
	for _, call := range answer.Calls {
		args, _ := call.Arguments.(chat.Object)
		room, _ := args.Get("room")
		fmt.Println(call.Name, room)
	}
	// Output: switch_lamp kitchen
}
