package jinja

func (e *constExpr) eval(*run, *scope) Value { return e.v }

func (e *nameExpr) eval(r *run, s *scope) Value {
	r.step(1)
	if v := r.lookup(s, e.sym); v != nil {
		return v
	}
	return &undefined{"'" + e.name + "' is undefined"}
}

func (e *attrExpr) eval(r *run, s *scope) Value {
	obj := e.obj.eval(r, s)
	r.line = e.line
	return r.attr(obj, e.name)
}

func (e *itemExpr) eval(r *run, s *scope) Value {
	obj := e.obj.eval(r, s)
	if sl, ok := e.index.(*sliceExpr); ok {
		lo, hi, step := sl.bounds(r, s)
		r.line = e.line
		if v := r.slice(obj, lo, hi, step); v != nil {
			return v
		}
		if constant(e.obj, sl.lo, sl.hi, sl.step) { // Jinja2 works these out by itself, and more kindly than Python
			return &undefined{"'" + typeName(obj) + "' object is not subscriptable"}
		}
		r.fail("'%s' object is not subscriptable", typeName(obj))
	}
	index := e.index.eval(r, s)
	r.line = e.line
	return r.item(obj, index)
}

// constant reports whether expressions are literals, dicts of them, or missing.
func constant(xs ...expr) bool {
	for _, x := range xs {
		switch x := x.(type) {
		case nil, *constExpr:
		case *dictExpr:
			if !constant(x.items...) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// bounds evaluates the parts of a slice; missing ones are None.
func (e *sliceExpr) bounds(r *run, s *scope) (lo, hi, step Value) {
	part := func(x expr) Value {
		if x == nil {
			return none{}
		}
		return x.eval(r, s)
	}
	return part(e.lo), part(e.hi), part(e.step)
}

func (e *sliceExpr) eval(r *run, _ *scope) Value {
	r.fail("a slice cannot stand among several indices")
	return nil
}

func (e *callExpr) eval(r *run, s *scope) Value {
	if m, ok := e.fn.(*attrExpr); ok { // a method: saves making it a value
		obj := m.obj.eval(r, s)
		r.line = m.line
		if f := r.method(obj, m.name); f != nil {
			a := r.args(&e.args, s)
			r.line = e.line
			r.step(1)
			return f(r, obj, a)
		}
		fn := r.attr(obj, m.name)
		a := r.args(&e.args, s)
		r.line = e.line
		return r.call(fn, a)
	}
	fn := e.fn.eval(r, s)
	a := r.args(&e.args, s)
	r.line = e.line
	return r.call(fn, a)
}

func (e *filterExpr) eval(r *run, s *scope) Value { return e.apply(r, s, e.x.eval(r, s)) }

// apply applies the filter to a value.
func (e *filterExpr) apply(r *run, s *scope, v Value) Value {
	a := r.args(&e.args, s)
	r.line = e.line
	r.step(1)
	if e.fn == nil {
		r.fail("no filter named '%s'", e.name)
	}
	return e.fn(r, v, a)
}

func (e *testExpr) eval(r *run, s *scope) Value {
	v := e.x.eval(r, s)
	a := r.args(&e.args, s)
	r.line = e.line
	r.step(1)
	if e.fn == nil {
		r.fail("no test named '%s'", e.name)
	}
	return e.fn(r, v, a)
}

func (e *notExpr) eval(r *run, s *scope) Value {
	r.step(1)
	return !r.truth(e.x.eval(r, s))
}

func (e *logicExpr) eval(r *run, s *scope) Value {
	r.step(1)
	a := e.a.eval(r, s)
	if r.truth(a) == e.or {
		return a
	}
	return e.b.eval(r, s)
}

func (e *condExpr) eval(r *run, s *scope) Value {
	r.step(1)
	switch {
	case r.truth(e.cond.eval(r, s)):
		return e.then.eval(r, s)
	case e.other == nil:
		return &undefined{"the inline if-expression evaluated to false and no else section was defined"}
	}
	return e.other.eval(r, s)
}

func (e *compareExpr) eval(r *run, s *scope) Value {
	a := e.first.eval(r, s)
	for _, c := range e.rest {
		b := c.x.eval(r, s)
		r.line = e.line
		r.step(1)
		if !r.compare(c.op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func (e *concatExpr) eval(r *run, s *scope) Value {
	parts := make([]text, len(e.parts))
	html := false
	for i, x := range e.parts {
		v := x.eval(r, s)
		t, ok := v.(text)
		if !ok {
			t = r.str(v)
		}
		parts[i], html = t, html || t.html
	}
	r.step(len(parts))
	html = html && r.escape
	for i, t := range parts {
		if html {
			parts[i] = r.escaped(t)
		}
	}
	t := parts[0]
	if len(parts) == 2 {
		t = r.concat(parts[0], parts[1])
	} else {
		t = r.joined(parts, text{})
	}
	t.html = html
	return t
}

func (e *listExpr) eval(r *run, s *scope) Value {
	r.items(len(e.items))
	items := make([]Value, len(e.items))
	for i, x := range e.items {
		items[i] = x.eval(r, s)
	}
	return &list{items: items, tuple: e.tuple}
}

func (e *dictExpr) eval(r *run, s *scope) Value {
	d := r.newDict(len(e.items) / 2)
	for i := 0; i < len(e.items); i += 2 {
		k := e.items[i].eval(r, s)
		v := e.items[i+1].eval(r, s)
		r.line = e.line
		r.put(d, k, v)
	}
	return d
}

func (e *unaryExpr) eval(r *run, s *scope) Value {
	v := e.x.eval(r, s)
	r.line = e.line
	r.step(1)
	return r.sign(e.op, v)
}

func (e *binaryExpr) eval(r *run, s *scope) Value {
	a := e.a.eval(r, s)
	b := e.b.eval(r, s)
	r.line = e.line
	r.step(1)
	return r.arith(e.op, a, b)
}
