package reply

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

var (
	// ErrCut is the error of a call that the answer ended in: MaxTokens, a stop string, or a model that gave up.
	ErrCut = errors.New("the tool call is cut")

	// ErrArguments is wrapped by the error of a call whose arguments are no JSON object.
	ErrArguments = errors.New("the arguments of the tool call are no JSON object")
)

// Kind is what an Event tells.
type Kind uint8

const (
	Text          Kind = iota // more of the answer's text
	Thinking                  // more of the thoughts
	CallStart                 // a call begins: Call has its name, and its ID unless the model writes that last
	CallArguments             // more of the JSON text of the call's arguments
	CallEnd                   // the call is complete, or Err says why it will not be
)

// Event is one step of an answer.
type Event struct {
	Kind Kind
	// Text is the text, the thought or the JSON that is new. In a CallEnd with Err it is the call as the model wrote
	// it.
	Text string
	// Index counts the calls of the answer from 0.
	Index int
	// Call is the call, with CallStart and CallEnd. In a CallEnd without Err, Call.Arguments is a chat.Object.
	Call chat.ToolCall
	// Err is ErrCut or wraps ErrArguments, only with CallEnd.
	Err error
}

// Split returns what events tell of the text and of the thoughts, and those about calls.
func Split(events []Event) (text, thinking string, calls []Event) {
	for _, e := range events {
		switch e.Kind {
		case Text:
			text += e.Text
		case Thinking:
			thinking += e.Text
		default:
			calls = append(calls, e)
		}
	}
	return text, thinking, calls
}

// Answer is what the events of an answer amount to.
type Answer struct {
	Text, Thinking string
	Calls          []chat.ToolCall // the complete ones
	Err            error           // of calls that failed, joined
}

// Add takes events into account.
func (a *Answer) Add(events ...Event) {
	text, thinking, calls := Split(events)
	a.Text += text
	a.Thinking += thinking
	for _, e := range calls {
		switch {
		case e.Err != nil:
			a.Err = errors.Join(a.Err, e.Err)
		case e.Kind == CallEnd:
			a.Calls = append(a.Calls, e.Call)
		}
	}
}

// Message returns the answer as the assistant's message of the conversation that goes on. Templates know thoughts by
// the name "reasoning_content", some by "thinking"; both are set where there are any. A message with text and calls has
// only the former, since the template of gpt-oss takes either its text or its thoughts. Arguments are JSON text, from
// which templates get an object or the text, as they need.
func (a *Answer) Message() chat.Message {
	m := chat.NewMessage("assistant", a.Text)
	if len(a.Calls) > 0 {
		calls := slices.Clone(a.Calls)
		for i := range calls {
			args, ok := calls[i].Arguments.(chat.Object)
			if !ok {
				continue
			}
			if data, err := json.Marshal(args); err == nil {
				calls[i].Arguments = string(data)
			}
		}
		m = chat.NewToolCalls(a.Text, calls...)
	}
	if strings.TrimSpace(a.Thinking) == "" {
		return m
	}
	m.Set("reasoning_content", a.Thinking)
	if a.Text == "" || len(a.Calls) == 0 {
		m.Set("thinking", a.Thinking)
	}
	return m
}
