package grammar

import "slices"

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
	restExpr := expr(never)
	if rest != nil {
		if restExpr, err = c.schemas.of(rest...); err != nil {
			return nil, err
		}
	}
	var items []expr
	for _, set := range prefix {
		x, err := c.schemas.of(set...)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
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
	return c.enclose("[", c.items(items, restExpr, 0, lo, hi), "]"), nil
}

// items are those from number n on.
func (c *conj) items(prefix []expr, rest expr, n, lo, hi int) expr {
	if hi >= 0 && n >= hi {
		return seq{}
	}
	if n < len(prefix) {
		x := seq{prefix[n], c.items(prefix, rest, n+1, lo, hi)}
		if n > 0 {
			x = append(seq{c.comma()}, x...)
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
		return rep{seq{c.comma(), rest}, lo, hi}
	}
	if hi > 0 {
		hi--
	}
	more := seq{rest, rep{seq{c.comma(), rest}, max(lo-1, 0), hi}}
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
	if closed && len(rest) == 0 || slices.ContainsFunc(rest, (*value).isFalse) {
		rest = nil
	}
	return prefix, rest, nil
}

// refuseArray is an error for what no grammar can enforce of arrays with at most hi items.
func (c *conj) refuseArray(hi int) error {
	for _, name := range []string{"contains", "unevaluatedItems"} {
		err := c.each(name, func(v *value) error {
			if v.isTrue() && name == "unevaluatedItems" {
				return nil
			}
			return v.errorf(ErrUnsupported, "%s", name)
		})
		if err != nil {
			return err
		}
	}
	return c.each("uniqueItems", func(v *value) error {
		if v.isTrue() && (hi < 0 || hi > 1) {
			return v.errorf(ErrUnsupported, "uniqueItems")
		}
		return nil
	})
}
