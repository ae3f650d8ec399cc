package reply

import (
	"encoding/json"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// valueKind is the set of JSON types that a value may have; 0 when nothing is known.
type valueKind uint8

const (
	kindString valueKind = 1 << iota
	kindNumber
	kindBool
	kindNull
	kindObject
	kindArray

	kindUnknown valueKind = 0
	kindData              = kindNumber | kindBool | kindNull | kindObject | kindArray
)

var kindNames = map[string]valueKind{"string": kindString, "number": kindNumber, "integer": kindNumber,
	"boolean": kindBool, "null": kindNull, "object": kindObject, "array": kindArray}

// toolset has the parameters' schema of each tool.
type toolset map[string]chat.Object

// newToolset reads tools in the form of the OpenAI API, with or without "function" around them.
func newToolset(tools []chat.Object) toolset {
	set := toolset{}
	for _, t := range tools {
		name, schema := toolParts(t)
		if name != "" {
			set[name] = schema
		}
	}
	return set
}

// toolParts returns the name and the parameters' schema of a tool.
func toolParts(tool chat.Object) (name string, schema chat.Object) {
	if fn, ok := member(tool, "function"); ok {
		tool = fn
	}
	v, _ := tool.Get("name")
	name, _ = v.(string)
	schema, _ = member(tool, "parameters")
	return name, schema
}

// member returns a field that is an object.
func member(o chat.Object, name string) (chat.Object, bool) {
	v, ok := o.Get(name)
	if !ok {
		return chat.Object{}, false
	}
	if obj, ok := v.(chat.Object); ok {
		return obj, true
	}
	var obj chat.Object // of Go's own types, such as a map
	data, err := json.Marshal(v)
	return obj, err == nil && json.Unmarshal(data, &obj) == nil
}

func (t toolset) has(name string) bool {
	_, ok := t[name]
	return ok
}

// kind returns the types that an argument of a tool may have.
func (t toolset) kind(tool, argument string) valueKind {
	root := t[tool]
	properties, _ := member(root, "properties")
	schema, _ := member(properties, argument)
	return kindOf(root, schema, 0)
}

// maxReferences is how deep references and alternatives of a schema are followed.
const maxReferences = 8

// kindOf returns the types that a schema allows; references are those within root.
func kindOf(root, schema chat.Object, depth int) valueKind {
	if depth > maxReferences {
		return kindUnknown
	}
	if ref, ok := schema.Get("$ref"); ok {
		return kindOf(root, resolve(root, ref), depth+1)
	}
	if v, ok := schema.Get("type"); ok {
		return typeNames(v)
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		v, _ := schema.Get(key)
		list, _ := v.([]any)
		kind := kindUnknown
		for _, item := range list {
			s, _ := item.(chat.Object)
			switch is := kindOf(root, s, depth+1); {
			case key == "allOf" && kind != kindUnknown && is != kindUnknown:
				kind &= is
			default:
				kind |= is
			}
		}
		if kind != kindUnknown {
			return kind
		}
	}
	return valueKinds(schema)
}

// typeNames returns the types of a schema's "type".
func typeNames(v any) valueKind {
	name, _ := v.(string)
	kind := kindNames[name]
	list, _ := v.([]any)
	for _, item := range list {
		name, _ := item.(string)
		kind |= kindNames[name]
	}
	return kind
}

// valueKinds returns the types of the values that a schema lists.
func valueKinds(schema chat.Object) valueKind {
	v, _ := schema.Get("enum")
	list, _ := v.([]any)
	if c, ok := schema.Get("const"); ok {
		list = append(list[:len(list):len(list)], c)
	}
	kind := kindUnknown
	for _, item := range list {
		if data, err := json.Marshal(item); err == nil {
			kind |= kindOfJSON(data)
		}
	}
	return kind
}

// resolve returns what a reference such as #/$defs/place stands for.
func resolve(root chat.Object, ref any) chat.Object {
	text, _ := ref.(string)
	path, ok := strings.CutPrefix(text, "#/")
	for name := range strings.SplitSeq(path, "/") {
		if ok {
			root, ok = member(root, name)
		}
	}
	if !ok {
		return chat.Object{}
	}
	return root
}

// kindOfJSON returns the type of a valid JSON text without white space around it.
func kindOfJSON(text []byte) valueKind {
	switch text[0] {
	case '"':
		return kindString
	case '{':
		return kindObject
	case '[':
		return kindArray
	case 't', 'f':
		return kindBool
	case 'n':
		return kindNull
	}
	return kindNumber
}

// python has the constants that models write as Python does.
var python = map[string]string{"True": "true", "False": "false", "None": "null"}

// jsonOf returns the JSON of a value that stands as bare text, for an argument of the given types: what it is as JSON,
// where that is one of them, otherwise a string. Objects and lists may be Python's.
func jsonOf(text string, kind valueKind) string {
	value := strings.TrimSpace(text)
	if word, ok := python[value]; ok {
		value = word
	}
	if !json.Valid([]byte(value)) {
		l := &literals{text: value, quotes: []string{`"`, "'"}, escapes: true}
		if v, ok := l.value(); ok && l.end() && kind&kindOfJSON([]byte(v))&(kindObject|kindArray) != 0 {
			return v
		}
		return quote(text)
	}
	is := kindOfJSON([]byte(value))
	switch {
	case kind&is != 0 && is != kindString, kind == kindUnknown && is != kindString:
		return value
	case kind != kindUnknown && kind&kindString == 0: // of another type than the schema asks for
		return value
	}
	return quote(text)
}

// quote returns text as a JSON string. Bytes that are no UTF-8 stay as they are.
func quote(text string) string {
	out := make([]byte, 0, len(text)+2)
	out = append(out, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = escapeControl(out, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}
