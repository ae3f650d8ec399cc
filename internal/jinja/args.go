package jinja

import "slices"

// args are the evaluated arguments of a call.
type args struct {
	pos   []Value
	names []string
	vals  []Value // of names
}

// index returns the place of a named argument, or -1.
func (a *args) index(name string) int { return slices.Index(a.names, name) }

// maxParams is the greatest number of parameters that bind takes.
const maxParams = 5

// bind returns the values of parameters, nil for those that are not given; the first required ones must be.
func (a *args) bind(r *run, fn string, required int, params ...string) [maxParams]Value {
	var out [maxParams]Value
	if len(a.pos) > len(params) {
		r.fail("%s takes at most %d arguments, not %d", fn, len(params), len(a.pos))
	}
	copy(out[:], a.pos)
	for i, name := range a.names {
		at := slices.Index(params, name)
		if at < 0 {
			r.fail("%s takes no argument named '%s'", fn, name)
		}
		if out[at] != nil {
			r.fail("%s has two values for '%s'", fn, name)
		}
		out[at] = a.vals[i]
	}
	for i := range required {
		if out[i] == nil {
			r.fail("%s needs the argument '%s'", fn, params[i])
		}
	}
	return out
}

// none fails if there is any argument.
func (a *args) none(r *run) {
	if len(a.pos)+len(a.names) > 0 {
		r.fail("the function takes no arguments")
	}
}

// args evaluates arguments.
func (r *run) args(l *argList, s *scope) args {
	var a args
	if n := len(l.pos) + 2*len(l.names); n > 0 {
		r.items(n)
	}
	if n := len(l.pos); n > 0 {
		a.pos = make([]Value, n)
		for i, x := range l.pos {
			a.pos[i] = x.eval(r, s)
		}
	}
	if n := len(l.names); n > 0 {
		a.names, a.vals = l.names, make([]Value, n)
		for i, x := range l.vals {
			a.vals[i] = x.eval(r, s)
		}
	}
	if l.star != nil {
		items := r.iterate(l.star.eval(r, s))
		r.items(len(items))
		a.pos = append(a.pos, items...)
	}
	if l.star2 != nil {
		r.spread(&a, l.star2.eval(r, s))
	}
	return a
}

// spread adds the entries of a dict to the named arguments.
func (r *run) spread(a *args, v Value) {
	d, ok := v.(*dict)
	if !ok {
		r.fail("argument after ** must be a mapping, not %s", typeName(v))
	}
	r.items(2 * d.len())
	a.names = slices.Clone(a.names)
	for _, e := range d.entries {
		name, ok := e.name.(text)
		if !ok {
			r.fail("keywords must be strings")
		}
		if a.index(name.s) >= 0 {
			r.fail("two values for the argument '%s'", name.s)
		}
		a.names, a.vals = append(a.names, name.s), append(a.vals, e.value)
	}
}

// call calls a value.
func (r *run) call(fn Value, a args) Value {
	r.step(1)
	switch f := fn.(type) {
	case *function:
		return f.call(r, a)
	case *object:
		if f.call != nil {
			return f.call(r, a)
		}
	case *undefined:
		r.fail("%s", f.why)
	}
	r.fail("'%s' object is not callable", typeName(fn))
	return nil
}

// integer returns an argument as an int; def if it is not given.
func (r *run) integer(v Value, def int) int {
	if v == nil {
		return def
	}
	return r.index(v)
}

// string returns an argument that must be a string.
func (r *run) string(v Value, fn string) text {
	t, ok := v.(text)
	if !ok {
		r.defined(v)
		r.fail("%s: expected str, found %s", fn, typeName(v))
	}
	return t
}
