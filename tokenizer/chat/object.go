package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Field is one entry of an Object.
type Field struct {
	// Name is the key.
	Name string
	// Value is nil, a bool, a string, a number (json.Number keeps its form;
	// any Go integer or float is accepted), []any of such values, or an
	// Object. Other types go through their JSON form.
	Value any
}

// Object is a JSON object that keeps the order of its keys, which a chat
// template may write, and the form of its numbers (2 is not 2.0). The zero
// Object is empty. Copies are independent as far as Set is concerned; nested
// values are shared.
type Object struct {
	fields []Field
}

// NewObject returns an object with the fields in their order. Of several
// with one name the first gives the place and the last the value.
func NewObject(fields ...Field) Object {
	var o Object
	for _, f := range fields {
		o.Set(f.Name, f.Value)
	}
	return o
}

// Len returns the number of fields.
func (o Object) Len() int { return len(o.fields) }

// Fields returns a copy of the fields in their order.
func (o Object) Fields() []Field { return slices.Clone(o.fields) }

// Get returns the value of a field and whether there is one.
func (o Object) Get(name string) (any, bool) {
	if i := o.index(name); i >= 0 {
		return o.fields[i].Value, true
	}
	return nil, false
}

// index returns the place of a field, or -1.
func (o Object) index(name string) int {
	return slices.IndexFunc(o.fields, func(f Field) bool { return f.Name == name })
}

// Set replaces the value of a field in its place, or appends a field.
func (o *Object) Set(name string, value any) {
	i := o.index(name)
	if i < 0 {
		o.fields = append(o.fields[:len(o.fields):len(o.fields)], Field{name, value})
		return
	}
	o.fields = slices.Clone(o.fields)
	o.fields[i].Value = value
}

// without returns the object less one field.
func (o Object) without(name string) Object {
	i := o.index(name)
	if i < 0 {
		return o
	}
	return Object{slices.Delete(slices.Clone(o.fields), i, i+1)}
}

// MarshalJSON writes the fields in their order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		val, err := json.Marshal(f.Value)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object; anything else is an error.
func (o *Object) UnmarshalJSON(data []byte) error {
	v, err := decodeOrdered(data)
	if err != nil {
		return err
	}
	obj, ok := v.(Object)
	if !ok {
		return fmt.Errorf("%w: JSON object expected, found %.20s", ErrConversation, data)
	}
	*o = obj
	return nil
}

// Message is one message of a conversation: an ordered object with "role",
// "content" and whatever else a template knows, such as "tool_calls",
// "tool_call_id", "name" or "reasoning_content".
type Message struct {
	Object
}

// NewMessage returns a message with a role (such as "system", "user",
// "assistant") and a text.
func NewMessage(role, content string) Message {
	return Message{NewObject(Field{"role", role}, Field{"content", content})}
}

// Role returns the role, "" if it is missing or not a string.
func (m Message) Role() string {
	v, _ := m.Get("role")
	s, _ := v.(string)
	return s
}

// Content returns the text of the message: "content" if it is a string, else
// the texts of its parts of type "text", joined.
func (m Message) Content() string {
	v, _ := m.Get("content")
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, part := range v {
			if obj, ok := part.(Object); ok {
				text, _ := obj.Get("text")
				s, _ := text.(string)
				b.WriteString(s)
			}
		}
		return b.String()
	}
	return ""
}
