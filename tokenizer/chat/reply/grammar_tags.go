package reply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// beyondTags are keywords of the schema of all arguments that tags, which come one by one, cannot follow.
var beyondTags = []string{"anyOf", "oneOf", "allOf", "not", "if", "const", "enum", "minProperties", "maxProperties", "patternProperties",
	"propertyNames", "dependentRequired", "dependentSchemas", "dependencies"}

// tags returns the expression of arguments between tags.
func (g *grammar) tags(t *taggedCalls, root chat.Object) (string, error) {
	schema := root
	if ref, ok := root.Get("$ref"); ok {
		schema = resolve(root, ref)
	}
	for _, name := range beyondTags {
		if _, ok := schema.Get(name); ok {
			return "", fmt.Errorf("%w: %s: %s for all arguments", ErrNoGrammar, g.f.name, name)
		}
	}
	properties, _ := member(schema, "properties")
	required := stringsOf(schema, "required")
	names := make([]string, 0, properties.Len())
	for _, p := range properties.Fields() {
		names = append(names, p.Name)
	}
	for _, name := range required {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var b strings.Builder
	for _, name := range names {
		of, _ := member(properties, name)
		value, err := g.tag(t, root, of)
		if err != nil {
			return "", err
		}
		argument := g.written(t.key+name) + " " + value + " nl"
		if !slices.Contains(required, name) {
			argument = "(" + argument + ")?"
		}
		b.WriteString(" " + argument)
	}
	return b.String(), nil
}

// tag returns the expression of an argument behind its name.
func (g *grammar) tag(t *taggedCalls, root, schema chat.Object) (string, error) {
	kind := kindOf(root, schema, 0)
	if kind == kindUnknown {
		kind = kindString | kindData
	}
	ends := slices.DeleteFunc(slices.Clone(t.keyEnd), func(e keyEnd) bool { return e.kind == kindUnknown })
	if len(ends) == 0 {
		ends = t.keyEnd
	}
	var list []string
	for _, e := range ends { // the tags that tell the kind, if there are any
		k := kind
		if e.kind != kindUnknown {
			k &= e.kind
		}
		if k == 0 {
			continue
		}
		before := g.written(e.text)
		if t.value != "" {
			before += " nl " + g.written(t.value)
		}
		value, err := g.value(t, root, schema, k, kind)
		if err != nil {
			return "", err
		}
		list = append(list, before+" "+value)
	}
	return anyOf(list), nil
}

// anyOf returns an expression of alternatives.
func anyOf(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return "(" + strings.Join(list, " | ") + ")"
}

// value returns the expression of a value of some of the kinds that its schema allows, and of the tag behind it.
func (g *grammar) value(t *taggedCalls, root, schema chat.Object, kind, all valueKind) (string, error) {
	line := ""
	if t.lines {
		line = "\n"
	}
	end := g.written(line + t.valueEnd)
	if kind&kindString != 0 && isFree(schema) {
		return g.written(line) + " " + g.upTo(t.valueEnd), nil // the parser takes a line end away, if there is one
	}
	var list []string
	if kind&kindString != 0 {
		text, err := g.opt.Schema(narrowed(root, schema, kindString), notation.TextBefore(t.valueEnd))
		if err != nil {
			return "", err
		}
		list = append(list, text)
	}
	if data := kind & kindData; data != 0 {
		if kind != all || data != kind {
			schema = narrowed(root, schema, data)
		} else {
			schema = withDefinitions(root, schema)
		}
		var n *notation.Notation
		if data&(kindObject|kindArray) != 0 { // strings in them could have the end of the value in them
			n = notation.JSONBefore(t.valueEnd)
		}
		value, err := g.opt.Schema(schema, n)
		if err != nil {
			return "", err
		}
		list = append(list, value)
	}
	return g.written(line) + " " + anyOf(list) + " " + end, nil
}

// isFree reports whether a schema that allows strings allows them all.
func isFree(schema chat.Object) bool {
	return !slices.ContainsFunc(schema.Fields(), func(f chat.Field) bool {
		return !slices.Contains([]string{"type", "title", "description", "default", "examples", "$comment", "deprecated"}, f.Name)
	})
}

// narrowed returns a schema that allows only values of some kinds of those that another one allows.
func narrowed(root, schema chat.Object, kind valueKind) chat.Object {
	var types []any
	given := stringsOf(schema, "type")
	for _, name := range []string{"string", "integer", "number", "boolean", "null", "object", "array"} {
		if kindNames[name]&kind != 0 && (slices.Contains(given, name) || len(given) == 0 && name != "integer") {
			types = append(types, name)
		}
	}
	out := []chat.Field{{Name: "type", Value: types}}
	for _, f := range withDefinitions(root, schema).Fields() {
		if f.Name != "type" {
			out = append(out, f)
		}
	}
	return chat.NewObject(out...)
}

// withDefinitions returns a part of a schema with what its references are to.
func withDefinitions(root, schema chat.Object) chat.Object {
	out := slices.Clone(schema.Fields())
	for _, name := range []string{"$defs", "definitions"} {
		_, own := schema.Get(name)
		if defs, ok := root.Get(name); ok && !own {
			out = append(out, chat.Field{Name: name, Value: defs})
		}
	}
	return chat.NewObject(out...)
}

// stringsOf returns the strings of a keyword that is a string or a list.
func stringsOf(schema chat.Object, keyword string) (out []string) {
	v, _ := schema.Get(keyword)
	if text, ok := v.(string); ok {
		return []string{text}
	}
	list, _ := v.([]any)
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
