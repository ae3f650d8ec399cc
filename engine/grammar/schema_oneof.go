package grammar

import (
	"slices"
)

// exclusive is an error unless no value that is generated satisfies two of the alternatives of oneOf, as far as can be
// seen. beside are the schemas that have to be satisfied as well.
func (s *schemas) exclusive(place *value, list, beside []*value) error {
	sib, err := s.facts(beside...)
	if err != nil {
		return err
	}
	for i, x := range list {
		for j, y := range list[:i] {
			if apart, err := s.apart(x, y, sib, 0); err != nil {
				return err
			} else if !apart {
				return place.errorf(ErrUnsupported, "alternatives %d and %d may both hold; if that is no harm, use anyOf", j, i)
			}
		}
	}
	return nil
}

// apart reports whether x and y are seen to have no value in common: by type, by constants, or by a property that both
// need and for whose values that is so. It does not look further than four levels. beside is nil for properties.
func (s *schemas) apart(x, y *value, beside *conj, depth int) (bool, error) {
	if x.isFalse() || y.isFalse() {
		return true, nil
	}
	if depth > 3 {
		return false, nil
	}
	a, err := s.facts(x)
	if err != nil {
		return false, err
	}
	b, err := s.facts(y)
	if err != nil {
		return false, err
	}
	common, err := commonKinds(a, b, beside)
	if err != nil || common == 0 {
		return err == nil, err
	}
	if apart, err := apartByValues(a, b); apart || err != nil {
		return apart, err
	}
	if common != kindObject {
		return false, nil
	}
	return s.apartByProperties(a, b, beside, depth)
}

// commonKinds are the types of values that are generated for one and that the other allows.
func commonKinds(a, b, beside *conj) (kind, error) {
	ak, err := a.allowedKinds()
	if err != nil {
		return 0, err
	}
	bk, err := b.allowedKinds()
	if err != nil || beside == nil {
		return ak & bk, err
	}
	made := kind(0)
	for _, c := range []*conj{a, b} {
		k, _, err := (&conj{schemas: c.schemas, all: slices.Concat(c.all, beside.all)}).kinds(!c.opt.Open)
		if err != nil {
			return 0, err
		}
		made |= k
	}
	return ak & bk & made, nil
}

// allowedKinds are the types of values that satisfy the schemas.
func (c *conj) allowedKinds() (kind, error) {
	kinds, _, err := c.kinds(false)
	if err != nil {
		return 0, err
	}
	values, listed, err := c.values()
	if !listed || err != nil {
		return kinds, err
	}
	of := kind(0)
	for _, v := range values {
		of |= v.kind
	}
	return kinds & of, nil
}

// facts are a schema and what it includes without choice.
func (s *schemas) facts(todo ...*value) (*conj, error) {
	c := &conj{schemas: s}
	for len(todo) > 0 && len(c.all) < maxAlternatives {
		v := todo[0]
		todo = todo[1:]
		if v.kind != kindObject || slices.Contains(c.all, v) {
			continue
		}
		c.all = append(c.all, v)
		more, err := s.included(v)
		if err != nil {
			return nil, err
		}
		todo = append(todo, more...)
	}
	return c, nil
}

func apartByValues(a, b *conj) (bool, error) {
	av, aListed, err := a.values()
	if err != nil || !aListed {
		return false, err
	}
	bv, bListed, err := b.values()
	if err != nil || !bListed {
		return false, err
	}
	for _, x := range av {
		for _, y := range bv {
			if x.canonical() == y.canonical() {
				return false, nil
			}
		}
	}
	return true, nil
}

// apartByProperties: what is generated for an alternative has no properties that neither it nor a schema beside it
// names, so it does not satisfy another one that needs such a property.
func (s *schemas) apartByProperties(a, b, beside *conj, depth int) (bool, error) {
	am, err := a.properties()
	if err != nil {
		return false, err
	}
	bm, err := b.properties()
	if err != nil {
		return false, err
	}
	if a.chooses(0) || b.chooses(0) {
		beside = nil // alternatives within may name more
	}
	for name, x := range am.named {
		y := bm.named[name]
		if x == nil || y == nil || !am.required[name] || !bm.required[name] {
			continue
		}
		if apart, err := s.apart(x, y, nil, depth+1); apart || err != nil {
			return apart, err
		}
	}
	if beside == nil {
		return false, nil
	}
	others, err := beside.properties()
	if err != nil || beside.chooses(1) {
		return false, err
	}
	return am.lacksOf(bm, others) && bm.lacksOf(am, others), nil
}

// chooses reports whether there are more than n choices among the schemas.
func (c *conj) chooses(n int) bool {
	for _, v := range c.all {
		for _, k := range []string{"anyOf", "oneOf"} {
			if v.get(k) != nil {
				n--
			}
		}
	}
	return n < 0
}

// shape is what is known of the properties of objects.
type shape struct {
	named    map[string]*value
	required map[string]bool
	closed   bool // no others
}

func (c *conj) properties() (*shape, error) {
	s := &shape{named: map[string]*value{}, required: map[string]bool{}, closed: !c.opt.Open}
	for _, v := range c.all {
		if p := v.get("properties"); p != nil {
			for _, m := range p.members {
				s.named[m.name] = m.value
			}
		}
		if r := v.get("required"); r != nil {
			names, err := r.names()
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				s.required[n] = true
			}
		}
		if a := v.get("additionalProperties"); a != nil && !a.isFalse() || v.get("patternProperties") != nil {
			s.closed = false
		}
	}
	return s, nil
}

// lacksOf reports whether objects of s never have all that o needs. others are the schemas beside both.
func (s *shape) lacksOf(o, others *shape) bool {
	if !s.closed || !others.closed || len(s.named)+len(others.named) == 0 {
		return false
	}
	for name := range o.required {
		if s.named[name] == nil && others.named[name] == nil && !s.required[name] && !others.required[name] {
			return true
		}
	}
	return false
}
