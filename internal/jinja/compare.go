package jinja

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// compare is a op b.
func (r *run) compare(op string, a, b Value) bool {
	switch op {
	case "==":
		return r.equal(a, b, 0)
	case "!=":
		return !r.equal(a, b, 0)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	c, ok := r.order(a, b, 0, op)
	if !ok { // a NaN
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// equal is Python's ==.
func (r *run) equal(a, b Value, depth int) bool {
	switch x := a.(type) {
	case text:
		y, ok := b.(text)
		if ok && len(x.s) == len(y.s) {
			r.scan(len(x.s))
			return x.s == y.s
		}
		return false
	case none:
		return isNone(b)
	case *undefined:
		return isUndefined(b)
	case *list:
		y, ok := b.(*list)
		return ok && x.tuple == y.tuple && r.equalItems(x.items, y.items, depth)
	case *dict:
		y, ok := b.(*dict)
		return ok && r.equalDicts(x, y, depth)
	case *rangeValue:
		y, ok := b.(*rangeValue)
		return ok && x.n == y.n && (x.n == 0 || x.start == y.start && (x.n == 1 || x.step == y.step))
	case *view:
		return r.equalViews(x, b, depth)
	}
	if isNumber(a) {
		if !isNumber(b) {
			return false
		}
		c, ok := compareNumbers(a, b)
		return ok && c == 0
	}
	return a == b // the same object
}

func (r *run) equalItems(a, b []Value, depth int) bool {
	r.nest(depth)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		r.step(1)
		if !r.equal(a[i], b[i], depth+1) {
			return false
		}
	}
	return true
}

func (r *run) equalDicts(a, b *dict, depth int) bool {
	r.nest(depth)
	if a.len() != b.len() {
		return false
	}
	for _, e := range a.entries {
		r.step(1)
		i := b.find(e.k)
		if i < 0 || !r.equal(e.value, b.entries[i].value, depth+1) {
			return false
		}
	}
	return true
}

// equalViews compares the keys or items of dicts as sets; values are equal only to themselves.
func (r *run) equalViews(a *view, b Value, depth int) bool {
	y, ok := b.(*view)
	if !ok || a.kind != y.kind {
		return false
	}
	switch {
	case a.kind == "dict_items":
		return r.equalDicts(a.of, y.of, depth)
	case a.kind == "dict_values" || a.of.len() != y.of.len():
		return a == y
	}
	for _, e := range a.of.entries {
		r.step(1)
		if y.of.find(e.k) < 0 {
			return false
		}
	}
	return true
}

// compareNumbers returns the order of two numbers; false if one is not a number.
func compareNumbers(a, b Value) (int, bool) {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y), true
		}
	}
	x, aFloat := a.(float64)
	y, bFloat := b.(float64)
	switch {
	case !aFloat && !bFloat:
		return bigOf(a).Cmp(bigOf(b)), true
	case aFloat && x != x || bFloat && y != y:
		return 0, false
	case aFloat && bFloat:
		return cmp.Compare(x, y), true
	case bFloat:
		c, _ := compareNumbers(b, a)
		return -c, true
	case math.IsInf(x, 0):
		return cmp.Compare(x, 0), true
	}
	return big.NewFloat(x).Cmp(new(big.Float).SetInt(bigOf(b))), true
}

// order returns the order of two values that have one; false if a NaN leaves it open. op is for the message.
func (r *run) order(a, b Value, depth int, op string) (int, bool) {
	switch x := a.(type) {
	case text:
		if y, ok := b.(text); ok {
			r.scan(min(len(x.s), len(y.s)))
			return strings.Compare(x.s, y.s), true // UTF-8 keeps the order of characters
		}
	case *list:
		if y, ok := b.(*list); ok && x.tuple == y.tuple {
			return r.orderItems(x.items, y.items, depth, op)
		}
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	r.defined(a)
	r.defined(b)
	r.fail("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	return 0, false
}

func (r *run) orderItems(a, b []Value, depth int, op string) (int, bool) {
	r.nest(depth)
	for i := range min(len(a), len(b)) {
		r.step(1)
		if !r.equal(a[i], b[i], depth+1) {
			return r.order(a[i], b[i], depth+1, op)
		}
	}
	return cmp.Compare(len(a), len(b)), true
}

// contains is v in seq.
func (r *run) contains(seq, v Value) bool {
	switch s := seq.(type) {
	case text:
		t, ok := v.(text)
		if !ok {
			r.defined(v)
			r.fail("'in <string>' requires string as left operand, not %s", typeName(v))
		}
		r.scan(len(s.s))
		return strings.Contains(s.s, t.s)
	case *dict:
		return s.find(r.key(v)) >= 0
	case *view:
		if s.kind == "dict_keys" {
			return s.of.find(r.key(v)) >= 0
		}
	case *rangeValue:
		return s.find(v) >= 0
	case *list:
		return r.indexIn(s.items, v) >= 0
	}
	return r.indexIn(r.iterate(seq), v) >= 0
}

// indexIn returns the place of the first item that equals v, or -1.
func (r *run) indexIn(items []Value, v Value) int {
	for i, item := range items {
		r.step(1)
		if r.equal(item, v, 0) {
			return i
		}
	}
	return -1
}

// find returns the place of a number in a range, or -1.
func (s *rangeValue) find(v Value) int64 {
	k, _ := keyOf(v)
	x := int64(k.n)
	last := s.start + (s.n-1)*s.step
	if k.kind != 'i' || s.n == 0 || x < min(s.start, last) || x > max(s.start, last) || (x-s.start)%s.step != 0 {
		return -1
	}
	return (x - s.start) / s.step
}

func (s *rangeValue) at(i int64) Value { return s.start + i*s.step }
