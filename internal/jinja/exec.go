package jinja

func (st *textStmt) exec(r *run, _ *scope) signal {
	r.write(st.t)
	return goOn
}

func (st *outputStmt) exec(r *run, s *scope) signal {
	r.line = st.line
	v := st.x.eval(r, s)
	t, ok := v.(text)
	if !ok {
		if t = r.str(v); r.escape {
			t = r.escaped(t)
		}
	} else if r.escape {
		t = r.escaped(t)
	}
	r.write(t)
	return goOn
}

func (st *ifStmt) exec(r *run, s *scope) signal {
	for i, cond := range st.conds {
		if r.truth(cond.eval(r, s)) {
			return r.exec(st.bodies[i], s)
		}
	}
	return r.exec(st.other, s)
}

func (st *setStmt) exec(r *run, s *scope) signal {
	v := st.x.eval(r, s)
	r.line = st.line
	r.assign(s, &st.target, v)
	return goOn
}

func (st *setBlockStmt) exec(r *run, s *scope) signal {
	var v Value = r.capture(func() { r.exec(st.body, r.scope(s, st.hidden)) })
	if st.filter != nil {
		v = r.filtered(st.filter, v.(text), s)
	}
	r.line = st.line
	r.assign(s, &st.target, v)
	return goOn
}

func (st *filterStmt) exec(r *run, s *scope) signal {
	inner := r.scope(s, st.hidden)
	t := r.capture(func() { r.exec(st.body, inner) })
	v := r.filtered(st.filter, t, inner)
	if out, ok := v.(text); ok {
		r.write(out)
		return goOn
	}
	r.fail("the filter block gives %s, not text", typeName(v))
	return goOn
}

// filtered applies the filters of a block to its text.
func (r *run) filtered(f *filterExpr, t text, s *scope) Value {
	if inner, ok := f.x.(*filterExpr); ok {
		return f.apply(r, s, r.filtered(inner, t, s))
	}
	return f.apply(r, s, t)
}

func (st *withStmt) exec(r *run, s *scope) signal {
	values := make([]Value, len(st.values))
	for i, x := range st.values {
		values[i] = x.eval(r, s)
	}
	inner := r.scope(s, st.hidden)
	r.line = st.line
	for i := range values {
		r.assign(inner, &st.targets[i], values[i])
	}
	return r.exec(st.body, inner)
}

func (st *generationStmt) exec(r *run, s *scope) signal {
	r.write(r.macro(st.body, s).call(r, args{}).(text))
	return goOn
}

func (st *escapeStmt) exec(r *run, s *scope) signal {
	outer := r.escape
	r.escape = r.truth(st.on.eval(r, s))
	sig := r.exec(st.body, r.scope(s, st.hidden))
	r.escape = outer
	return sig
}

func (st signalStmt) exec(*run, *scope) signal { return st.s }

// exec renders the block where it stands. It sees the variables outside of every loop, macro and the like, and those
// around it only if it is scoped.
func (st *blockStmt) exec(r *run, s *scope) signal {
	r.line = st.line
	if !st.scoped {
		s = r.base
	}
	r.block(r.t.blocks[st.name], s)
	return goOn
}

// block runs the body of a block.
func (r *run) block(b *blockDef, s *scope) {
	r.enter()
	base, escape := r.base, r.escape
	r.base, r.escape = s, false
	if len(r.under) > 0 {
		s = newScope(s)
		for _, u := range r.under {
			if r.lookup(s, u.sym) == nil {
				s.vars = append(s.vars, u)
			}
		}
	}
	r.exec(b.body, r.scope(s, b.hidden))
	r.base, r.escape = base, escape
	r.leave()
}

// selfObject returns the variable self: self.name() is the text of a block.
func selfObject(t *Template) *object {
	show := func(*run) string { return "<TemplateReference None>" }
	return &object{kind: "TemplateReference", repr: show, attr: func(_ *run, name string) (Value, bool) {
		b, ok := t.blocks[name]
		if !ok {
			return nil, false
		}
		return &function{name: name, call: func(r *run, a args) Value {
			a.none(r)
			return r.capture(func() { r.block(b, nil) })
		}}, true
	}}
}

// assign gives a target its value.
func (r *run) assign(s *scope, to *target, v Value) {
	switch {
	case to.tuple:
		items := r.unpack(v, len(to.many))
		for i := range to.many {
			r.assign(s, &to.many[i], items[i])
		}
	case to.attr != "":
		ns, ok := r.lookup(s, to.sym).(*namespace)
		if !ok {
			r.fail("cannot assign attribute on non-namespace object '%s'", to.name)
		}
		r.items(1)
		ns.attrs.setNamed(to.attr, v)
	default:
		r.set(s, to.sym, v)
	}
}

// unpack returns the n items of a value.
func (r *run) unpack(v Value, n int) []Value {
	if l, ok := v.(*list); ok && len(l.items) == n {
		return l.items
	}
	r.defined(v)
	items := r.iterate(v)
	if len(items) != n {
		r.fail("cannot unpack %d values into %d names", len(items), n)
	}
	return items
}
