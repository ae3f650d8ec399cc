package tokenizer

import (
	"slices"
	"strings"

	"github.com/ardanlabs/jinja"
)

// Filters on sequences.

// attribute follows a path such as "function.name" or 0 from an item.
func (g *tmplGuard) attribute(item, path, def jinja.Value) (jinja.Value, error) {
	parts := []jinja.Value{path}
	if tmplIsStr(path) {
		parts = parts[:0]
		for part := range strings.SplitSeq(tmplStr(path), ".") {
			key := jinja.NewString(part)
			if part != "" && strings.Trim(part, "0123456789") == "" {
				key, _ = tmplIntFilter(g, key, tmplArgs{})
			}
			parts = append(parts, key)
		}
	}
	for _, part := range parts {
		if item.IsUndefined() {
			return item, tmplEval("an item is undefined")
		}
		var err error
		if item, err = g.item(item, part); err != nil {
			return item, err
		}
		if item.IsUndefined() && !def.IsUndefined() && !def.IsNone() {
			item = def
		}
	}
	return item, g.step(len(parts))
}

// attributes follows a path from each item; an undefined or none path gives
// the items themselves.
func (g *tmplGuard) attributes(items []jinja.Value, path, def jinja.Value) ([]jinja.Value, error) {
	if path.IsUndefined() || path.IsNone() {
		return items, nil
	}
	if err := g.items(len(items)); err != nil {
		return nil, err
	}
	out := make([]jinja.Value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = g.attribute(item, path, def); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tmplListFilter is list: a new list of the items.
func tmplListFilter(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	items, err := g.iterate(v)
	if err != nil {
		return v, err
	}
	return g.addList(items, nil)
}

// tmplFirst is first: undefined if there is nothing.
func tmplFirst(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if tmplIsStr(v) {
		return g.char(v, 0)
	}
	items, err := g.iterate(v)
	if err != nil || len(items) == 0 {
		return jinja.Undefined(), err
	}
	return items[0], nil
}

// tmplLast is last: undefined if there is nothing.
func tmplLast(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if tmplIsStr(v) {
		return g.char(v, -1)
	}
	items, err := g.iterate(v)
	if err != nil || len(items) == 0 {
		return jinja.Undefined(), err
	}
	return items[len(items)-1], nil
}

// tmplReverse is reverse: a string for a string, else a generator.
func tmplReverse(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	items, err := g.iterate(v)
	if err == nil {
		err = g.items(len(items))
	}
	if err != nil {
		return v, err
	}
	items = slices.Clone(items)
	slices.Reverse(items)
	if !tmplIsStr(v) {
		return tmplGenerate(items), nil
	}
	var b strings.Builder
	for _, item := range items {
		b.WriteString(tmplStr(item))
	}
	return tmplLike(v, b.String()), nil
}

// tmplSum is sum(attribute=none, start=0).
func tmplSum(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("attribute", "start")
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err == nil {
		items, err = g.attributes(items, args[0], jinja.Undefined())
	}
	total := args[1]
	if total.IsUndefined() {
		total = jinja.NewInt(0)
	}
	for _, item := range items {
		if err != nil {
			break
		}
		total, err = g.arith("+", total, item)
	}
	return total, err
}

// iterateAny is iterate for the filters to which none and false are empty.
func (g *tmplGuard) iterateAny(v jinja.Value) ([]jinja.Value, error) {
	if !v.IsTruthy() {
		return nil, nil
	}
	return g.iterate(v)
}

// tmplMap is map(attribute=…, default=…) or map(filter, arguments…).
func tmplMap(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	items, err := g.iterateAny(v)
	if err != nil {
		return v, err
	}
	if len(a.pos) == 0 {
		args, err := a.bind("attribute", "default")
		if err == nil && args[0].IsUndefined() {
			err = tmplEval("map needs a filter or an attribute")
		}
		if err != nil {
			return v, err
		}
		items, err = g.attributes(items, args[0], args[1])
		return tmplGenerate(items), err
	}
	if !tmplIsStr(a.pos[0]) {
		return v, tmplEval("map takes the name of a filter")
	}
	op := &tmplOp{name: tmplStr(a.pos[0]), kw: a.names}
	rest := append(slices.Clone(a.pos[1:]), a.vals...)
	return g.mapItems(items, func(item jinja.Value) (jinja.Value, error) {
		return tmplFilterOp(g, op, append([]jinja.Value{item}, rest...))
	})
}

// mapItems returns a generator of what f makes of each item.
func (g *tmplGuard) mapItems(items []jinja.Value, f func(jinja.Value) (jinja.Value, error)) (jinja.Value, error) {
	if err := g.items(len(items)); err != nil {
		return jinja.Undefined(), err
	}
	out := make([]jinja.Value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = f(item); err != nil {
			return jinja.Undefined(), err
		}
	}
	return tmplGenerate(out), nil
}

// tmplSelector returns select, reject, selectattr or rejectattr.
func tmplSelector(attr, want bool) tmplFilter {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		path := jinja.Undefined()
		if attr {
			if len(a.pos) == 0 {
				return v, tmplEval("%s needs an attribute", a.fn)
			}
			path, a.pos = a.pos[0], a.pos[1:]
		}
		items, err := g.iterateAny(v)
		if err != nil {
			return v, err
		}
		keys, err := g.attributes(items, path, jinja.Undefined())
		if err != nil {
			return v, err
		}
		var out []jinja.Value
		for i, item := range items {
			ok, err := g.passes(keys[i], a)
			if err != nil {
				return v, err
			}
			if ok == want {
				out = append(out, item)
			}
		}
		return tmplGenerate(out), g.items(len(out))
	}
}

// passes applies the test that the arguments name; none means truth.
func (g *tmplGuard) passes(v jinja.Value, a tmplArgs) (bool, error) {
	if len(a.pos) == 0 {
		return v.IsTruthy(), g.step(1)
	}
	name, err := a.strArg(a.pos[0])
	if err == nil {
		err = g.step(1)
	}
	if err != nil {
		return false, err
	}
	return g.test(name, v, tmplArgs{pos: a.pos[1:], names: a.names, vals: a.vals})
}

// tmplBatch is batch(linecount, fill_with=none).
func tmplBatch(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("linecount", "fill_with")
	if err != nil {
		return v, err
	}
	n, err := tmplIndex(args[0])
	if err == nil && (n < 1 || n > tmplMaxRange) {
		err = tmplEval("batch of %d", n)
	}
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err == nil {
		err = g.items(2*len(items) + n)
	}
	if err != nil {
		return v, err
	}
	var out []jinja.Value
	for part := range slices.Chunk(items, n) {
		part = slices.Clone(part)
		for len(part) < n && !args[1].IsUndefined() && !args[1].IsNone() {
			part = append(part, args[1])
		}
		out = append(out, jinja.NewList(part))
	}
	return tmplGenerate(out), nil
}

// tmplSliceFilter is slice(slices, fill_with=none): columns of nearly equal
// length.
func tmplSliceFilter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("slices", "fill_with")
	if err != nil {
		return v, err
	}
	n, err := tmplIndex(args[0])
	if err == nil && (n < 1 || n > tmplMaxRange) {
		err = tmplEval("%d slices", n)
	}
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err == nil {
		err = g.items(len(items) + 2*n)
	}
	if err != nil {
		return v, err
	}
	out, at := make([]jinja.Value, n), 0
	for i := range out {
		size := len(items) / n
		if i < len(items)%n {
			size++
		}
		part := slices.Clone(items[at : at+size])
		if i >= len(items)%n && !args[1].IsUndefined() && !args[1].IsNone() {
			part = append(part, args[1])
		}
		out[i], at = jinja.NewList(part), at+size
	}
	return tmplGenerate(out), nil
}
