package jinja

import (
	"math/big"
	"unicode/utf8"
)

// attr is v.name: an attribute or method, else the item of that name, else undefined.
func (r *run) attr(v Value, name string) Value {
	if a := r.attribute(v, name); a != nil {
		return a
	}
	if d, ok := v.(*dict); ok {
		if item, ok := d.named(name); ok {
			return item
		}
	}
	return r.missing(v, name)
}

// missing is what an attribute that is not there gives.
func (r *run) missing(v Value, name string) Value {
	r.defined(v)
	if isNone(v) {
		return &undefined{"'None' has no attribute '" + name + "'"}
	}
	return &undefined{"'" + typeName(v) + " object' has no attribute '" + name + "'"}
}

// attribute returns what Python's getattr finds, nil if nothing.
func (r *run) attribute(v Value, name string) Value {
	switch o := v.(type) {
	case *object:
		if a, ok := o.attr(r, name); ok {
			return a
		}
		return nil
	case *namespace:
		if a, ok := o.attrs.named(name); ok {
			return a
		}
		return nil
	case *function:
		if o.macro != nil {
			if a, ok := o.macro.attr(r, name); ok {
				return a
			}
		}
		return nil
	case *rangeValue:
		switch name {
		case "start":
			return o.start
		case "stop":
			return o.stop
		case "step":
			return o.step
		}
	case *list:
		for i, n := range o.names {
			if n == name && i < len(o.items) {
				return o.items[i]
			}
		}
	}
	if f := r.method(v, name); f != nil {
		return &function{name: name, call: func(r *run, a args) Value { return f(r, v, a) }}
	}
	return nil
}

// methodFunc is a method: its value, then its arguments.
type methodFunc func(r *run, v Value, a args) Value

// method returns a method of a value, nil if there is none of the name.
func (r *run) method(v Value, name string) methodFunc {
	switch v := v.(type) {
	case text:
		return strMethods[name]
	case *dict:
		return dictMethods[name]
	case *list:
		if v.tuple {
			return tupleMethods[name]
		}
		return listMethods[name]
	case *rangeValue:
		return rangeMethods[name]
	}
	return nil
}

// item is v[index]; what is not there is undefined.
func (r *run) item(v, index Value) Value {
	switch o := v.(type) {
	case *dict:
		if k, ok := keyOf(index); ok {
			if i := o.find(k); i >= 0 {
				return o.entries[i].value
			}
		}
	case *list:
		if isInt(index) {
			if i, ok := place(r.index(index), len(o.items)); ok {
				return o.items[i]
			}
			return r.noItem(v, index)
		}
	case *rangeValue:
		if isInt(index) {
			if i, ok := place(r.index(index), int(o.n)); ok {
				return o.at(int64(i))
			}
			return r.noItem(v, index)
		}
	case text:
		if isInt(index) {
			if t, ok := r.char(o, r.index(index)); ok {
				return t
			}
			return r.noItem(v, index)
		}
	}
	if name, ok := index.(text); ok {
		if a := r.attribute(v, name.s); a != nil {
			return a
		}
		return r.missing(v, name.s)
	}
	return r.noItem(v, index)
}

// noItem is the undefined value of an item that is not there.
func (r *run) noItem(v, index Value) Value {
	r.defined(v)
	switch index.(type) {
	case int64, *big.Int, bool, float64:
		return &undefined{"'" + typeName(v) + " object' has no element " + r.str(index).s}
	}
	return &undefined{"'" + typeName(v) + " object' has no such element"}
}

// place turns an index that may count from the end into one of n items.
func place(i, n int) (int, bool) {
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

// char returns the character at an index.
func (r *run) char(t text, i int) (text, bool) {
	r.scan(len(t.s))
	n := t.runes()
	i, ok := place(i, n)
	if !ok {
		return text{}, false
	}
	if n == len(t.s) {
		return t.cut(i, i+1), true
	}
	lo := runeOffset(t.s, i)
	return t.cut(lo, lo+runeLen(t.s[lo:])), true
}

// runeOffset returns where character i of s begins; len(s) if there are not so many.
func runeOffset(s string, i int) int {
	at := 0
	for ; i > 0 && at < len(s); i-- {
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return at
}

// slice is v[lo:hi:step], nil for a value that has no slices.
func (r *run) slice(v, lo, hi, step Value) Value {
	switch o := v.(type) {
	case text:
		return r.sliceText(o, lo, hi, step)
	case *list:
		from, n, by := r.sliceOf(len(o.items), lo, hi, step)
		r.items(n)
		items := make([]Value, n)
		for i := range items {
			items[i] = o.items[from+i*by]
		}
		return &list{items: items, tuple: o.tuple}
	case *rangeValue:
		from, n, by := r.sliceOf(int(o.n), lo, hi, step)
		out := &rangeValue{start: o.start + int64(from)*o.step, step: o.step * int64(by), n: int64(n)}
		out.stop = out.start + out.n*out.step
		return out
	}
	r.defined(v)
	return nil
}

// sliceOf returns the first index, the number of items and the step of a slice of n items.
func (r *run) sliceOf(n int, lo, hi, step Value) (from, count, by int) {
	by = 1
	if !isNone(step) {
		by = r.index(step)
	}
	if by == 0 {
		r.fail("slice step cannot be zero")
	}
	first, last := 0, n
	if by < 0 {
		first, last = n-1, -1
	}
	bound := func(v Value, def int) int {
		if isNone(v) {
			return def
		}
		i := r.index(v)
		if i < 0 {
			i += n
		}
		if by < 0 {
			return min(max(i, -1), n-1)
		}
		return min(max(i, 0), n)
	}
	from, to := bound(lo, first), bound(hi, last)
	switch {
	case by > 0 && to > from:
		count = (to-from-1)/by + 1
	case by < 0 && from > to:
		count = (from-to-1)/-by + 1
	}
	return from, count, by
}

// sliceText is a slice of a string, by characters.
func (r *run) sliceText(t text, lo, hi, step Value) Value {
	r.scan(len(t.s))
	n := t.runes()
	from, count, by := r.sliceOf(n, lo, hi, step)
	if count == 0 {
		return text{html: t.html}
	}
	if by == 1 {
		if n == len(t.s) {
			return t.cut(from, from+count)
		}
		a := runeOffset(t.s, from)
		return t.cut(a, a+runeOffset(t.s[a:], count))
	}
	r.spend(len(t.s) * 8)
	offsets := make([]int, 0, n+1)
	for i := range t.s {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(t.s))
	var b builder
	for i := range count {
		at := from + i*by
		b.cut(t, offsets[at], offsets[at+1])
	}
	out := b.text()
	out.html = t.html
	return out
}
