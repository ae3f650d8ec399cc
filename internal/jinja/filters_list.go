package jinja

import "slices"

// filterList is list: a new list of the items.
func filterList(r *run, v Value, a args) Value {
	a.none(r)
	items := r.iterate(v)
	r.items(len(items))
	return newList(slices.Clone(items))
}

func filterFirst(r *run, v Value, a args) Value {
	a.none(r)
	if item, ok := r.puller(v)(); ok {
		return item
	}
	return &undefined{"No first item, sequence was empty."}
}

func filterLast(r *run, v Value, a args) Value {
	a.none(r)
	if _, ok := v.(*generator); ok {
		r.fail("'generator' object is not reversible")
	}
	if items := r.iterate(v); len(items) > 0 {
		return items[len(items)-1]
	}
	return &undefined{"No last item, sequence was empty."}
}

// filterReverse is reverse: a text backwards, or an iterable of the items.
func filterReverse(r *run, v Value, a args) Value {
	a.none(r)
	if t, ok := v.(text); ok {
		return r.sliceText(t, none{}, none{}, int64(-1))
	}
	items := r.iterate(v)
	r.items(len(items))
	items = slices.Clone(items)
	slices.Reverse(items)
	if _, ok := v.(*generator); ok {
		return newList(items)
	}
	return generate("list_reverseiterator", giver(items))
}

// filterJoin is join(d="", attribute=None).
func filterJoin(r *run, v Value, a args) Value {
	b := a.bind(r, "join", 0, "d", "attribute")
	sep := text{}
	if b[0] != nil {
		sep = r.str(b[0])
	}
	get := r.getter(b[1], nil)
	items := r.iterate(v)
	r.items(2 * len(items))
	parts := make([]text, len(items))
	html := sep.html
	for i, item := range items {
		parts[i] = r.str(get(item))
		html = html || parts[i].html
	}
	if r.escape && html {
		sep = r.escaped(sep)
		for i := range parts {
			parts[i] = r.escaped(parts[i])
		}
	}
	t := r.joined(parts, sep)
	t.html = r.escape && html
	return t
}

// filterSum is sum(attribute=None, start=0).
func filterSum(r *run, v Value, a args) Value {
	b := a.bind(r, "sum", 0, "attribute", "start")
	get, total := r.getter(b[0], nil), b[1]
	if total == nil {
		total = int64(0)
	}
	if isText(total) {
		r.fail("sum() can't sum strings [use ''.join(seq) instead]")
	}
	for _, item := range r.iterate(v) {
		r.step(1)
		total = r.arith("+", total, get(item))
	}
	return total
}

// filterMap is map(filter, …) or map(attribute=…, default=None).
func filterMap(r *run, v Value, a args) Value {
	return lazily("sync_do_map", func() func() (Value, bool) {
		if !r.truth(v) {
			return giver(nil)
		}
		apply := r.mapper(a)
		next := r.puller(v)
		return func() (Value, bool) {
			item, ok := next()
			if !ok {
				return nil, false
			}
			return apply(item), true
		}
	})
}

// mapper returns what map does with an item.
func (r *run) mapper(a args) func(Value) Value {
	if len(a.pos) == 0 && a.index("attribute") >= 0 {
		b := a.bind(r, "map", 0, "attribute", "default")
		return r.getter(b[0], b[1])
	}
	name, rest := r.nameOf(a, "map", "filter")
	f := filters[name]
	if f == nil {
		r.fail("No filter named '%s'.", name)
	}
	return func(item Value) Value {
		r.step(1)
		return f(r, item, rest)
	}
}

// nameOf takes the name of a filter or test from the arguments.
func (r *run) nameOf(a args, fn, what string) (string, args) {
	if len(a.pos) == 0 {
		r.fail("%s requires a %s argument", fn, what)
	}
	return r.string(a.pos[0], fn).s, args{pos: a.pos[1:], names: a.names, vals: a.vals}
}

// filterSelect returns select, reject, selectattr or rejectattr.
func filterSelect(attr, keep bool) filterFunc {
	return func(r *run, v Value, a args) Value {
		return lazily("select_or_reject", func() func() (Value, bool) {
			if !r.truth(v) {
				return giver(nil)
			}
			pass := r.selector(a, attr)
			next := r.puller(v)
			return func() (Value, bool) {
				for {
					item, ok := next()
					if !ok || pass(item) == keep {
						return item, ok
					}
				}
			}
		})
	}
}

// selector returns the test of select and its like.
func (r *run) selector(a args, attr bool) func(Value) bool {
	get := func(v Value) Value { return v }
	if attr {
		if len(a.pos) == 0 {
			r.fail("Missing parameter for attribute name")
		}
		get = r.getter(a.pos[0], nil)
		a.pos = a.pos[1:]
	}
	if len(a.pos) == 0 {
		return func(v Value) bool { return r.truth(get(v)) }
	}
	name, rest := r.nameOf(a, "select", "test")
	f := tests[name]
	if f == nil {
		r.fail("No test named '%s'.", name)
	}
	return func(v Value) bool {
		r.step(1)
		return f(r, get(v), rest)
	}
}

// filterBatch is batch(linecount, fill_with=None): lists of linecount items.
func filterBatch(r *run, v Value, a args) Value {
	b := a.bind(r, "batch", 1, "linecount", "fill_with")
	size := r.index(b[0])
	return lazily("do_batch", func() func() (Value, bool) {
		items := r.iterate(v)
		return func() (Value, bool) {
			if len(items) == 0 {
				return nil, false
			}
			n := min(max(size, 1), len(items))
			r.items(n)
			part := slices.Clone(items[:n])
			items = items[n:]
			if b[1] != nil && !isNone(b[1]) && len(part) < size {
				r.items(size - len(part))
				for len(part) < size {
					part = append(part, b[1])
				}
			}
			return newList(part), true
		}
	})
}

// filterSlice is slice(slices, fill_with=None): that many lists of about the same length.
func filterSlice(r *run, v Value, a args) Value {
	b := a.bind(r, "slice", 1, "slices", "fill_with")
	n := r.index(b[0])
	return lazily("sync_do_slice", func() func() (Value, bool) {
		items := r.iterate(v)
		if n == 0 {
			r.fail("integer division or modulo by zero")
		}
		i, size, extra := 0, 0, 0
		if n > 0 {
			size, extra = len(items)/n, len(items)%n
		}
		return func() (Value, bool) {
			if i >= n {
				return nil, false
			}
			k := size
			if i < extra {
				k++
			}
			r.items(k + 1)
			part := slices.Clone(items[:k])
			items = items[k:]
			if b[1] != nil && !isNone(b[1]) && i >= extra {
				part = append(part, b[1])
			}
			i++
			return newList(part), true
		}
	})
}
