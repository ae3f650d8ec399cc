package tokenizer

import (
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// tmplNoAttr is the error of using something that is not there.
func tmplNoAttr(op *tmplOp) error {
	what := op.desc
	if what == "" {
		what = "a value"
	}
	if op.name == "" {
		return tmplEval("%s is undefined", what)
	}
	return tmplEval("%s is undefined (looking for %.60q in it)", what, op.name)
}

// tmplAttr is x.name: a method if the type has one of that name, else the
// item of a dict, else undefined.
func tmplAttr(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	v := args[0]
	if v.IsUndefined() {
		return v, tmplNoAttr(op)
	}
	if m, ok := g.method(v, op.name); ok {
		return g.bound(v, op.name, m), nil
	}
	return tmplKey(v, op.name), nil
}

// tmplKey returns the item of a dict, undefined for anything else.
func tmplKey(v jinja.Value, name string) jinja.Value {
	if v.IsDict() {
		item, _ := v.AsDict().Get(tmplStrKey(name))
		return item
	}
	return jinja.Undefined()
}

// tmplItem is x[key].
func tmplItem(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if args[0].IsUndefined() {
		return args[0], tmplNoAttr(op)
	}
	return g.item(args[0], args[1])
}

// item is v[key] for a defined v: a dict's item, a list's or string's element
// by number, negative from the end, else a method, else undefined.
func (g *tmplGuard) item(v, key jinja.Value) (jinja.Value, error) {
	if err := g.scanned(key); err != nil {
		return jinja.Undefined(), err
	}
	if tmplIsStr(key) {
		name := tmplStr(key)
		if item := tmplKey(v, name); !item.IsUndefined() {
			return item, nil
		}
		if m, ok := g.method(v, name); ok {
			return g.bound(v, name, m), nil
		}
		return jinja.Undefined(), nil
	}
	if v.IsDict() {
		name, _ := tmplKeyOf(key)
		item, _ := v.AsDict().Get(name)
		return item, nil
	}
	if !tmplIsInt(key) {
		return jinja.Undefined(), nil
	}
	i, err := tmplIndex(key)
	if err != nil {
		return jinja.Undefined(), err
	}
	switch tmplTypeOf(v) {
	case tmplList:
		l := v.AsList()
		if i < 0 {
			i += l.Len()
		}
		if i >= 0 && i < l.Len() {
			return l.Get(i), nil
		}
	case tmplString:
		return g.char(v, i)
	}
	return jinja.Undefined(), nil
}

// char returns a character of a string by number.
func (g *tmplGuard) char(v jinja.Value, i int) (jinja.Value, error) {
	s := tmplStr(v)
	if err := g.step(len(s) / 64); err != nil {
		return jinja.Undefined(), err
	}
	if i < 0 {
		i += utf8.RuneCountInString(s)
	}
	if i < 0 {
		return jinja.Undefined(), nil
	}
	for _, r := range s {
		if i == 0 {
			return tmplLike(v, string(r)), nil
		}
		i--
	}
	return jinja.Undefined(), nil
}

// tmplSlice is x[start:stop:step].
func tmplSlice(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	v := args[0]
	n, _ := tmplLen(v)
	switch tmplTypeOf(v) {
	case tmplUndef:
		return v, tmplNoAttr(op)
	case tmplList, tmplString:
	default:
		return jinja.Undefined(), nil
	}
	start, step, count, err := tmplRange(args[1:], n)
	if err != nil {
		return jinja.Undefined(), err
	}
	if tmplIsStr(v) {
		return g.sliceStr(v, start, step, count)
	}
	if err := g.items(count); err != nil {
		return jinja.Undefined(), err
	}
	out := make([]jinja.Value, count)
	for i := range out {
		out[i] = v.AsList().Items[start+i*step]
	}
	return jinja.NewList(out), nil
}

// sliceStr returns count characters of a string.
func (g *tmplGuard) sliceStr(v jinja.Value, start, step, count int) (jinja.Value, error) {
	s := tmplStr(v)
	if step == 1 { // a part of the text needs no new memory
		s = s[tmplOffset(s, start):]
		return tmplLike(v, s[:tmplOffset(s, count)]), g.step(len(s) / 64)
	}
	if err := g.spend(8 * len(s)); err != nil {
		return jinja.Undefined(), err
	}
	runes := []rune(s)
	out := make([]rune, count)
	for i := range out {
		out[i] = runes[start+i*step]
	}
	return tmplLike(v, string(out)), nil
}

// tmplOffset returns the offset of character n of s, its length if n is the
// number of characters.
func tmplOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// tmplRange resolves the bounds of a slice of n elements, each an integer or
// none, to the first index, the step and the number of elements.
func tmplRange(bounds []jinja.Value, n int) (start, step, count int, err error) {
	step = 1
	if !bounds[2].IsNone() {
		if step, err = tmplIndex(bounds[2]); err != nil {
			return 0, 0, 0, err
		}
	}
	lo, hi, first, last := 0, n, 0, n
	if step < 0 {
		lo, hi, first, last = -1, n-1, n-1, -1
	}
	if step == 0 {
		return 0, 0, 0, tmplEval("slice step is zero")
	}
	if start, err = tmplBound(bounds[0], n, lo, hi, first); err != nil {
		return 0, 0, 0, err
	}
	stop, err := tmplBound(bounds[1], n, lo, hi, last)
	if err != nil {
		return 0, 0, 0, err
	}
	step = min(max(step, -n-1), n+1)
	if step > 0 && stop > start {
		count = (stop-start-1)/step + 1
	} else if step < 0 && stop < start {
		count = (start-stop-1)/-step + 1
	}
	return start, step, count, nil
}

// tmplBound resolves one bound: none is def, negative counts from the end,
// and the result is kept within lo and hi.
func tmplBound(v jinja.Value, n, lo, hi, def int) (int, error) {
	if v.IsNone() {
		return def, nil
	}
	i, err := tmplIndex(v)
	if i < 0 {
		i += n
	}
	return min(max(i, lo), hi), err
}
