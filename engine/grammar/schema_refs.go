package grammar

import (
	"errors"
	"strconv"
	"strings"
)

// index finds the schemas with an $id or an $anchor, and says for each which schema "#" means in it. What is data of a
// schema has no such names.
func (s *schemas) index(v, base *value, data bool) {
	v.base = base
	id, anchor := v.get("$id"), v.get("$anchor")
	if !data && id != nil && id.kind == kindString {
		v.base = v
		s.name(strings.TrimSuffix(id.raw.(string), "#"), v)
	}
	if !data && anchor != nil && anchor.kind == kindString {
		s.name(strconv.Itoa(v.base.id)+"#"+anchor.raw.(string), v)
	}
	for _, m := range v.members {
		isData := m.name == "enum" || m.name == "const" || m.name == "default" || m.name == "examples"
		s.index(m.value, v.base, data || isData)
	}
	for _, x := range v.items {
		s.index(x, v.base, data)
	}
}

func (s *schemas) name(key string, v *value) {
	if s.named[key] == nil {
		s.named[key] = v
	}
}

// resolve returns the schema that a $ref names.
func (s *schemas) resolve(r *value) (*value, error) {
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	document, fragment, _ := strings.Cut(text, "#")
	base := r.base
	if document != "" {
		if base = s.named[document]; base == nil {
			return nil, r.errorf(ErrUnsupported, "%q is not in this document", text)
		}
	}
	if fragment == "" {
		return base, nil
	}
	if fragment, err = unescapePercent(fragment); err != nil {
		return nil, r.errorf(ErrSyntax, "%q: %v", text, err)
	}
	var to *value
	if strings.HasPrefix(fragment, "/") {
		to = base.at(strings.Split(fragment[1:], "/"))
	} else {
		to = s.named[strconv.Itoa(base.id)+"#"+fragment]
	}
	if to == nil {
		return nil, r.errorf(ErrSyntax, "there is no %q", text)
	}
	return to, nil
}

// at follows the steps of a JSON pointer, nil when there is no such place.
func (v *value) at(steps []string) *value {
	for _, step := range steps {
		if v == nil {
			return nil
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		if v.kind != kindArray {
			v = v.get(step)
			continue
		}
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(v.items) {
			return nil
		}
		v = v.items[i]
	}
	return v
}

// unescapePercent replaces %XX by the byte. Package net/url would do that, but programs would link it for nothing else.
func unescapePercent(t string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(t, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		n, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8)
		if err != nil || len(after) < 2 {
			return "", errors.New("two hexadecimal digits have to follow %")
		}
		b.WriteByte(byte(n))
		t = after[2:]
	}
}
