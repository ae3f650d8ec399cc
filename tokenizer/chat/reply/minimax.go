package reply

import (
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// minimaxMark comes before each tag.
const minimaxMark = notation.MinimaxMark

// minimaxM3 is the syntax of MiniMax M3: tags named for the arguments, nested where these are objects or lists.
//
//	]<]minimax[>[<tool_call>
//	]<]minimax[>[<invoke name="get_weather">]<]minimax[>[<city>Oslo]<]minimax[>[</city>]<]minimax[>[</invoke>
//	]<]minimax[>[</tool_call>
var minimaxM3 = &wholeCalls{minimaxMark + "<tool_call>", minimaxMark + "</tool_call>", []string{minimaxMark}, readMinimax}

func readMinimax(p *Parser, text string) (calls []wholeCall, ok bool) {
	m := &minimax{text: text}
	for !m.end() {
		name, ok := m.tag(`<invoke name="`, `">`)
		if !ok || !isName(name) {
			return calls, false
		}
		root := p.tools[name]
		args, _, ok := m.node(root, root, 0)
		if !ok {
			return calls, false
		}
		if args[0] != '{' {
			args = "{}" // nothing between the tags
		}
		calls = append(calls, wholeCall{name, args})
	}
	return calls, true
}

// minimax reads tags.
type minimax struct{ text string }

func (m *minimax) end() bool { return strings.TrimLeft(m.text, space) == "" }

// tag takes a tag that begins and ends as given, and returns what is between.
func (m *minimax) tag(begin, end string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(m.text, space), minimaxMark+begin)
	if !ok {
		return "", false
	}
	name, rest, ok = strings.Cut(rest, end)
	if ok = ok && len(name) <= maxName; ok {
		m.text = rest
	}
	return name, ok
}

// node takes what is between an opening tag and its closing one, and returns its JSON by its schema. parent tells that
// there were tags in it.
func (m *minimax) node(root, schema chat.Object, depth int) (text string, parent, ok bool) {
	if ref, there := schema.Get("$ref"); there {
		schema = resolve(root, ref)
	}
	kind := kindOf(root, schema, 0)
	var items []string
	list := true
	for {
		before, _, found := strings.Cut(m.text, minimaxMark)
		if !found || depth > maxNesting {
			return "", false, false
		}
		m.text = m.text[len(before):]
		if _, ok := m.tag("</", ">"); ok { // of the innermost element, whatever it is called
			if len(items) == 0 {
				return minimaxValue(before, kind), false, true
			}
			break
		}
		key, ok := m.tag("<", ">")
		if !ok || strings.TrimLeft(before, space) != "" {
			return "", false, false
		}
		value, ok := m.child(key, root, schema, depth)
		if !ok {
			return "", false, false
		}
		list = list && key == "item"
		items = append(items, key, value)
	}
	return minimaxItems(items, list && (kind == kindUnknown || kind&kindArray != 0)), true, true
}

// child takes an element of an object or of a list.
func (m *minimax) child(key string, root, schema chat.Object, depth int) (text string, ok bool) {
	text, _, ok = m.node(root, elementSchema(root, schema, key, 0), depth+1)
	return text, ok
}

// elementSchema returns the schema of an element: of a property, another one, or an item.
func elementSchema(root, schema chat.Object, key string, depth int) (of chat.Object) {
	if ref, there := schema.Get("$ref"); there {
		schema = resolve(root, ref)
	}
	properties, _ := member(schema, "properties")
	if of, ok := member(properties, key); ok {
		return of
	}
	for _, name := range []string{"anyOf", "oneOf", "allOf"} {
		v, _ := schema.Get(name)
		list, _ := v.([]any)
		for _, item := range list {
			s, _ := item.(chat.Object)
			if of = elementSchema(root, s, key, depth+1); of.Len() > 0 || depth > maxReferences {
				return of
			}
		}
	}
	if key == "item" {
		if of, ok := member(schema, "items"); ok {
			return of
		}
	}
	of, _ = member(schema, "additionalProperties")
	return of
}

// minimaxValue returns the JSON of an element without elements.
func minimaxValue(text string, kind valueKind) string {
	if text == "" && kind != kindUnknown && kind&kindString == 0 {
		switch {
		case kind&kindArray != 0:
			return "[]"
		case kind&kindObject != 0:
			return "{}"
		}
	}
	return jsonOf(text, kind)
}

// minimaxItems returns the JSON of elements, given as keys and values.
func minimaxItems(items []string, list bool) string {
	var b strings.Builder
	for i := 0; i < len(items); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		if !list {
			b.WriteString(quote(items[i]) + ":")
		}
		b.WriteString(items[i+1])
	}
	if list {
		return "[" + b.String() + "]"
	}
	return "{" + b.String() + "}"
}
