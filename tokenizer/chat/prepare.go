package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// form is how the messages reach the template. The first form suits most templates; the others are for those that fail
// with it.
type form struct {
	textArguments bool // arguments stay JSON text where they came as such
	emptyContent  bool // a message with tool calls and no content has the content ""
}

// prepared are the messages of a conversation with what has to be known for all forms.
type prepared struct {
	msgs     []Message // content joined, arguments parsed
	given    []Message // content joined, arguments as they came
	parsed   bool      // some arguments came as JSON text
	contents bool      // some message with tool calls has no content
}

// nullContent is the value of a content that is null beside tool calls.
type nullContent struct{}

// prepare joins content parts and parses arguments. The messages that it is given do not change.
func prepare(msgs []Message) (*prepared, error) {
	p := &prepared{msgs: make([]Message, len(msgs)), given: make([]Message, len(msgs))}
	for i, m := range msgs {
		if err := m.decoded("content", "tool_calls", "function_call"); err != nil {
			return nil, fmt.Errorf("%w: message %d: %w", ErrConversation, i, err)
		}
		if err := m.joinParts(); err != nil {
			return nil, fmt.Errorf("%w: message %d: %w", ErrConversation, i, err)
		}
		if content, _ := m.Get("content"); content == nil && m.callsTools() {
			p.contents = true
		}
		p.given[i] = m
		parsed, err := m.parseArguments()
		if err != nil {
			return nil, fmt.Errorf("%w: message %d: %w", ErrConversation, i, err)
		}
		p.parsed = p.parsed || parsed
		p.msgs[i] = m
	}
	return p, nil
}

// forms returns the forms in the order in which they are tried.
func (p *prepared) forms() []form {
	forms := []form{{}}
	if p.contents {
		forms = append(forms, form{emptyContent: true})
	}
	if p.parsed {
		for _, f := range forms {
			forms = append(forms, form{true, f.emptyContent})
		}
	}
	return forms
}

// messages returns the messages in a form.
func (p *prepared) messages(f form) []Message {
	msgs := p.msgs
	if f.textArguments {
		msgs = p.given
	}
	if !p.contents {
		return msgs
	}
	out := make([]Message, len(msgs))
	for i, m := range msgs {
		if content, there := m.Get("content"); content == nil && m.callsTools() {
			if f.emptyContent {
				m.Set("content", "")
			} else if there {
				m.Set("content", nullContent{})
			}
		}
		out[i] = m
	}
	return out
}

// callsTools reports whether a message has tool calls.
func (m Message) callsTools() bool {
	calls, _ := m.list("tool_calls")
	_, legacy := m.Get("function_call")
	return len(calls) > 0 || legacy
}

// decoded replaces fields whose values are of Go's own types, such as maps and structs, by what their JSON form decodes
// to.
func (m *Message) decoded(names ...string) error {
	for _, name := range names {
		v, ok := m.Get(name)
		if !ok || isDecoded(v, 0) {
			continue
		}
		data, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if v, err = decodeOrdered(data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.Set(name, v)
	}
	return nil
}

// isDecoded reports whether a value is one that JSON decodes to, at every depth where the form of a message matters.
func isDecoded(v any, depth int) bool {
	if depth > maxDepth {
		return true // an error later on
	}
	switch v := v.(type) {
	case nil, bool, string, json.Number, int, float64:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isDecoded(item, depth+1) })
	case Object:
		return !slices.ContainsFunc(v.fields, func(f Field) bool { return !isDecoded(f.Value, depth+1) })
	}
	return false
}

// joinParts replaces a content in parts by their texts.
func (m *Message) joinParts() error {
	parts, ok := m.list("content")
	if !ok {
		return nil
	}
	var b strings.Builder
	for i, part := range parts {
		text, err := partText(part)
		if err != nil {
			return fmt.Errorf("content part %d %w", i, err)
		}
		b.WriteString(text)
	}
	m.Set("content", b.String())
	return nil
}

// partText returns the text of a content part.
func partText(part any) (string, error) {
	if s, ok := part.(string); ok {
		return s, nil
	}
	obj, ok := part.(Object)
	if !ok {
		return "", fmt.Errorf(`is not an object like {"type": "text", "text": "…"}`)
	}
	kind, ok := obj.Get("type")
	if !ok {
		return "", fmt.Errorf("has no type; only parts of type \"text\" are supported")
	}
	if kind != "text" {
		return "", fmt.Errorf("has the type %q; only parts of type \"text\" are supported", fmt.Sprint(kind))
	}
	text, _ := obj.Get("text")
	s, ok := text.(string)
	if !ok {
		return "", fmt.Errorf("has no text")
	}
	return s, nil
}

// parseArguments turns arguments of tool calls that are JSON text into objects, and reports whether there were any.
func (m *Message) parseArguments() (parsed bool, err error) {
	if list, ok := m.list("tool_calls"); ok {
		calls := make([]any, len(list))
		for i, item := range list {
			call, changed, err := parseCall(item)
			if err != nil {
				return false, fmt.Errorf("tool call %d: %w", i, err)
			}
			calls[i] = call
			parsed = parsed || changed
		}
		m.Set("tool_calls", calls)
	}
	if fn, ok := m.Get("function_call"); ok { // the API's older form
		call, changed, err := parseCall(fn)
		if err != nil {
			return false, fmt.Errorf("function_call: %w", err)
		}
		m.Set("function_call", call)
		parsed = parsed || changed
	}
	return parsed, nil
}

// parseCall parses the arguments of a call, which stand in it or in its "function".
func parseCall(item any) (call any, parsed bool, err error) {
	obj, ok := item.(Object)
	if !ok {
		return item, false, nil
	}
	if fn, _ := obj.Get("function"); fn != nil {
		if fn, ok := fn.(Object); ok {
			parsed, err = fn.parseField("arguments")
			obj.Set("function", fn)
			return obj, parsed, err
		}
	}
	parsed, err = obj.parseField("arguments")
	return obj, parsed, err
}

// parseField turns a field that is the JSON text of an object into the object; no text at all is an empty one.
func (o *Object) parseField(name string) (bool, error) {
	v, _ := o.Get(name)
	s, ok := v.(string)
	if !ok {
		return false, nil
	}
	var args Object
	if strings.TrimSpace(s) != "" {
		if err := json.Unmarshal([]byte(s), &args); err != nil {
			return false, fmt.Errorf("%s of %q are not a JSON object: %w", name, o.text("name"), err)
		}
	}
	o.Set(name, args)
	return true, nil
}
