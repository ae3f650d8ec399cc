package tokenizer

import (
	"fmt"

	"github.com/ardanlabs/jinja"
)

// tmplGlobals are the functions that every template sees: those of Jinja2
// and the two that transformers adds. A variable of the same name hides one.
var tmplGlobals map[string]tmplFunc

func init() {
	tmplGlobals = map[string]tmplFunc{
		"range":           tmplRangeFunc,
		"dict":            tmplDictFunc,
		"namespace":       tmplNamespace,
		"joiner":          tmplJoiner,
		"cycler":          tmplCycler,
		"raise_exception": tmplRaise,
		"strftime_now":    tmplStrftimeNow,
	}
}

// tmplMaxRange is the longest range, the limit of Jinja2's sandbox.
const tmplMaxRange = 100_000

// tmplRangeFunc is range([start,] stop [, step]).
func tmplRangeFunc(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	if len(a.names) > 0 || len(a.pos) < 1 || len(a.pos) > 3 {
		return jinja.Undefined(), tmplEval("range takes one to three arguments")
	}
	nums := [3]int{0, 0, 1}
	for i, v := range a.pos {
		n, err := tmplIndex(v)
		if err != nil {
			return jinja.Undefined(), err
		}
		nums[i] = n
	}
	start, stop, step := nums[0], nums[1], nums[2]
	if len(a.pos) == 1 {
		start, stop = 0, nums[0]
	}
	count, err := tmplCount(start, stop, step)
	if err == nil {
		err = g.items(count)
	}
	if err != nil {
		return jinja.Undefined(), err
	}
	items := make([]jinja.Value, count)
	for i := range items {
		items[i] = jinja.NewInt(int64(start + i*step))
	}
	return jinja.NewList(items), nil
}

// tmplCount returns the length of a range. Bounds are within ±tmplFar, so that
// no difference overflows.
func tmplCount(start, stop, step int) (int, error) {
	span, by := stop-start, step
	if step == 0 {
		return 0, tmplEval("range step is zero")
	}
	if step < 0 {
		span, by = -span, -step
	}
	if span <= 0 {
		return 0, nil
	}
	if n := (span-1)/by + 1; n <= tmplMaxRange {
		return n, nil
	}
	return 0, fmt.Errorf("%w: range longer than %d", ErrTemplateLimit, tmplMaxRange)
}

// fill sets the items of a dict from a dict argument and named ones.
func (g *tmplGuard) fill(d *jinja.Dict, a tmplArgs) error {
	if err := g.items(2*len(a.names) + 4); err != nil {
		return err
	}
	if len(a.pos) > 1 {
		return tmplEval("%s takes one positional argument", a.fn)
	}
	for _, v := range a.pos {
		if err := g.merge(d, v); err != nil {
			return err
		}
	}
	for i, name := range a.names {
		d.Set(name, a.vals[i])
	}
	return nil
}

// merge copies the items of a dict, or of a list of pairs, into d.
func (g *tmplGuard) merge(d *jinja.Dict, from jinja.Value) error {
	if from.IsDict() {
		for _, key := range from.AsDict().Keys {
			d.Set(key, from.AsDict().Data[key])
		}
		return g.items(2 * from.AsDict().Len())
	}
	pairs, err := g.iterate(from)
	if err == nil {
		err = g.items(2 * len(pairs))
	}
	for _, pair := range pairs {
		if err != nil {
			break
		}
		if !pair.IsList() || pair.AsList().Len() != 2 {
			return tmplEval("a dict is made of pairs")
		}
		key, ok := tmplKeyOf(pair.AsList().Get(0))
		if !ok {
			return tmplEval("%v cannot be the key of a dict", tmplTypeOf(pair.AsList().Get(0)))
		}
		d.Set(key, pair.AsList().Get(1))
	}
	return err
}

// tmplDictFunc is dict(…).
func tmplDictFunc(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	d := jinja.NewDict()
	return d, g.fill(d.AsDict(), a)
}

// tmplNamespace is namespace(…), a dict whose attributes can be set.
func tmplNamespace(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	d := jinja.NewDict()
	g.spaces[d.AsDict()] = true
	return d, g.fill(d.AsDict(), a)
}

// tmplJoiner is joiner(sep=", "): a function that returns "" at first.
func tmplJoiner(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("sep")
	if err != nil {
		return jinja.Undefined(), err
	}
	sep := args[0]
	if sep.IsUndefined() {
		sep = jinja.NewString(", ")
	}
	used := false
	return g.function("joiner()", func(*tmplGuard, tmplArgs) (jinja.Value, error) {
		if used {
			return sep, nil
		}
		used = true
		return jinja.NewString(""), nil
	}), nil
}

// tmplCycler is cycler(…): an object with next(), reset() and current.
func tmplCycler(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	if len(a.pos) == 0 || len(a.names) > 0 {
		return jinja.Undefined(), tmplEval("cycler takes values")
	}
	items, at := append([]jinja.Value(nil), a.pos...), 0
	v := jinja.NewDict()
	d := v.AsDict()
	g.spaces[d] = true // no methods of a dict
	d.Set("current", items[0])
	d.Set("next", g.function("next", func(*tmplGuard, tmplArgs) (jinja.Value, error) {
		item := items[at]
		at = (at + 1) % len(items)
		d.Set("current", items[at])
		return item, nil
	}))
	d.Set("reset", g.function("reset", func(*tmplGuard, tmplArgs) (jinja.Value, error) {
		at = 0
		d.Set("current", items[0])
		return jinja.None(), nil
	}))
	return v, g.items(len(items) + 8)
}

// tmplRaise is raise_exception(message).
func tmplRaise(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("message")
	if err != nil {
		return jinja.Undefined(), err
	}
	text, err := g.str(args[0])
	if err == nil {
		err = &RaiseError{Message: text}
	}
	return jinja.Undefined(), err
}

// tmplStrftimeNow is strftime_now(format).
func tmplStrftimeNow(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("format")
	if err != nil {
		return jinja.Undefined(), err
	}
	if !tmplIsStr(args[0]) {
		return jinja.Undefined(), tmplEval("strftime_now takes a format")
	}
	format := tmplStr(args[0])
	if err := g.spend(16 * len(format)); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewString(tmplStrftime(g.now, format)), nil
}
