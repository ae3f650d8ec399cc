package tokenizer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/latentgo/latentgo/tokenizer"
)

func ExampleTemplate_Render() {
	tmpl, err := tokenizer.NewTemplate(tokenizer.ChatML)
	if err != nil {
		fmt.Println(err)
		return
	}
	conv := tokenizer.Conversation{
		Messages:            []tokenizer.Message{tokenizer.NewMessage("user", "What is 2+2?")},
		AddGenerationPrompt: true,
	}
	text, err := tmpl.Render(context.Background(), conv, tokenizer.RenderOptions{})
	fmt.Println(text, err)
	// Output:
	// <|im_start|>user
	// What is 2+2?<|im_end|>
	// <|im_start|>assistant
	//  <nil>
}

func ExampleRaiseError() {
	tmpl, err := tokenizer.NewTemplate(`{% if messages[0].role == "system" %}{{ raise_exception("no system role") }}{% endif %}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	conv := tokenizer.Conversation{Messages: []tokenizer.Message{tokenizer.NewMessage("system", "Be brief.")}}
	_, err = tmpl.Render(context.Background(), conv, tokenizer.RenderOptions{})
	if raised, ok := errors.AsType[*tokenizer.RaiseError](err); ok {
		fmt.Println("refused:", raised.Message)
	}
	// Output: refused: no system role
}
