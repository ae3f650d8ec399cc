package tokenizer

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplCompare runs a chain of comparisons; op.kw has the operators between
// the operands.
func tmplCompare(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	for i, rel := range op.kw {
		ok, err := g.relation(rel, args[i], args[i+1])
		if err != nil || !ok {
			return jinja.NewBool(false), err
		}
	}
	return jinja.NewBool(true), nil
}

// relation is a rel b.
func (g *tmplGuard) relation(rel string, a, b jinja.Value) (bool, error) {
	switch rel {
	case "==", "!=":
		eq, err := g.equal(a, b, 0)
		return eq == (rel == "=="), err
	case "in", "not in":
		in, err := g.contains(b, a)
		return in == (rel == "in"), err
	}
	c, err := g.order(a, b, 0)
	if err != nil || c == tmplUnordered {
		return false, err
	}
	switch rel {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

// equal is a == b.
func (g *tmplGuard) equal(a, b jinja.Value, depth int) (bool, error) {
	if err := g.nest(depth); err != nil {
		return false, err
	}
	if tmplIsNum(a) && tmplIsNum(b) {
		return tmplOrderNum(a, b) == 0, nil
	}
	t := tmplTypeOf(a)
	if t != tmplTypeOf(b) {
		return false, nil
	}
	switch t {
	case tmplUndef, tmplNone:
		return true, nil
	case tmplString:
		return tmplStr(a) == tmplStr(b), g.step(len(tmplStr(a)) / 64)
	case tmplList:
		if g.isTuple(a) != g.isTuple(b) {
			return false, nil
		}
		return g.equalList(a.AsList().Items, b.AsList().Items, depth)
	case tmplDict:
		return g.equalDict(a.AsDict(), b.AsDict(), depth)
	}
	return false, nil
}

// equalList is == for lists and tuples: the same length and equal items.
func (g *tmplGuard) equalList(a, b []jinja.Value, depth int) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if eq, err := g.equal(a[i], b[i], depth+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

// equalDict is == for dicts: equal values by key, in any order.
func (g *tmplGuard) equalDict(a, b *jinja.Dict, depth int) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	for _, key := range a.Keys {
		other, ok := b.Get(key)
		if !ok {
			return false, nil
		}
		if eq, err := g.equal(a.Data[key], other, depth+1); err != nil || !eq {
			return false, err
		}
	}
	return true, nil
}

// tmplUnordered is the order of a NaN and anything.
const tmplUnordered = 2

// order returns -1, 0, 1 or tmplUnordered for two numbers, strings or lists.
func (g *tmplGuard) order(a, b jinja.Value, depth int) (int, error) {
	if err := g.nest(depth); err != nil {
		return 0, err
	}
	ta, tb := tmplTypeOf(a), tmplTypeOf(b)
	switch {
	case tmplIsNum(a) && tmplIsNum(b):
		return tmplOrderNum(a, b), nil
	case ta == tmplString && tb == tmplString:
		return strings.Compare(tmplStr(a), tmplStr(b)), g.step(len(tmplStr(a)) / 64)
	case ta == tmplList && tb == tmplList:
		la, lb := a.AsList().Items, b.AsList().Items
		for i := range min(len(la), len(lb)) {
			eq, err := g.equal(la[i], lb[i], depth+1)
			if err != nil {
				return 0, err
			}
			if !eq {
				return g.order(la[i], lb[i], depth+1)
			}
		}
		return cmp.Compare(len(la), len(lb)), nil
	}
	return 0, tmplEval("%v and %v have no order", ta, tb)
}

// tmplOrderNum compares numbers exactly.
func tmplOrderNum(a, b jinja.Value) int {
	if tmplIsInt(a) && tmplIsInt(b) {
		return tmplBig(a).Cmp(tmplBig(b))
	}
	fa, fb := tmplFloatOf(a), tmplFloatOf(b)
	if math.IsNaN(fa) || math.IsNaN(fb) {
		return tmplUnordered
	}
	if fa != fb || math.IsInf(fa, 0) {
		return cmp.Compare(fa, fb)
	}
	return tmplExact(a).Cmp(tmplExact(b)) // an integer may have been rounded
}

// tmplExact returns a finite number without rounding.
func tmplExact(v jinja.Value) *big.Float {
	if v.IsFloat() {
		return big.NewFloat(v.AsFloat())
	}
	n := tmplBig(v)
	return new(big.Float).SetPrec(uint(max(64, n.BitLen()))).SetInt(n)
}

// contains is item in container.
func (g *tmplGuard) contains(container, item jinja.Value) (bool, error) {
	switch tmplTypeOf(container) {
	case tmplUndef:
		return false, nil
	case tmplString:
		if !tmplIsStr(item) {
			return false, tmplEval("%v in str is not possible", tmplTypeOf(item))
		}
		s := tmplStr(container)
		return strings.Contains(s, tmplStr(item)), g.step(len(s) / 64)
	case tmplDict:
		key, ok := tmplKeyOf(item)
		return ok && container.AsDict().Has(key), g.scanned(item)
	case tmplList, tmplGenerator:
		items, err := g.iterate(container)
		if err != nil {
			return false, err
		}
		for _, v := range items {
			if eq, err := g.equal(v, item, 0); err != nil || eq {
				return eq, err
			}
		}
		return false, nil
	}
	return false, tmplEval("%v is not iterable", tmplTypeOf(container))
}
