package tokenizer

import (
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// The operations of a lowered template. Each gets its fixed part and its
// evaluated operands.

// tmplText writes literal text.
func tmplText(g *tmplGuard, op *tmplOp, _ []jinja.Value) (jinja.Value, error) {
	return jinja.NewString(op.text), g.write(len(op.text))
}

// tmplOutput writes the value of {{ … }}.
func tmplOutput(g *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	s, err := g.str(args[0])
	if err == nil {
		err = g.write(len(s))
	}
	return jinja.NewString(s), err
}

// tmplPass counts a pass of a loop. At the first one it adds to the library's
// loop variable what that lacks.
func tmplPass(g *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if len(args) > 0 && args[0].IsDict() && !args[0].AsDict().Has("depth") {
		loop, last := args[0].AsDict(), jinja.NewList(nil)
		loop.Set("depth", jinja.NewInt(1))
		loop.Set("depth0", jinja.NewInt(0))
		loop.Set("changed", g.function("changed", func(g *tmplGuard, a tmplArgs) (jinja.Value, error) {
			now := jinja.NewList(a.pos)
			same, err := g.equal(last, now, 0)
			last = now
			return jinja.NewBool(!same), err
		}))
	}
	return jinja.NewString(""), g.step(1)
}

// tmplEnter stands before the body of a macro.
func tmplEnter(g *tmplGuard, _ *tmplOp, _ []jinja.Value) (jinja.Value, error) {
	return jinja.NewString(""), g.enter()
}

// tmplLeave stands behind the body of a macro.
func tmplLeave(g *tmplGuard, _ *tmplOp, _ []jinja.Value) (jinja.Value, error) {
	g.leave()
	return jinja.NewString(""), nil
}

// tmplIsUndefined tells whether a macro's parameter was left out.
func tmplIsUndefined(_ *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	return jinja.NewBool(args[0].IsUndefined()), nil
}

// tmplNot is the negation.
func tmplNot(_ *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	return jinja.NewBool(!args[0].IsTruthy()), nil
}

// tmplTuple is the name of the operation that makes a tuple, not a list.
const tmplTuple = "tuple"

// tmplMakeList builds a list or tuple.
func tmplMakeList(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	items := make([]jinja.Value, len(args))
	copy(items, args)
	if op.name == tmplTuple {
		return g.tuple(items...), g.items(len(args) + 4)
	}
	return jinja.NewList(items), g.items(len(args) + 1)
}

// tuple returns a tuple: a list that the guard knows to be one, for its
// written form, "%" and "==".
func (g *tmplGuard) tuple(items ...jinja.Value) jinja.Value {
	v := jinja.NewList(items)
	g.tuples[v.AsList()] = true
	return v
}

// isTuple tells whether v is a tuple.
func (g *tmplGuard) isTuple(v jinja.Value) bool { return v.IsList() && g.tuples[v.AsList()] }

// tmplMakeDict builds a dict from keys and values that alternate.
func tmplMakeDict(g *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if err := g.items(2*len(args) + 4); err != nil {
		return jinja.Undefined(), err
	}
	d := jinja.NewDict()
	for i := 0; i < len(args); i += 2 {
		key, ok := tmplKeyOf(args[i])
		if !ok {
			return d, tmplEval("%v cannot be the key of a dict", tmplTypeOf(args[i]))
		}
		d.AsDict().Set(key, args[i+1])
	}
	return d, nil
}

// tmplPush appends to a list that the lowering made.
func tmplPush(g *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	args[0].AsList().Append(args[1])
	return jinja.NewString(""), g.items(1)
}

// tmplIter returns the list that a loop goes over.
func tmplIter(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	items, err := g.iterate(args[0])
	return jinja.NewList(items), err
}

// iterate returns the items of a value: a list's elements, a dict's keys, a
// string's characters, nothing for undefined. The slice must not be changed.
func (g *tmplGuard) iterate(v jinja.Value) ([]jinja.Value, error) {
	var items []jinja.Value
	switch tmplTypeOf(v) {
	case tmplUndef:
		return nil, nil
	case tmplList:
		l := v.AsList()
		return l.Items[:l.Len():l.Len()], g.step(l.Len())
	case tmplGenerator:
		items := tmplConsume(v)
		return items, g.step(len(items))
	case tmplDict:
		if err := g.items(v.AsDict().Len()); err != nil {
			return nil, err
		}
		for _, key := range v.AsDict().Keys {
			items = append(items, tmplKeyValue(key))
		}
		return items, nil
	case tmplString:
		if err := g.items(utf8.RuneCountInString(tmplStr(v))); err != nil {
			return nil, err
		}
		for _, r := range tmplStr(v) {
			items = append(items, tmplLike(v, string(r)))
		}
		return items, nil
	}
	return nil, tmplEval("%v is not iterable", tmplTypeOf(v))
}

// tmplUnpack returns item op.n of a list of len(op.kw) items.
func tmplUnpack(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	items, err := g.iterate(args[0])
	if err == nil && len(items) != len(op.kw) {
		err = tmplEval("%d values for %d variables", len(items), len(op.kw))
	}
	if err != nil {
		return jinja.Undefined(), err
	}
	return items[op.n], nil
}

// tmplSetAttr assigns to an attribute of a namespace.
func tmplSetAttr(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if !args[0].IsDict() || !g.spaces[args[0].AsDict()] {
		return jinja.Undefined(), tmplEval("cannot assign to %s.%s: not a namespace", op.desc, op.name)
	}
	args[0].AsDict().Set(op.name, args[1])
	return jinja.NewString(""), g.items(2)
}

// tmplConcat joins the operands of "~" as strings.
func tmplConcat(g *tmplGuard, _ *tmplOp, args []jinja.Value) (jinja.Value, error) {
	parts, n := make([]string, len(args)), 0
	for i, a := range args {
		s, err := g.str(a)
		if err != nil {
			return jinja.Undefined(), err
		}
		parts[i], n = s, n+len(s)
	}
	if err := g.spend(n); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewString(strings.Join(parts, "")), nil
}

// tmplFilterOp applies a filter by name.
func tmplFilterOp(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	fn, ok := tmplFilters[op.name]
	if !ok {
		return jinja.Undefined(), tmplEval("no filter named %.40q", op.name)
	}
	return fn(g, args[0], op.args(args[1:]))
}

// tmplTestOp applies a test by name.
func tmplTestOp(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	ok, err := g.test(op.name, args[0], op.args(args[1:]))
	return jinja.NewBool(ok), err
}
