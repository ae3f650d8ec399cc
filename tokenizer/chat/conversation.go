package chat

import "fmt"

// Conversation is what a chat template renders.
type Conversation struct {
	// Messages are the messages in order.
	Messages []Message

	// Tools are the functions that the model may call, in the form of the
	// OpenAI API. Nil leaves the template's variable tools undefined; an
	// empty slice is an empty list.
	Tools []Object

	// AddGenerationPrompt asks for the text that starts the assistant's
	// answer.
	AddGenerationPrompt bool

	// Vars are further variables of the template, such as "documents" or
	// "enable_thinking": in JSON, the other keys of the conversation. A "tools"
	// here counts when Tools is nil.
	Vars Object

	// TrustText lets the texts of the conversation act as control tokens, as
	// llama.cpp does: a message that contains <|im_end|> ends its turn. Set it
	// only for text that nobody else can write. It is not read from JSON.
	TrustText bool
}

// UnmarshalJSON reads {"messages": [...], "tools": [...],
// "add_generation_prompt": true, ...}. The order of keys and the form of
// numbers are kept at every depth.
func (c *Conversation) UnmarshalJSON(data []byte) error {
	var obj Object
	if err := obj.UnmarshalJSON(data); err != nil {
		return err
	}
	list, ok := obj.list("messages")
	if !ok {
		return fmt.Errorf("%w: messages is not a list", ErrConversation)
	}
	out := Conversation{Messages: make([]Message, len(list)), Vars: obj.without("messages")}
	for i, item := range list {
		if out.Messages[i].Object, ok = item.(Object); !ok {
			return fmt.Errorf("%w: message %d is not an object", ErrConversation, i)
		}
	}
	if err := out.takeTools(); err != nil {
		return err
	}
	if v, ok := out.Vars.Get("add_generation_prompt"); ok {
		if out.AddGenerationPrompt, ok = v.(bool); !ok {
			return fmt.Errorf("%w: add_generation_prompt is not true or false", ErrConversation)
		}
		out.Vars = out.Vars.without("add_generation_prompt")
	}
	*c = out
	return nil
}

// takeTools moves the tools from Vars; "tools": null stays there.
func (c *Conversation) takeTools() error {
	v, ok := c.Vars.Get("tools")
	if !ok || v == nil {
		return nil
	}
	list, ok := c.Vars.list("tools")
	if !ok {
		return fmt.Errorf("%w: tools is not a list", ErrConversation)
	}
	c.Tools = make([]Object, len(list))
	for i, item := range list {
		if c.Tools[i], ok = item.(Object); !ok {
			return fmt.Errorf("%w: tool %d is not an object", ErrConversation, i)
		}
	}
	c.Vars = c.Vars.without("tools")
	return nil
}

// list returns a field that is a list.
func (o Object) list(name string) ([]any, bool) {
	v, _ := o.Get(name)
	l, ok := v.([]any)
	return l, ok
}

// MarshalJSON writes what UnmarshalJSON reads.
func (c Conversation) MarshalJSON() ([]byte, error) {
	msgs := make([]any, len(c.Messages))
	for i, m := range c.Messages {
		msgs[i] = m.Object
	}
	obj := NewObject(Field{"messages", msgs})
	if c.Tools != nil {
		obj.Set("tools", c.toolList())
	}
	for _, f := range c.Vars.fields {
		if obj.index(f.Name) < 0 {
			obj.Set(f.Name, f.Value)
		}
	}
	obj.Set("add_generation_prompt", c.AddGenerationPrompt)
	return obj.MarshalJSON()
}

// toolList returns the tools as a value of a Field.
func (c Conversation) toolList() []any {
	list := make([]any, len(c.Tools))
	for i, t := range c.Tools {
		list[i] = t
	}
	return list
}

// Offered returns the tools that the conversation offers: Tools, or if that is nil what Vars has by the name "tools".
func (c Conversation) Offered() []Object {
	if c.Tools != nil {
		return c.Tools
	}
	v, _ := c.Vars.Get("tools")
	list, _ := v.([]any)
	var tools []Object
	for _, item := range list {
		if tool, ok := item.(Object); ok {
			tools = append(tools, tool)
		}
	}
	return tools
}
