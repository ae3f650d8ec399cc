package tokenizer

import (
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplMethodFunc is a method of a built-in type.
type tmplMethodFunc func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error)

// method returns the method of a value's type. A namespace and the loop
// variable have none.
func (g *tmplGuard) method(v jinja.Value, name string) (tmplMethodFunc, bool) {
	var m tmplMethodFunc
	var ok bool
	switch tmplTypeOf(v) {
	case tmplString:
		m, ok = tmplStrMethods[name]
	case tmplList:
		m, ok = tmplListMethods[name]
	case tmplDict:
		if !g.spaces[v.AsDict()] {
			m, ok = tmplDictMethods[name]
		}
	}
	return m, ok
}

// bound returns a method as a value, for x.strip without a call.
func (g *tmplGuard) bound(v jinja.Value, name string, m tmplMethodFunc) jinja.Value {
	return g.function(name, func(g *tmplGuard, a tmplArgs) (jinja.Value, error) { return m(g, v, a) })
}

// tmplMethod is x.name(…).
func tmplMethod(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	v := args[0]
	if v.IsUndefined() {
		return v, tmplNoAttr(op)
	}
	if m, ok := g.method(v, op.name); ok {
		return m(g, v, op.args(args[1:]))
	}
	fn := tmplKey(v, op.name)
	if fn.IsUndefined() {
		return fn, tmplEval("%v has no attribute %.60q", tmplTypeOf(v), op.name)
	}
	return g.invoke(fn, op, args[1:])
}

// tmplCall is f(…) for any value f.
func tmplCall(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if args[0].IsUndefined() {
		return args[0], tmplNoAttr(op)
	}
	return g.invoke(args[0], op, args[1:])
}

// invoke calls a value. Macros of the template know their parameters by
// lowered names; functions of this package get their arguments in order.
func (g *tmplGuard) invoke(fn jinja.Value, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if tmplTypeOf(fn) != tmplCallable {
		return jinja.Undefined(), tmplEval("%v is not a function", tmplTypeOf(fn))
	}
	c := fn.AsCallable()
	if global, ok := tmplGlobals[c.Name]; ok {
		a := op.args(args)
		a.fn = c.Name
		return global(g, a)
	}
	a := op.args(args)
	names := a.names
	if strings.HasPrefix(c.Name, "v") && len(op.vars) == len(names) && tmplIsLowered(c.Name) {
		names = op.vars
	}
	var kw map[string]jinja.Value
	for i, name := range names {
		if kw == nil {
			kw = make(map[string]jinja.Value, len(names))
		}
		kw[name] = a.vals[i]
	}
	return c.Fn(a.pos, kw)
}

// tmplIsLowered tells whether a name is that of a lowered variable, v12.
func tmplIsLowered(name string) bool {
	return len(name) > 1 && strings.Trim(name[1:], "0123456789") == ""
}
