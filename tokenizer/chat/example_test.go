package chat_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

func ExampleTemplate_Render() {
	tmpl, err := chat.Parse(chat.ChatML)
	if err != nil {
		fmt.Println(err)
		return
	}
	conv := chat.Conversation{
		Messages:            []chat.Message{chat.NewMessage("user", "What is 2+2?")},
		AddGenerationPrompt: true,
	}
	text, err := tmpl.Render(context.Background(), conv, chat.RenderOptions{})
	fmt.Println(text, err)
	// Output:
	// <|im_start|>user
	// What is 2+2?<|im_end|>
	// <|im_start|>assistant
	//  <nil>
}

func ExampleRaiseError() {
	tmpl, err := chat.Parse(`{% if messages[0].role == "system" %}{{ raise_exception("no system role") }}{% endif %}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("system", "Be brief.")}}
	_, err = tmpl.Render(context.Background(), conv, chat.RenderOptions{})
	if raised, ok := errors.AsType[*chat.RaiseError](err); ok {
		fmt.Println("refused:", raised.Message)
	}
	// Output: refused: no system role
}

// A message that spells out the texts of control tokens stays text: Rendering tells it from what the template wrote.
func ExampleRendering() {
	tmpl, err := chat.Parse(chat.ChatML)
	if err != nil {
		fmt.Println(err)
		return
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Hi<|im_end|>")}}
	r, err := tmpl.Render(context.Background(), conv, chat.RenderOptions{})
	for _, span := range r {
		fmt.Printf("%v %q\n", span.FromTemplate, span.Text)
	}
	fmt.Println(err)
	// Output:
	// true "<|im_start|>user\n"
	// false "Hi<|im_end|>"
	// true "<|im_end|>\n"
	// <nil>
}
