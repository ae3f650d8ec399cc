package grammar

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// object is the grammar of objects: the properties in the order of the schema, then others.
func (c *conj) object() (expr, error) {
	o := &objects{conj: c, required: map[string]bool{}}
	if err := o.read(); err != nil {
		return nil, err
	}
	if len(o.names)+len(o.keys)+len(o.otherSet) == 0 && o.lo == 0 && o.hi < 0 && o.others && o.pattern == nil {
		return c.anyObject(c.brackets()), nil
	}
	if o.hi >= 0 && o.hi < max(o.lo, len(o.required)) {
		return never, nil
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := o.build(); err != nil {
		return nil, err
	}
	members := expr(seq{})
	switch {
	case len(o.names) > 0:
		members = o.from(0, 0)
	case o.other != nil:
		members = c.items(c.brackets(), nil, o.other, 0, o.lo, o.hi)
	}
	if o.err != nil {
		return nil, o.err
	}
	return c.enclose(c.brackets(), members), nil
}

// objects are the objects that a conjunction allows.
type objects struct {
	*conj
	names    []string
	required map[string]bool
	lo, hi   int // number of members; hi < 0 is no bound
	others   bool
	otherSet []*value // schemas of properties without a name
	pattern  *member  // the one pattern of patternProperties, if there is one
	keys     []*value // of propertyNames

	members []expr // of names
	other   expr   // a member without a name
	key     string // of rules for what is left
	err     error
}

// read collects names and bounds.
func (o *objects) read() (err error) {
	if o.lo, o.hi, err = o.span("minProperties", "maxProperties"); err != nil {
		return err
	}
	err = o.each("properties", func(v *value) error {
		if v.kind != kindObject {
			return v.errorf(ErrSyntax, "must be an object")
		}
		for _, m := range v.members {
			o.name(m.name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	declared := len(o.names) > 0
	err = o.each("required", func(v *value) error {
		if v.kind == kindBoolean {
			return v.errorf(ErrUnsupported, "required of draft 3")
		}
		names, err := v.names()
		for _, n := range names {
			o.name(n)
			o.required[n] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := o.each("propertyNames", func(v *value) error {
		if !v.isTrue() {
			o.keys = append(o.keys, v)
		}
		return nil
	}); err != nil {
		return err
	}
	return o.readOthers(declared)
}

func (o *objects) name(n string) {
	if !slices.Contains(o.names, n) {
		o.names = append(o.names, n)
	}
}

// readOthers finds out which properties without a name are allowed.
func (o *objects) readOthers(declared bool) error {
	o.others = o.opt.Open || !declared
	said := false
	for _, v := range o.all {
		if p := v.get("patternProperties"); p != nil && len(p.members) > 0 {
			if o.pattern != nil || len(p.members) > 1 {
				return p.errorf(ErrUnsupported, "more than one pattern for properties")
			}
			o.pattern = &p.members[0]
		}
		a := v.get("additionalProperties")
		if u := v.get("unevaluatedProperties"); a == nil && u != nil {
			if !o.sees(v) || u.kind != kindBoolean {
				return u.errorf(ErrUnsupported, "unevaluatedProperties here")
			}
			if a = u; said || slices.ContainsFunc(o.all, func(v *value) bool { return v.get("additionalProperties") != nil }) {
				continue // those that another schema allows are evaluated by it
			}
		}
		if a == nil {
			continue
		}
		said = true
		o.otherSet = append(o.otherSet, a)
	}
	if said {
		o.others = !slices.ContainsFunc(o.otherSet, (*value).isFalse)
	} else if o.pattern != nil && !o.opt.Open {
		o.others = false
	}
	o.otherSet = slices.DeleteFunc(o.otherSet, (*value).isTrue)
	if o.pattern != nil && o.others {
		return o.pattern.errorf(ErrUnsupported, "patternProperties without additionalProperties: false")
	}
	return nil
}

// check refuses bounds on the number of members that names alone can't keep: others may come twice.
func (o *objects) check() error {
	loose := o.others || o.pattern != nil
	if o.lo > max(1, len(o.required)) && loose {
		return o.all[0].errorf(ErrUnsupported, "minProperties with properties that are not named")
	}
	if o.hi >= len(o.names) && !loose {
		o.hi = -1 // no bound
	}
	if len(o.names)*(max(o.lo, o.hi)+1) > 50_000 {
		return o.all[0].errorf(ErrLimit, "too many properties to count")
	}
	return nil
}

// build makes the members.
func (o *objects) build() error {
	key, err := o.keyExpr()
	if err != nil {
		return err
	}
	for _, n := range o.names {
		set, err := o.schemasOf(n)
		if err != nil {
			return err
		}
		if key != nil {
			own := &compilerOf{rules: append(slices.Clone(o.rules), rule{"name", key})}
			if ok, err := own.matches(o.constantString(n)); err != nil {
				return err
			} else if !ok {
				set = append(set, falseSchema)
			}
		}
		x, err := o.schemas.of(set...)
		if err != nil {
			return err
		}
		o.members = append(o.members, o.property(o.brackets(), o.keyOf(o.brackets(), n), x))
	}
	o.key = fmt.Sprintf("object %d ", len(o.rules))
	switch {
	case (o.pattern != nil || key != nil) && o.brackets().Keys == notation.Tag:
		return o.all[0].errorf(ErrUnsupported, "names of properties that are a pattern's, in tags")
	case o.pattern != nil && key != nil:
		return o.keys[0].errorf(ErrUnsupported, "propertyNames beside patternProperties")
	case o.pattern != nil:
		return o.buildPattern()
	case o.others:
		x, err := o.schemas.of(o.otherSet...)
		if err != nil {
			return err
		}
		if key == nil {
			key = o.otherKey(o.brackets(), o.names)
		} else if len(o.names) > 0 {
			return o.keys[0].errorf(ErrUnsupported, "propertyNames beside named properties and others")
		}
		o.other = o.property(o.brackets(), key, x)
	}
	return nil
}

// keyExpr is what propertyNames allows, nil for all names.
func (o *objects) keyExpr() (expr, error) {
	if len(o.keys) == 0 {
		return nil, nil
	}
	k := o.keys[0]
	return o.schemas.of(append(slices.Clone(o.keys), k.with(member{"type", k.string("string")}))...)
}

// buildPattern makes the member for patternProperties.
func (o *objects) buildPattern() error {
	re, err := o.patternOf(o.pattern)
	if err != nil {
		return err
	}
	for _, n := range o.names {
		if re.MatchString(n) {
			return o.pattern.errorf(ErrUnsupported, "a pattern that property %q matches", n)
		}
	}
	x, err := o.schemas.of(o.pattern.value)
	if err != nil {
		return err
	}
	key, err := o.conj.pattern(o.pattern.value, patternSyntax(o.pattern.name), 0, -1)
	o.other = o.property(o.brackets(), key, x)
	return err
}

func (o *objects) patternOf(m *member) (*regexp.Regexp, error) {
	if _, err := parseRegexp(patternSyntax(m.name), syntax.Perl); err != nil {
		return nil, m.errorf(ErrSyntax, "%v", err)
	}
	return regexp.Compile(patternSyntax(m.name))
}

// schemasOf are those that the value of a property has to satisfy.
func (o *objects) schemasOf(name string) (set []*value, err error) {
	for _, v := range o.all {
		known := false
		if p := v.get("properties"); p != nil {
			if x := p.get(name); x != nil {
				set, known = append(set, x), true
			}
		}
		if p := v.get("patternProperties"); p != nil {
			for i := range p.members {
				re, err := o.patternOf(&p.members[i])
				if err != nil {
					return nil, err
				}
				if re.MatchString(name) {
					set, known = append(set, p.members[i].value), true
				}
			}
		}
		if a := v.get("additionalProperties"); a != nil && !known {
			set = append(set, a)
		}
	}
	return set, nil
}

// from is the members from number i on, with n before them. Further ones than count for a comma or a bound are as one.
func (o *objects) from(i, n int) expr {
	n = min(n, max(1, o.lo, o.hi+1))
	x, err := o.rule(fmt.Sprint(o.key, i, " ", n), func() (expr, error) {
		var out alt
		member := o.other
		if i < len(o.names) {
			member = o.members[i]
			if !o.required[o.names[i]] {
				out = append(out, o.from(i+1, n))
			}
		} else if n >= o.lo {
			out = append(out, seq{})
		}
		if member != nil && (o.hi < 0 || n < o.hi) {
			x := seq{member, o.from(min(i+1, len(o.names)), n+1)}
			if n > 0 {
				x = append(seq{o.comma(o.brackets())}, x...)
			}
			out = append(out, x)
		}
		return out, nil
	})
	if err != nil {
		o.err = err
	}
	return x
}

// notTexts is a text other than any of those given, each character written as char has it; rest is any number of them.
func notTexts(texts []string, char func(class) expr, rest expr) expr {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	runes := make([][]rune, len(sorted))
	for i, t := range sorted {
		runes[i] = []rune(t)
	}
	return notRunes(runes, char, rest)
}

// notRunes is notTexts of sorted texts.
func notRunes(texts [][]rune, char func(class) expr, any expr) expr {
	var out alt
	if len(texts) == 0 || len(texts[0]) > 0 {
		out = append(out, seq{})
	} else {
		texts = texts[1:]
	}
	var firsts class
	for len(texts) > 0 {
		first := texts[0][0]
		n := 0
		var rest [][]rune
		for n < len(texts) && texts[n][0] == first {
			rest = append(rest, texts[n][1:])
			n++
		}
		texts = texts[n:]
		firsts = append(firsts, first, first)
		out = append(out, seq{char(class{first, first}), notRunes(rest, char, any)})
	}
	return append(out, seq{char(firsts.not()), any})
}
