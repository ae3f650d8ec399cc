package grammar

import "slices"

// Keywords that are said by other ones: a dependency is an alternative, and some of what must not be is what may be.

var falseSchema = &value{kind: kindBoolean, raw: false, pointer: "#"}

// with is a schema in the place of v with other members.
func (v *value) with(members ...member) *value {
	return &value{id: v.id, pointer: v.pointer, base: v.base, kind: kindObject, members: members}
}

func (v *value) array(items ...*value) *value {
	return &value{id: v.id, pointer: v.pointer, base: v.base, kind: kindArray, items: items}
}

func (v *value) string(text string) *value {
	return &value{id: v.id, pointer: v.pointer, base: v.base, kind: kindString, raw: text}
}

// without is the schema of all but objects with a property.
func (v *value) without(name string) *value {
	return v.with(member{"properties", v.with(member{name, falseSchema})})
}

// dependencies are dependentRequired, dependentSchemas and the older dependencies: without the one property, or with
// what it needs.
func (s *schemas) dependencies(v *value) (out []*value, err error) {
	for _, keyword := range []string{"dependentRequired", "dependentSchemas", "dependencies"} {
		d := v.get(keyword)
		if d == nil {
			continue
		}
		if d.kind != kindObject {
			return nil, d.errorf(ErrSyntax, "must be an object")
		}
		for _, m := range d.members {
			needs := []*value{v.string(m.name)}
			then := v.with()
			if m.kind == kindArray {
				needs = append(needs, m.items...)
			} else {
				then.members = append(then.members, member{"allOf", v.array(m.value)})
			}
			then.members = append(then.members, member{"required", v.array(needs...)}, member{"type", v.string("object")})
			out = append(out, v.with(member{"anyOf", v.array(v.without(m.name), then)}))
		}
	}
	return out, nil
}

// negated is what not says, where that can be said without it; nil where it says nothing.
func (s *schemas) negated(v *value) (*value, error) {
	n := v.get("not")
	switch {
	case n == nil || n.isFalse():
		return nil, nil
	case n.isTrue() || n.kind == kindObject && len(n.members) == 0:
		return falseSchema, nil
	case len(n.members) != 1:
		return nil, n.errorf(ErrUnsupported, "not")
	}
	switch m := n.members[0]; m.name {
	case "not":
		return m.value, nil
	case "type":
		return s.otherTypes(v, m.value)
	case "required":
		if len(m.items) == 1 && m.items[0].kind == kindString {
			out := v.without(m.items[0].raw.(string))
			out.members = append(out.members, member{"type", v.string("object")})
			return out, nil
		}
	}
	return nil, n.errorf(ErrUnsupported, "not")
}

// otherTypes is all types but those given. Numbers that are no integers are left out with the integers.
func (s *schemas) otherTypes(v, types *value) (*value, error) {
	kinds, _, err := typesOf(types)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, k := range typeNames {
		if k&kinds == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	list := v.array()
	for _, n := range names {
		list.items = append(list.items, v.string(n))
	}
	return v.with(member{"type", list}), nil
}
