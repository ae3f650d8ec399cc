package chat

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/latentgo/latentgo/internal/jinja"
)

// variables returns the template's variables. Later ones replace earlier ones.
func (o RenderOptions) variables(conv Conversation, messages []Message) ([]jinja.Var, error) {
	msgs := make([]any, len(messages))
	for i, m := range messages {
		msgs[i] = m
	}
	fields := append([]Field(nil), conv.Vars.fields...)
	fields = append(fields, Field{"messages", msgs}, Field{"add_generation_prompt", conv.AddGenerationPrompt})
	if conv.Tools != nil {
		fields = append(fields, Field{"tools", conv.toolList()})
	}
	fields = append(fields, o.Vars.fields...)
	vars := make([]jinja.Var, 0, len(fields)+2)
	vars = append(vars, jinja.Var{Name: "bos_token", Value: jinja.TemplateText(o.BOS)}, jinja.Var{Name: "eos_token", Value: jinja.TemplateText(o.EOS)})
	for _, f := range fields {
		v, err := value(f.Value, 0)
		if err != nil {
			return nil, fmt.Errorf("%w: variable %s: %w", ErrConversation, f.Name, err)
		}
		vars = append(vars, jinja.Var{Name: f.Name, Value: v})
	}
	return vars, nil
}

// value returns the template's form of a field's value, which is a copy. Texts are the caller's.
func value(v any, depth int) (jinja.Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		return jinja.None(), nil
	case nullContent:
		return jinja.MutedNone(), nil
	case bool:
		return jinja.Bool(v), nil
	case string:
		return jinja.CallerText(v), nil
	case json.Number:
		if n, ok := jinja.ParseNumber(v.String()); ok {
			return n, nil
		}
		return nil, fmt.Errorf("%.40q is not a number", v.String())
	case int:
		return jinja.Int(big.NewInt(int64(v))), nil
	case float64:
		return jinja.Float(v), nil
	case []any:
		return listValue(v, depth)
	case Object:
		return objectValue(v, depth)
	case Message:
		return messageValue(v, depth)
	}
	return jsonValue(v, depth)
}

func listValue(list []any, depth int) (jinja.Value, error) {
	items := make([]jinja.Value, len(list))
	for i, item := range list {
		v, err := value(item, depth+1)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return jinja.List(items), nil
}

func objectValue(o Object, depth int) (jinja.Value, error) {
	d := jinja.NewDict(len(o.fields))
	for _, f := range o.fields {
		v, err := value(f.Value, depth+1)
		if err != nil {
			return nil, err
		}
		d.Set(f.Name, v)
	}
	return d.Value(), nil
}

// roles are the names that say who speaks and nothing else. They count as the template's text, so that one which writes
// '<|' + message.role + '|>' gets its control token; any other role is the caller's text.
var roles = map[string]bool{
	"system": true, "user": true, "assistant": true, "tool": true, "developer": true, "function": true, "model": true,
	"ipython": true, "observation": true, "environment": true,
}

// messageValue returns the template's form of a message.
func messageValue(m Message, depth int) (jinja.Value, error) {
	d := jinja.NewDict(len(m.fields))
	for _, f := range m.fields {
		if role, ok := f.Value.(string); ok && f.Name == "role" && roles[role] {
			d.Set(f.Name, jinja.TemplateText(role))
			continue
		}
		v, err := value(f.Value, depth+1)
		if err != nil {
			return nil, err
		}
		d.Set(f.Name, v)
	}
	return d.Value(), nil
}

// jsonValue returns the form of a value of another type by way of JSON; floats keep a point there.
func jsonValue(v any, depth int) (jinja.Value, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoded, err := decodeOrdered(data)
	if err != nil {
		return nil, err
	}
	return value(decoded, depth+1)
}
