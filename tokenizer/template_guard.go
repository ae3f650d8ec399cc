package tokenizer

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/ardanlabs/jinja"
)

// tmplGuard is the state of one rendering: it runs the operations that the
// lowered template asks for and charges them. It belongs to one goroutine.
type tmplGuard struct {
	*tmplBudget
	prog   *tmplProgram
	now    time.Time
	spaces map[*jinja.Dict]bool // the dicts that are namespaces
	tuples map[*jinja.List]bool // the lists that are tuples
	caller jinja.Value          // of the call block whose macro is being called
	err    error                // the first error; everything after it fails too
}

// call is the function f of the lowered template: f(number, operands…). The
// library adds the argument caller when f stands in a call block.
func (g *tmplGuard) call(args []jinja.Value, kw map[string]jinja.Value) (jinja.Value, error) {
	if g.err != nil {
		return jinja.Undefined(), g.err
	}
	op := &g.prog.ops[args[0].AsInt()]
	g.caller = kw["caller"] // undefined outside of call blocks
	err := g.step(1)
	v := jinja.Undefined()
	if err == nil {
		v, err = op.run(g, op, args[1:])
	}
	if err != nil {
		g.err = tmplAtLine(err, op.line)
		return jinja.Undefined(), g.err
	}
	return v, nil
}

// tmplAtLine adds a line to an error that has none yet.
func tmplAtLine(err error, line int) error {
	if _, ok := errors.AsType[*TemplateError](err); ok {
		return err
	}
	return &TemplateError{Line: line, Err: err}
}

// data returns the variables of the lowered template.
func (g *tmplGuard) data(vars map[string]jinja.Value) map[string]jinja.Value {
	d := make(map[string]jinja.Value, len(vars)+len(g.prog.consts)+8)
	for i, v := range g.prog.consts {
		d["k"+strconv.Itoa(i)] = v
	}
	for name, sym := range g.prog.syms {
		if v, ok := vars[name]; ok {
			d[sym] = v
		} else if fn, ok := tmplGlobals[name]; ok {
			d[sym] = g.function(name, fn)
		}
	}
	d["f"] = jinja.NewCallable("f", g.call)
	return d
}

// tmplFunc is a function that a template can call.
type tmplFunc func(g *tmplGuard, a tmplArgs) (jinja.Value, error)

// function returns a function as a value. Templates call it through tmplCall,
// which keeps the order of named arguments.
func (g *tmplGuard) function(name string, fn tmplFunc) jinja.Value {
	return jinja.NewCallable(name, func(args []jinja.Value, kw map[string]jinja.Value) (jinja.Value, error) {
		a := tmplArgs{fn: name, pos: args}
		for k := range kw {
			a.names = append(a.names, k)
		}
		slices.Sort(a.names)
		for _, k := range a.names {
			a.vals = append(a.vals, kw[k])
		}
		return fn(g, a)
	})
}

// tmplArgs are the arguments of a call: positional ones, then named ones in
// source order.
type tmplArgs struct {
	fn    string
	pos   []jinja.Value
	names []string
	vals  []jinja.Value
}

// args splits the operands of a call behind its object.
func (op *tmplOp) args(vals []jinja.Value) tmplArgs {
	n := len(vals) - len(op.kw)
	return tmplArgs{fn: op.name, pos: vals[:n], names: op.kw, vals: vals[n:]}
}

// bind returns the values of the parameters in their order; one that was not
// given is undefined. It fails for surplus and unknown arguments.
func (a tmplArgs) bind(params ...string) ([]jinja.Value, error) {
	if len(a.pos) > len(params) {
		return nil, tmplEval("%s takes %d arguments, %d given", a.fn, len(params), len(a.pos))
	}
	out := make([]jinja.Value, len(params))
	given := copy(out, a.pos)
	for i, name := range a.names {
		at := slices.Index(params, name)
		if at < 0 || at < given {
			return nil, tmplEval("%s has no argument %.40q left", a.fn, name)
		}
		out[at] = a.vals[i]
	}
	return out, nil
}
