// Command tools lets a model call a Go function: it answers a question about the weather of a city.
//
//	go run ./examples/tools qwen2.5-0.5b-instruct.gguf "What is the weather in Oslo?"
//
// Any model whose template knows tools will do; docs/tools.md lists the formats. Calls are held to their tool's schema
// (package engine/tools), so that even a small model writes none that cannot be read.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/latentgo/latentgo/engine"
	toolcalls "github.com/latentgo/latentgo/engine/tools"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// tools are what the model may call, in the form of the OpenAI API.
const tools = `[{"type": "function", "function": {
	"name": "get_weather", "description": "Returns the current weather of a city.",
	"parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]`

// getWeather stands for a real service.
func getWeather(city string) string {
	return fmt.Sprintf(`{"city": %q, "temperature": -3, "sky": "clear"}`, city)
}

// maxRounds is how often the model may call tools before it answers.
const maxRounds = 5

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: tools MODEL.gguf QUESTION")
	}
	if err := run(context.Background(), os.Stdout, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, path, question string) error {
	model, err := engine.Load(path, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", question)}}
	if err := json.Unmarshal([]byte(tools), &conv.Tools); err != nil {
		return err
	}
	choice := toolcalls.Choice{} // the model's; its Mode could be Required in the first round
	for range maxRounds {
		answer, err := say(ctx, out, session, conv, choice)
		if err != nil || len(answer.Calls) == 0 {
			return err
		}
		conv.Messages = append(conv.Messages, answer.Message())
		for _, call := range answer.Calls {
			conv.Messages = append(conv.Messages, chat.NewToolResult(call.ID, call.Name, result(out, call)))
		}
	}
	return fmt.Errorf("no answer after %d rounds of tool calls", maxRounds)
}

// say prints what the model says, and returns it with the calls.
func say(ctx context.Context, out io.Writer, session *engine.Session, conv chat.Conversation, choice toolcalls.Choice) (reply.Answer, error) {
	var answer reply.Answer
	opt := &engine.GenerateOptions{MaxTokens: 300, Sampling: &engine.Sampling{}}
	for piece, err := range toolcalls.Chat(ctx, session, conv, choice, opt) {
		if err != nil {
			return answer, err
		}
		fmt.Fprint(out, piece.Text)
		answer.Text += piece.Text
		answer.Thinking += piece.Thinking
		answer.Add(piece.Calls...)
	}
	fmt.Fprintln(out)
	return answer, answer.Err
}

// result runs a call. What is wrong with one the model may mend, so that it is a result too.
func result(out io.Writer, call chat.ToolCall) string {
	args, _ := call.Arguments.(chat.Object)
	city, _ := args.Get("city")
	name, ok := city.(string)
	if call.Name != "get_weather" || !ok {
		return `{"error": "call get_weather with a city"}`
	}
	fmt.Fprintf(out, "[get_weather %s]\n", name)
	return getWeather(name)
}
