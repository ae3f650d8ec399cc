package jinja

import "strings"

// globals are the functions that every template sees: those of Jinja2, and the two that transformers adds.
var globals map[string]*function

func init() {
	globals = map[string]*function{}
	for name, f := range map[string]func(*run, args) Value{
		"range": globalRange, "dict": globalDict, "namespace": globalNamespace, "joiner": globalJoiner, "cycler": globalCycler,
		"raise_exception": globalRaise, "strftime_now": globalStrftimeNow,
	} {
		globals[name] = &function{name: name, call: f}
	}
}

// maxRange is the longest range, the limit of Jinja2's sandbox.
const maxRange = 100_000

// globalRange is range([start,] stop [, step]).
func globalRange(r *run, a args) Value {
	if len(a.names) > 0 || len(a.pos) < 1 || len(a.pos) > 3 {
		r.fail("range takes one to three arguments")
	}
	nums := [3]int{0, 0, 1}
	for i, v := range a.pos {
		nums[i] = r.index(v)
	}
	start, stop, step := nums[0], nums[1], nums[2]
	if len(a.pos) == 1 {
		start, stop = 0, nums[0]
	}
	if step == 0 {
		r.fail("range() arg 3 must not be zero")
	}
	span, by := stop-start, step // within ±2^63: no overflow, as index keeps to ±MaxInt/2
	if step < 0 {
		span, by = -span, -step
	}
	n := 0
	if span > 0 {
		n = (span-1)/by + 1
	}
	if n > maxRange {
		r.limit("a range of %d items, at most %d", n, maxRange)
	}
	r.items(2)
	return &rangeValue{int64(start), int64(stop), int64(step), int64(n)}
}

// fill sets the items of a dict from a dict or a list of pairs, and from named arguments.
func (r *run) fill(d *dict, a args, fn string) {
	r.items(3*len(a.names) + 2)
	if len(a.pos) > 1 {
		r.fail("%s takes one positional argument", fn)
	}
	for _, v := range a.pos {
		r.merge(d, v)
	}
	for i, name := range a.names {
		d.setNamed(name, a.vals[i])
	}
}

// merge copies the items of a dict, or of an iterable of pairs, into d.
func (r *run) merge(d *dict, from Value) {
	if src, ok := from.(*dict); ok {
		r.items(3 * src.len())
		for _, e := range src.entries {
			d.set(e.k, e.name, e.value)
		}
		return
	}
	r.defined(from)
	pairs := r.iterate(from)
	r.items(3 * len(pairs))
	for _, pair := range pairs {
		kv := r.unpack(pair, 2)
		r.put(d, kv[0], kv[1])
	}
}

// globalDict is dict(…).
func globalDict(r *run, a args) Value {
	d := &dict{}
	r.fill(d, a, "dict")
	return d
}

// globalNamespace is namespace(…).
func globalNamespace(r *run, a args) Value { return &namespace{globalDict(r, a).(*dict)} }

// globalJoiner is joiner(sep=", "): a function that returns nothing the first time.
func globalJoiner(r *run, a args) Value {
	sep := a.bind(r, "joiner", 0, "sep")[0]
	if sep == nil {
		sep = own(", ")
	}
	used := false
	return &function{name: "joiner", call: func(r *run, a args) Value {
		a.none(r)
		if used {
			return sep
		}
		used = true
		return text{}
	}}
}

// globalCycler is cycler(…): an object with next(), reset() and current.
func globalCycler(r *run, a args) Value {
	if len(a.pos) == 0 || len(a.names) > 0 {
		r.fail("at least one item has to be provided")
	}
	r.items(len(a.pos))
	items, at := append([]Value(nil), a.pos...), 0
	next := &function{name: "next", call: func(r *run, a args) Value {
		a.none(r)
		item := items[at]
		at = (at + 1) % len(items)
		return item
	}}
	reset := &function{name: "reset", call: func(r *run, a args) Value {
		a.none(r)
		at = 0
		return none{}
	}}
	return &object{kind: "Cycler", attr: func(_ *run, name string) (Value, bool) {
		switch name {
		case "current":
			return items[at], true
		case "next":
			return next, true
		case "reset":
			return reset, true
		}
		return nil, false
	}}
}

// globalRaise is raise_exception(message).
func globalRaise(r *run, a args) Value {
	r.abort(&RaiseError{r.str(a.bind(r, "raise_exception", 1, "message")[0]).s})
	return nil
}

// globalStrftimeNow is strftime_now(format).
func globalStrftimeNow(r *run, a args) Value {
	format := r.string(a.bind(r, "strftime_now", 1, "format")[0], "strftime_now")
	r.repeat(len(format.s), 16)
	r.repeat(strings.Count(format.s, "%"), 1000) // the greatest width
	r.step(2 * len(format.s))
	return format.like(strftime(r.now, format.s))
}
