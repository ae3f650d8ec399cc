package grammar

import (
	"slices"
)

// conj is schemas that a value has to satisfy all, without references and alternatives.
type conj struct {
	*schemas
	all   []*value
	whole bool // they are all that is wanted of the value: one schema, and what it includes
	top   bool // of the document's root, where that is written otherwise
}

// typeNames are the names of types; an integer is a number without a fraction.
var typeNames = map[string]kind{"null": kindNull, "boolean": kindBoolean, "object": kindObject, "array": kindArray,
	"string": kindString, "number": kindNumber, "integer": kindNumber}

// implies says of which type a keyword speaks.
var implies = map[string]kind{
	"minimum": kindNumber, "maximum": kindNumber, "exclusiveMinimum": kindNumber, "exclusiveMaximum": kindNumber,
	"multipleOf": kindNumber,
	"minLength":  kindString, "maxLength": kindString, "pattern": kindString, "format": kindString,
	"items": kindArray, "prefixItems": kindArray, "additionalItems": kindArray, "minItems": kindArray,
	"maxItems": kindArray, "uniqueItems": kindArray, "contains": kindArray, "unevaluatedItems": kindArray,
	"properties": kindObject, "required": kindObject, "additionalProperties": kindObject,
	"patternProperties": kindObject, "propertyNames": kindObject, "minProperties": kindObject,
	"maxProperties": kindObject, "dependentRequired": kindObject, "dependentSchemas": kindObject,
	"dependencies": kindObject, "unevaluatedProperties": kindObject,
}

// conjunction is the grammar of values that satisfy all of a list, which comes from the schemas of set.
func (s *schemas) conjunction(all, set []*value) (expr, error) {
	c := &conj{schemas: s, all: all, whole: len(set) == 1}
	values, enumerated, err := c.values()
	if err != nil {
		return nil, err
	}
	if enumerated {
		return c.enum(values)
	}
	kinds, integer, err := c.kinds(!s.opt.Open)
	if err != nil {
		return nil, err
	}
	return c.of(kinds, integer)
}

// of is the grammar of the values of some types.
func (c *conj) of(kinds kind, integer bool) (expr, error) {
	var out alt
	for _, t := range []struct {
		kind kind
		make func() (expr, error)
	}{
		{kindObject, c.object}, {kindArray, c.array}, {kindString, c.string},
		{kindNumber, func() (expr, error) { return c.number(integer) }},
		{kindBoolean, func() (expr, error) { return alt{c.word("true"), c.word("false")}, nil }},
		{kindNull, func() (expr, error) { return c.word("null"), nil }},
	} {
		if kinds&t.kind == 0 {
			continue
		}
		x, err := t.make()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// each calls f with every occurrence of a keyword.
func (c *conj) each(keyword string, f func(v *value) error) error {
	for _, v := range c.all {
		if x := v.get(keyword); x != nil {
			if err := f(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// kinds are the types that the schemas allow; integer says that a number has to be whole. implied types count only
// where no type is given.
func (c *conj) kinds(implied bool) (kinds kind, integer bool, err error) {
	kinds = kindAny
	typed := false
	err = c.each("type", func(v *value) error {
		k, whole, err := typesOf(v)
		kinds &= k
		integer = integer || whole
		typed = true
		return err
	})
	if typed || !implied || err != nil {
		return kinds, integer, err
	}
	spoken := kind(0)
	for _, v := range c.all {
		for _, m := range v.members {
			spoken |= implies[m.name]
		}
	}
	if spoken != 0 {
		kinds = spoken
	}
	return kinds, integer, nil
}

// typesOf reads the keyword type. whole says that of numbers only integers are allowed.
func typesOf(v *value) (kinds kind, whole bool, err error) {
	names := []*value{v}
	if v.kind == kindArray {
		names = v.items
	}
	number := false
	for _, n := range names {
		name, err := n.text()
		if err != nil {
			return 0, false, err
		}
		k, ok := typeNames[name]
		if !ok {
			return 0, false, n.errorf(ErrSyntax, "no type is called %q", name)
		}
		kinds |= k
		whole = whole || name == "integer"
		number = number || name == "number"
	}
	return kinds, whole && !number, nil
}

// values are those of const and enum that all of the schemas list.
func (c *conj) values() (out []*value, enumerated bool, err error) {
	narrow := func(list []*value) {
		if !enumerated {
			out, enumerated = list, true
			return
		}
		listed := map[string]bool{}
		for _, v := range list {
			listed[v.canonical()] = true
		}
		out = slices.DeleteFunc(slices.Clone(out), func(v *value) bool { return !listed[v.canonical()] })
	}
	err = c.each("const", func(v *value) error {
		narrow([]*value{v})
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	err = c.each("enum", func(v *value) error {
		list, err := v.list()
		narrow(list)
		return err
	})
	return out, enumerated, err
}

// enum is the grammar of those values that satisfy the other keywords.
func (c *conj) enum(values []*value) (expr, error) {
	kinds, integer, err := c.kinds(false)
	if err != nil {
		return nil, err
	}
	var out alt
	for _, v := range values {
		if v.kind&kinds == 0 {
			continue
		}
		ok, err := c.allows(v, integer)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, c.constant(v))
		}
	}
	return out, nil
}

// allows reports whether a value of an enumeration satisfies the keywords that speak of its type.
func (c *conj) allows(v *value, integer bool) (bool, error) {
	var spoken *value
	for _, s := range c.all {
		for _, m := range s.members {
			if implies[m.name]&v.kind != 0 {
				spoken = m.value
			}
		}
	}
	if v.kind == kindNumber && integer {
		r, err := v.number()
		if err != nil || !r.IsInt() {
			return false, err
		}
	}
	if spoken == nil {
		return true, nil
	}
	if v.kind == kindObject || v.kind == kindArray {
		return false, spoken.errorf(ErrUnsupported, "a restriction of objects or arrays that const or enum lists")
	}
	if v.kind == kindNumber {
		bounds, err := c.bounds()
		if err != nil {
			return false, err
		}
		r, err := v.number()
		return err == nil && bounds.allows(r), err
	}
	x, err := c.of(v.kind, integer)
	if err != nil {
		return false, err
	}
	own := &compilerOf{rules: append(slices.Clone(c.rules), rule{"value", x})}
	return own.matches(c.constant(v))
}

// compilerOf compiles rules that are not complete yet, for a look at one of them.
type compilerOf struct{ rules []rule }

// matches reports whether the last rule allows a constant.
func (o *compilerOf) matches(constant expr) (bool, error) {
	g, err := newGrammar(resolveMarks(o.rules, nil), len(o.rules)-1)
	if err != nil {
		return false, nil // nothing is allowed at all
	}
	return g.Match(plain(constant))
}

// constant is one value, with blanks where JSON may have them.
func (c *conj) constant(v *value) expr {
	switch v.kind {
	case kindString:
		return c.constantString(v.raw.(string))
	case kindArray:
		var parts []expr
		for _, x := range v.items {
			parts = append(parts, c.item(c.constant(x)))
		}
		return c.enclose(&c.n.Array, c.list(&c.n.Array, parts))
	case kindObject:
		m := &c.n.Object
		var parts []expr
		for _, x := range v.members {
			parts = append(parts, c.property(m, c.keyOf(m, x.name), c.constant(x.value)))
		}
		return c.enclose(m, c.list(m, parts))
	}
	return c.word(v.token())
}
