package grammar

import (
	"net/url"
	"strconv"
	"strings"
)

// index finds the schemas with an $id or an anchor, and says for each which schema "#" means in it. What is data of a
// schema has no such names.
func (s *schemas) index(v, base *value, data bool) {
	v.base = base
	if id := v.get("$id"); !data && id != nil && id.kind == kindString {
		if to, err := s.uriOf(base).Parse(id.raw.(string)); err == nil {
			to.Fragment = ""
			v.base = v
			s.uris[v] = to
			s.name(to.String(), v)
		}
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if a := v.get(keyword); !data && a != nil && a.kind == kindString {
			s.name(s.uriOf(v.base).String()+"#"+a.raw.(string), v)
		}
	}
	for _, m := range v.members {
		isData := m.name == "enum" || m.name == "const" || m.name == "default" || m.name == "examples"
		s.index(m.value, v.base, data || isData)
	}
	for _, x := range v.items {
		s.index(x, v.base, data)
	}
}

// uriOf returns the URI of a schema with an $id, or of the document.
func (s *schemas) uriOf(base *value) *url.URL {
	if u := s.uris[base]; u != nil {
		return u
	}
	return &url.URL{Scheme: "schema", Path: "/"} // of a document that does not say
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
	here := s.uriOf(r.base)
	to, err := here.Parse(text)
	if err != nil {
		return nil, r.errorf(ErrSyntax, "%v", err)
	}
	fragment := to.Fragment
	to.Fragment, to.RawFragment = "", ""
	base := r.base
	if to.String() != here.String() {
		if base = s.named[to.String()]; base == nil {
			return nil, r.errorf(ErrUnsupported, "%q is not in this document", text)
		}
	}
	if fragment == "" {
		return base, nil
	}
	found := s.named[to.String()+"#"+fragment]
	if rest, ok := strings.CutPrefix(fragment, "/"); ok {
		found = base.at(strings.Split(rest, "/"))
	}
	if found == nil {
		return nil, r.errorf(ErrSyntax, "there is no %q", text)
	}
	return found, nil
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
