package grammar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// SchemaOptions configures Schema. The zero value is the default.
type SchemaOptions struct {
	// Open allows all that the schema leaves open, as a validator does: further properties of objects with properties,
	// values of other types where keywords such as minimum stand without a type, shorter arrays than prefixItems has.
	// By default, as in llama.cpp, an object has no properties but those named (unless additionalProperties says so), a
	// keyword implies its type, and prefixItems are all there: models then say what was asked for.
	Open bool
	// Compact allows no blanks between tokens of JSON. By default there may be one, or line ends and an indentation.
	Compact bool
	// Notation is how values are written where that is not JSON; the schema is of an object then, since a call's
	// arguments are one. A value that it cannot write is left out. Nil stands for JSON.
	Notation *notation.Notation
	// Token returns the control token that has a text, or a part of one, of the notation. The grammar demands the token
	// there. Nil stands for none.
	Token func(text string) (id int32, ok bool)
}

// Schema is the grammar of the JSON texts that satisfy a JSON Schema, draft 2020-12 or, where they agree, earlier. Each
// text of the grammar satisfies it; not each text that does is in the grammar:
//
//   - Properties come in the order in which the schema names them.
//   - Numbers have at most 16 digits before and 16 behind the point, and no exponent where they have bounds.
//   - Strings with a pattern or format, names and enumerated strings escape only what must be escaped.
//   - See SchemaOptions.Open.
//
// Enforced are type, enum, const, properties, required, additionalProperties, patternProperties with one pattern,
// propertyNames, minProperties and maxProperties, dependentRequired, dependentSchemas, items, prefixItems, minItems,
// maxItems, contains (once), minLength, maxLength, pattern, format (date, time, date-time, duration, email, hostname,
// ipv4, ipv6, uri, uuid, int32, int64), minimum, maximum, their exclusive forms, multipleOf powers of ten, allOf, anyOf,
// oneOf whose alternatives exclude each other recognisably, not of types or of a required property, unevaluatedItems and
// unevaluatedProperties of a schema that stands alone, $ref to places in the document, $defs, $id, $anchor.
//
// What can't be enforced is an error that wraps ErrUnsupported and names the place as a JSON pointer: other forms of
// these, if, uniqueItems, $dynamicRef, references to other documents, a pattern together with lengths that it does not
// imply, and more. Keywords that JSON Schema does not know are ignored, as it wants. Errors about a schema that is
// wrong wrap ErrSyntax, those about its size ErrLimit; one that nothing satisfies gives ErrEmpty. nil options are the
// defaults.
func Schema(text string, opt *SchemaOptions) (*Grammar, error) {
	root, err := parseDocument(text)
	if err != nil {
		return nil, err
	}
	s := &schemas{named: map[string]*value{}, uris: map[*value]*url.URL{}, known: map[string]ref{}, n: notation.JSON}
	if opt != nil {
		s.opt = *opt
	}
	if s.opt.Notation != nil {
		s.n = s.opt.Notation
	}
	s.index(root, root, false)
	body, err := s.whole(root)
	if err != nil {
		return nil, err
	}
	s.rules = append(s.rules, rule{"root", body})
	g, err := newGrammar(resolveMarks(s.rules, s.opt.Token), len(s.rules)-1)
	if errors.Is(err, ErrEmpty) {
		err = fmt.Errorf("schema: %w", err)
	}
	return g, err
}

// schemas turns the schemas of a document into rules.
type schemas struct {
	opt   SchemaOptions
	n     *notation.Notation
	named map[string]*value   // by URI, and by URI#anchor
	uris  map[*value]*url.URL // of schemas with an $id
	rules []rule
	known map[string]ref // rules by what they stand for
}

// limit on the alternatives of one place, which multiply where several of anyOf and oneOf meet.
const maxAlternatives = 500

// rule returns the rule for a key, made by body when it is not there yet.
func (s *schemas) rule(key string, body func() (expr, error)) (expr, error) {
	if r, ok := s.known[key]; ok {
		return r, nil
	}
	r := ref(len(s.rules))
	s.known[key] = r
	s.rules = append(s.rules, rule{name: key, body: never})
	x, err := body()
	if err != nil {
		return nil, err
	}
	s.rules[r].body = x
	return r, nil
}

// of is the grammar of values that satisfy all the schemas.
func (s *schemas) of(all ...*value) (expr, error) {
	set := slices.Clone(all)
	slices.SortFunc(set, func(x, y *value) int { return x.id - y.id })
	set = slices.DeleteFunc(slices.Compact(set), (*value).isTrue)
	if len(set) == 0 {
		return s.anyValue(), nil
	}
	key := []byte("schema ")
	for _, v := range set {
		key = binary.LittleEndian.AppendUint32(key, uint32(v.id))
	}
	return s.rule(string(key), func() (expr, error) {
		alternatives, err := s.expand(set, nil)
		if err != nil {
			return nil, err
		}
		var out alt
		for _, one := range alternatives {
			x, err := s.conjunction(one, set)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	})
}

// expand follows references, allOf, anyOf and oneOf. Each of the results is a list of schemas that have to be satisfied
// all, these keywords aside; a value has to satisfy one of the lists.
func (s *schemas) expand(todo, done []*value) ([][]*value, error) {
	for len(todo) > 0 {
		v := todo[0]
		todo = slices.Clone(todo[1:])
		if v.isTrue() || slices.Contains(done, v) {
			continue
		}
		if v.isFalse() {
			return nil, nil
		}
		if v.kind != kindObject {
			return nil, v.errorf(ErrSyntax, "a schema must be an object or a boolean")
		}
		if len(done) > maxAlternatives {
			return nil, v.errorf(ErrLimit, "more than %d schemas for one value", maxAlternatives)
		}
		done = append(slices.Clone(done), v)
		if err := s.refuse(v); err != nil {
			return nil, err
		}
		more, err := s.included(v)
		if err != nil {
			return nil, err
		}
		todo = append(more, todo...)
		if choice := v.get("oneOf"); choice != nil {
			return s.choose(choice, true, v, todo, done)
		}
		if choice := v.get("anyOf"); choice != nil {
			return s.choose(choice, false, nil, todo, done)
		}
	}
	return [][]*value{done}, nil
}

// included returns the schemas that v wants to be satisfied, too.
func (s *schemas) included(v *value) (out []*value, err error) {
	if r := v.get("$ref"); r != nil {
		to, err := s.resolve(r)
		if err != nil {
			return nil, err
		}
		out = append(out, to)
	}
	if all := v.get("allOf"); all != nil {
		list, err := all.list()
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	more, err := s.dependencies(v)
	if err != nil {
		return nil, err
	}
	not, err := s.negated(v)
	if not != nil {
		more = append(more, not)
	}
	return append(out, more...), err
}

// choose expands the alternatives of anyOf or oneOf. A schema with both is expanded in two steps.
func (s *schemas) choose(choice *value, one bool, v *value, todo, done []*value) ([][]*value, error) {
	list, err := choice.list()
	if err != nil {
		return nil, err
	}
	if one {
		if err := s.exclusive(choice, list, slices.Concat(done, todo)); err != nil {
			return nil, err
		}
		if both := v.get("anyOf"); both != nil {
			todo = append([]*value{v.with(member{"anyOf", both})}, todo...)
		}
	}
	var out [][]*value
	for _, x := range list {
		lists, err := s.expand(append([]*value{x}, todo...), done)
		if err != nil {
			return nil, err
		}
		if out = append(out, lists...); len(out) > maxAlternatives {
			return nil, choice.errorf(ErrLimit, "more than %d alternatives", maxAlternatives)
		}
	}
	return out, nil
}

// refuse is an error for keywords that no grammar can enforce, whatever the type of the value.
func (s *schemas) refuse(v *value) error {
	for _, name := range []string{"$dynamicRef", "$recursiveRef"} {
		if x := v.get(name); x != nil {
			return x.errorf(ErrUnsupported, "%s", name)
		}
	}
	if x := v.get("if"); x != nil && (v.get("then") != nil || v.get("else") != nil) {
		return x.errorf(ErrUnsupported, "if with then or else")
	}
	return nil
}
