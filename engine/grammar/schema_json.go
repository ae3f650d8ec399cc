package grammar

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// value is a JSON value of a schema document. Members of objects keep their order, which is the order in which an
// answer has them.
type value struct {
	id      int    // in the order of the document
	pointer string // JSON pointer, as a fragment: #/properties/a
	base    *value // the schema with an $id that "#" means here
	raw     any    // nil, bool, json.Number or string; []*value in items, objects in members
	kind    kind
	items   []*value
	members []member
}

type member struct {
	name string
	*value
}

// kind is a JSON type, as a bit in a set of types.
type kind uint8

const (
	kindNull kind = 1 << iota
	kindBoolean
	kindObject
	kindArray
	kindString
	kindNumber
	kindAny = kindNull | kindBoolean | kindObject | kindArray | kindString | kindNumber
)

// get returns a member, nil when there is none.
func (v *value) get(name string) *value {
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// errorf is an error at a place of the schema.
func (v *value) errorf(kind error, format string, args ...any) error {
	return fmt.Errorf("schema %s: %w: %s", v.pointer, kind, fmt.Sprintf(format, args...))
}

// parseDocument reads a schema.
func parseDocument(text string) (*value, error) {
	if len(text) > MaxSource {
		return nil, fmt.Errorf("schema: %w: %d bytes, at most %d", ErrLimit, len(text), MaxSource)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	p := &documentParser{d: d}
	v, err := p.value("#")
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("schema: %w: more than one JSON value", ErrSyntax)
	}
	return v, nil
}

type documentParser struct {
	d     *json.Decoder
	n     int
	depth int
}

func (p *documentParser) value(pointer string) (*value, error) {
	t, err := p.d.Token()
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w: %w", pointer, ErrSyntax, err)
	}
	p.n++
	v := &value{id: p.n, pointer: pointer, raw: t}
	switch t := t.(type) {
	case nil:
		v.kind = kindNull
	case bool:
		v.kind = kindBoolean
	case string:
		v.kind = kindString
	case json.Number:
		v.kind = kindNumber
	case json.Delim:
		return v, p.container(v, t)
	}
	return v, nil
}

func (p *documentParser) container(v *value, open json.Delim) error {
	if p.depth++; p.depth > MaxNesting {
		return v.errorf(ErrLimit, "more than %d levels", MaxNesting)
	}
	v.kind = kindArray
	if open == '{' {
		v.kind = kindObject
	}
	for p.d.More() {
		step := strconv.Itoa(len(v.items))
		if open == '{' {
			t, err := p.d.Token()
			if err != nil {
				return v.errorf(ErrSyntax, "%v", err)
			}
			name := t.(string)
			if v.get(name) != nil {
				return v.errorf(ErrSyntax, "member %q twice", name)
			}
			step = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
			v.members = append(v.members, member{name, &value{}})
		}
		sub, err := p.value(v.pointer + "/" + step)
		if err != nil {
			return err
		}
		if open == '[' {
			v.items = append(v.items, sub)
			continue
		}
		v.members[len(v.members)-1].value = sub
	}
	p.depth--
	_, err := p.d.Token()
	if err != nil {
		return v.errorf(ErrSyntax, "%v", err)
	}
	return nil
}

// isTrue and isFalse are for schemas and options that are booleans.
func (v *value) isTrue() bool  { return v != nil && v.raw == true }
func (v *value) isFalse() bool { return v != nil && v.raw == false }

// text returns a string.
func (v *value) text() (string, error) {
	s, ok := v.raw.(string)
	if !ok {
		return "", v.errorf(ErrSyntax, "must be a string")
	}
	return s, nil
}

// number returns a number, exactly. Exponents are limited, since a number is written out.
func (v *value) number() (*big.Rat, error) {
	n, ok := v.raw.(json.Number)
	if !ok {
		return nil, v.errorf(ErrSyntax, "must be a number")
	}
	if _, e, ok := strings.Cut(strings.ToLower(n.String()), "e"); ok {
		if x, err := strconv.Atoi(e); err != nil || x < -400 || x > 400 {
			return nil, v.errorf(ErrLimit, "exponent %s", e)
		}
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return nil, v.errorf(ErrSyntax, "%s is not a number", n)
	}
	return r, nil
}

// count returns a number of things; it may be written as 2.0.
func (v *value) count() (int, error) {
	r, err := v.number()
	if err != nil {
		return 0, err
	}
	if !r.IsInt() || r.Sign() < 0 {
		return 0, v.errorf(ErrSyntax, "must be a whole number, not negative")
	}
	if n := r.Num(); n.IsInt64() && n.Int64() <= maxTimes {
		return int(n.Int64()), nil
	}
	return maxTimes + 1, nil
}

// list returns an array's values.
func (v *value) list() ([]*value, error) {
	if v.kind != kindArray {
		return nil, v.errorf(ErrSyntax, "must be an array")
	}
	return v.items, nil
}

// names returns an array of strings.
func (v *value) names() ([]string, error) {
	list, err := v.list()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, x := range list {
		s, err := x.text()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// canonical is the same text for equal values: the order of members and the form of numbers do not count.
func (v *value) canonical() string {
	switch v.kind {
	case kindNumber:
		if r, err := v.number(); err == nil {
			return r.RatString()
		}
	case kindArray:
		var parts []string
		for _, x := range v.items {
			parts = append(parts, x.canonical())
		}
		return "[" + strings.Join(parts, ",") + "]"
	case kindObject:
		var parts []string
		for _, m := range v.members {
			parts = append(parts, strconv.Quote(m.name)+":"+m.canonical())
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case kindString:
		return strconv.Quote(v.raw.(string))
	case kindNull:
		return "null"
	}
	return fmt.Sprint(v.raw)
}
