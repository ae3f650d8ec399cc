package reply_test

import (
	"encoding/json"
	"fmt"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// An answer comes in pieces; each piece tells what is certain with it.
func ExampleParser() {
	template, err := chat.Parse(`{# The template of a model that writes <tool_call> and <think> … </think>. #}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var tools []chat.Object
	if err := json.Unmarshal([]byte(`[{"type": "function", "function": {"name": "get_weather"}}]`), &tools); err != nil {
		fmt.Println(err)
		return
	}
	p := reply.FormatOf(template).NewParser(reply.Options{Tools: tools})
	for _, piece := range []string{"<thi", "nk>Oslo?</think>Let me look.\n<tool_", `call>{"name": "get_weather", "arg`, `uments": {"city": "Os`, `lo"}}</tool_call>`} {
		tell(p.Push(piece))
	}
	tell(p.Close())
	// Output:
	// thinking: Oslo?
	// text: Let me look.
	// call of get_weather
	// arguments: {"city": "Os
	// arguments: lo"}
	// done: get_weather <nil>
}

func tell(events []reply.Event) {
	for _, e := range events {
		switch e.Kind {
		case reply.Thinking:
			fmt.Println("thinking:", e.Text)
		case reply.Text:
			fmt.Println("text:", e.Text)
		case reply.CallStart:
			fmt.Println("call of", e.Call.Name)
		case reply.CallArguments:
			fmt.Println("arguments:", e.Text)
		case reply.CallEnd:
			fmt.Println("done:", e.Call.Name, e.Err)
		}
	}
}
