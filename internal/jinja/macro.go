package jinja

// macro is a macro with the variables around its definition.
type macro struct {
	def    *macroDef
	s      *scope
	escape bool // autoescape was on there
}

func (st *macroStmt) exec(r *run, s *scope) signal {
	r.set(s, st.sym, r.macro(st.def, s))
	return goOn
}

// macro returns a macro as a value.
func (r *run) macro(def *macroDef, s *scope) *function {
	r.items(2)
	m := &macro{def, s, r.escape}
	return &function{name: def.name, macro: m, call: m.call}
}

func (st *callStmt) exec(r *run, s *scope) signal {
	fn := st.call.fn.eval(r, s)
	a := r.args(&st.call.args, s)
	a.names = append(a.names[:len(a.names):len(a.names)], "caller")
	a.vals = append(a.vals[:len(a.vals):len(a.vals)], r.macro(st.body, s))
	r.line = st.call.line
	r.write(r.str(r.call(fn, a)))
	return goOn
}

// call runs the macro.
func (m *macro) call(r *run, a args) Value {
	r.enter()
	r.items(len(m.def.params) + len(a.pos) + len(a.names))
	s := r.scope(m.s, m.def.hidden)
	escape := r.escape
	r.escape = m.escape
	m.bind(r, s, a)
	t := r.capture(func() { r.exec(m.def.body, s) })
	r.escape = escape
	t.html = escape
	r.leave()
	return t
}

// bind gives the parameters their values: positional ones, named ones, defaults. An argument that is undefined is one:
// the default is for what is not given.
func (m *macro) bind(r *run, s *scope, a args) {
	def := m.def
	used := make([]bool, len(a.names))
	for i := range def.params {
		par := &def.params[i]
		var v Value
		if i < len(a.pos) {
			v = a.pos[i]
		} else if j := a.index(par.name); j >= 0 {
			v, used[j] = a.vals[j], true
		} else if par.def != nil {
			v = par.def.eval(r, s)
		} else {
			v = &undefined{"parameter '" + par.name + "' was not provided"}
		}
		r.set(s, par.sym, v)
	}
	m.bindCaller(r, s, a, used)
	m.bindRest(r, s, a, used)
}

// bindCaller sets caller for a body that uses it.
func (m *macro) bindCaller(r *run, s *scope, a args, used []bool) {
	if !m.def.caller {
		return
	}
	for _, par := range m.def.params {
		if par.name == "caller" {
			return
		}
	}
	if j := a.index("caller"); j >= 0 {
		used[j] = true
		r.set(s, r.t.sym.caller, a.vals[j])
		return
	}
	r.set(s, r.t.sym.caller, &undefined{"No caller defined"})
}

// bindRest sets varargs and kwargs for a body that uses them; otherwise there must not be arguments left.
func (m *macro) bindRest(r *run, s *scope, a args, used []bool) {
	def := m.def
	var kwargs *dict
	if def.kwargs {
		kwargs = r.newDict(len(a.names))
		r.set(s, r.t.sym.kwargs, kwargs)
	}
	for j, name := range a.names {
		switch {
		case used[j]:
		case kwargs != nil:
			kwargs.setNamed(name, a.vals[j])
		default:
			r.fail("macro '%s' takes no keyword argument '%s'", def.name, name)
		}
	}
	if def.varargs {
		var rest []Value
		if len(a.pos) > len(def.params) {
			rest = append(rest, a.pos[len(def.params):]...)
		}
		r.set(s, r.t.sym.varargs, newTuple(rest...))
	} else if len(a.pos) > len(def.params) {
		r.fail("macro '%s' takes not more than %d argument(s)", def.name, len(def.params))
	}
}

// attr returns an attribute of a macro.
func (m *macro) attr(r *run, name string) (Value, bool) {
	switch name {
	case "name":
		if m.def.name == "" {
			return none{}, true
		}
		return own(m.def.name), true
	case "arguments":
		r.items(len(m.def.params))
		names := make([]Value, len(m.def.params))
		for i, par := range m.def.params {
			names[i] = own(par.name)
		}
		return newList(names), true
	case "catch_kwargs":
		return m.def.kwargs, true
	case "catch_varargs":
		return m.def.varargs, true
	case "caller":
		return m.def.caller, true
	}
	return nil, false
}
