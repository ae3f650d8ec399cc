package grammar

import (
	"slices"

	"github.com/latentgo/latentgo/tokenizer/chat/notation"
)

// array is the grammar of arrays.
func (c *conj) array() (expr, error) {
	lo, hi, err := c.span("minItems", "maxItems")
	if err != nil {
		return nil, err
	}
	if err := c.refuseArray(hi); err != nil {
		return nil, err
	}
	prefix, rest, err := c.tuple()
	if err != nil {
		return nil, err
	}
	if wanted, err := c.contained(); wanted != nil || err != nil {
		if err == nil && (len(prefix) > 0 || lo > 1 || hi >= 0) {
			err = wanted.errorf(ErrUnsupported, "contains beside other keywords for items")
		}
		if err != nil {
			return nil, err
		}
		return c.containing(rest, wanted)
	}
	restExpr := expr(never)
	if rest != nil {
		if restExpr, err = c.schemas.of(rest...); err != nil {
			return nil, err
		}
		restExpr = c.item(restExpr)
	}
	var items []expr
	for _, set := range prefix {
		x, err := c.schemas.of(set...)
		if err != nil {
			return nil, err
		}
		items = append(items, c.item(x))
	}
	if n := slices.IndexFunc(prefix, hasFalse); n >= 0 { // no item there, nor behind
		items = items[:n]
		if hi < 0 || hi > n {
			hi = n
		}
	}
	if len(items) > 0 && !c.opt.Open {
		lo = max(lo, len(items))
		if hi >= 0 {
			lo = min(lo, hi)
		}
	}
	if len(items) == 0 && lo == 0 && hi < 0 && len(rest) == 0 && rest != nil {
		return c.anyArray(), nil
	}
	if hi >= 0 && lo > hi {
		return never, nil
	}
	return c.enclose(&c.n.Array, c.items(&c.n.Array, items, restExpr, 0, lo, hi)), nil
}

// hasFalse reports whether nothing satisfies all of a list.
func hasFalse(set []*value) bool { return slices.ContainsFunc(set, (*value).isFalse) }

// items are the members, or items, from number n on.
func (c *conj) items(m *notation.Members, prefix []expr, rest expr, n, lo, hi int) expr {
	if hi >= 0 && n >= hi {
		return seq{}
	}
	if n < len(prefix) {
		x := seq{prefix[n], c.items(m, prefix, rest, n+1, lo, hi)}
		if n > 0 {
			x = append(seq{c.comma(m)}, x...)
		}
		if n >= lo {
			return opt(x)
		}
		return x
	}
	// What is left is any number of the same.
	lo = max(lo-n, 0)
	if hi >= 0 {
		hi -= n
	}
	if n > 0 {
		return rep{seq{c.comma(m), rest}, lo, hi}
	}
	if hi > 0 {
		hi--
	}
	more := seq{rest, rep{seq{c.comma(m), rest}, max(lo-1, 0), hi}}
	if lo == 0 {
		return opt(more)
	}
	return more
}

// tuple returns the schemas of the first items, one by one, and those of all others: nil means that there are none.
func (c *conj) tuple() (prefix [][]*value, rest []*value, err error) {
	rest = []*value{}
	closed, length := false, 0
	type part struct {
		prefix []*value
		items  *value
	}
	var parts []part
	for _, v := range c.all {
		var p part
		p.items = v.get("items")
		first := v.get("prefixItems")
		if p.items != nil && p.items.kind == kindArray { // as drafts before 2020 have it
			first, p.items = p.items, v.get("additionalItems")
		}
		if first != nil {
			if p.prefix, err = first.list(); err != nil {
				return nil, nil, err
			}
			if p.items == nil && !c.opt.Open {
				closed = true
			}
		}
		length = max(length, len(p.prefix))
		parts = append(parts, p)
	}
	for i := range length {
		var set []*value
		for _, p := range parts {
			switch {
			case i < len(p.prefix):
				set = append(set, p.prefix[i])
			case p.items != nil:
				set = append(set, p.items)
			}
		}
		prefix = append(prefix, set)
	}
	for _, p := range parts {
		if p.items != nil {
			rest = append(rest, p.items)
		}
	}
	if u := c.all[0].get("unevaluatedItems"); u.isFalse() && len(rest) == 0 {
		closed = true
	}
	if closed && len(rest) == 0 || hasFalse(rest) {
		rest = nil
	}
	return prefix, rest, nil
}

// refuseArray is an error for what no grammar can enforce of arrays with at most hi items.
func (c *conj) refuseArray(hi int) error {
	for _, v := range c.all {
		u := v.get("unevaluatedItems")
		if u != nil && !u.isTrue() && (!u.isFalse() || !c.sees(v) || c.has("contains")) {
			return u.errorf(ErrUnsupported, "unevaluatedItems here")
		}
	}
	return c.each("uniqueItems", func(v *value) error {
		if v.isTrue() && (hi < 0 || hi > 1) {
			return v.errorf(ErrUnsupported, "uniqueItems")
		}
		return nil
	})
}

// sees reports whether unevaluatedItems or unevaluatedProperties of v speak of all that is known of the value.
func (c *conj) sees(v *value) bool {
	return c.whole && v == c.all[0] && !slices.ContainsFunc([]string{"not", "dependencies", "dependentSchemas",
		"dependentRequired"}, c.has)
}

// has reports whether a keyword is there.
func (c *conj) has(keyword string) bool {
	return slices.ContainsFunc(c.all, func(v *value) bool { return v.get(keyword) != nil })
}

// contained returns the schema that one of the items has to satisfy, nil for none.
func (c *conj) contained() (wanted *value, err error) {
	for _, v := range c.all {
		x := v.get("contains")
		if x == nil {
			continue
		}
		least := 1
		if n := v.get("minContains"); n != nil {
			if least, err = n.count(); err != nil {
				return nil, err
			}
		}
		if least > 1 || wanted != nil || v.get("maxContains") != nil {
			return nil, x.errorf(ErrUnsupported, "contains more than once, or at most so often")
		}
		if least == 1 {
			wanted = x
		}
	}
	return wanted, nil
}

// containing is the arrays with an item that satisfies wanted.
func (c *conj) containing(rest []*value, wanted *value) (expr, error) {
	if rest == nil {
		return never, nil
	}
	item, err := c.schemas.of(rest...)
	if err != nil {
		return nil, err
	}
	one, err := c.schemas.of(append(slices.Clone(rest), wanted)...)
	if err != nil {
		return nil, err
	}
	item, one = c.item(item), c.item(one)
	comma := c.comma(&c.n.Array)
	return c.enclose(&c.n.Array, seq{star(seq{item, comma}), one, star(seq{comma, item})}), nil
}
