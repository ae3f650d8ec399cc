package tokenizer

import (
	"slices"

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

// tmplCallBlock is the call in {% call f(…) %} and writes its result.
func tmplCallBlock(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	v, err := tmplCall(g, op, args)
	if err != nil {
		return v, err
	}
	return tmplOutput(g, op, []jinja.Value{v})
}

// invoke calls a value with the operands of op. Functions of this package
// get named arguments in order; the library's, macros among them, get a map.
func (g *tmplGuard) invoke(fn jinja.Value, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	if tmplTypeOf(fn) != tmplCallable {
		return jinja.Undefined(), tmplEval("%v is not a function", tmplTypeOf(fn))
	}
	c, a := fn.AsCallable(), op.args(args)
	if global, ok := tmplGlobals[c.Name]; ok {
		a.fn = c.Name
		return global(g, a)
	}
	if m, ok := g.prog.macros[c.Name]; ok {
		pos, kw, err := m.bind(g, a, op.vars)
		if err != nil {
			return jinja.Undefined(), err
		}
		return c.Fn(pos, kw)
	}
	kw := make(map[string]jinja.Value, len(a.names))
	for i, name := range a.names {
		kw[name] = a.vals[i]
	}
	return c.Fn(a.pos, kw)
}

// tmplMacro describes the parameters of a macro.
type tmplMacro struct {
	name   string
	params []string // names in the lowered source
	// The names in the lowered source of varargs and kwargs, "" if the body
	// does not use them; and whether it uses caller.
	varargs, kwargs string
	caller          bool
}

// bind checks the arguments of a call of a macro and returns them as the
// library wants them. vars are the lowered names of the named arguments.
func (m *tmplMacro) bind(g *tmplGuard, a tmplArgs, vars []string) ([]jinja.Value, map[string]jinja.Value, error) {
	kw := map[string]jinja.Value{}
	rest := jinja.NewDict()
	given := min(len(a.pos), len(m.params))
	for i, name := range vars {
		at := slices.Index(m.params, name)
		switch {
		case at >= 0 && at < given:
			return nil, nil, tmplEval("macro %s got two values for %s", m.name, a.names[i])
		case at >= 0:
			kw[name] = a.vals[i]
		case m.kwargs == "":
			return nil, nil, tmplEval("macro %s takes no argument %s", m.name, a.names[i])
		default:
			rest.AsDict().Set(a.names[i], a.vals[i])
		}
	}
	if len(a.pos) > given && m.varargs == "" {
		return nil, nil, tmplEval("macro %s takes at most %d arguments, %d given", m.name, given, len(a.pos))
	}
	if m.varargs != "" {
		kw[m.varargs] = g.tuple(a.pos[given:]...)
	}
	if m.kwargs != "" {
		kw[m.kwargs] = rest
	}
	if !g.caller.IsUndefined() {
		if !m.caller {
			return nil, nil, tmplEval("macro %s does not use its caller", m.name)
		}
		kw["caller"] = g.caller
	}
	return a.pos[:given], kw, g.items(len(a.pos) + 2*len(vars))
}
