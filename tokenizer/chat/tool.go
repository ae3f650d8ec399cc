package chat

// ToolCall is a call of a function that the model asked for.
type ToolCall struct {
	// ID names the call, so that its result can refer to it. May be "".
	ID string
	// Name is the function's name.
	Name string
	// Arguments are an Object, or a string with the JSON text of one as the
	// OpenAI API sends it. Templates get an Object either way.
	Arguments any
}

// NewToolCalls returns an assistant's message that calls tools; content may
// be "".
func NewToolCalls(content string, calls ...ToolCall) Message {
	list := make([]any, len(calls))
	for i, c := range calls {
		var call Object
		if c.ID != "" {
			call.Set("id", c.ID)
		}
		call.Set("type", "function")
		call.Set("function", NewObject(Field{"name", c.Name}, Field{"arguments", c.Arguments}))
		list[i] = call
	}
	m := NewMessage("assistant", content)
	m.Set("tool_calls", list)
	return m
}

// NewToolResult returns the message with the result of a call. id and name
// are those of the call; each is left out when empty.
func NewToolResult(id, name, content string) Message {
	m := Message{NewObject(Field{"role", "tool"})}
	if id != "" {
		m.Set("tool_call_id", id)
	}
	if name != "" {
		m.Set("name", name)
	}
	m.Set("content", content)
	return m
}

// ToolCalls returns the calls of a message, written with or without a
// "function" object around name and arguments.
func (m Message) ToolCalls() []ToolCall {
	list, _ := m.list("tool_calls")
	var calls []ToolCall
	for _, item := range list {
		obj, ok := item.(Object)
		if !ok {
			continue
		}
		var c ToolCall
		c.ID = obj.text("id")
		if fn, ok := obj.Get("function"); ok {
			obj, _ = fn.(Object)
		}
		c.Name = obj.text("name")
		c.Arguments, _ = obj.Get("arguments")
		calls = append(calls, c)
	}
	return calls
}

// text returns a field that is a string, else "".
func (o Object) text(name string) string {
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}
