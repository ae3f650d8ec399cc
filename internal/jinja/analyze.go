package jinja

import "slices"

// Jinja2 decides when it compiles a template which variable a name means, once for a whole frame: a loop's body, a
// macro, a with block and so on. One rule of it shows: a name whose first mention in its outermost frame is an
// assignment is undefined until then, also for what stands inside of loops and macros before it, even where the caller
// gave a variable of that name:
//
//	{% for m in messages %}{{ s }}{% endfor %}{% set s = 1 %}
//
// writes nothing of the caller's s. analyze finds these names, frame by frame; entering the frame hides them.

// frame is what is known about the names of a frame.
type frame struct {
	parent *frame // around it
	base   *frame // what an alternative of an if adds to
	refs   map[int]ref
}

// ref is what a name means in a frame.
type ref struct {
	hidden bool // undefined at first
	stored bool
}

func newFrame(parent *frame) *frame { return &frame{parent: parent, refs: map[int]ref{}} }

// get returns what a name means in the frame.
func (f *frame) get(sym int) (ref, bool) {
	for ; f != nil; f = f.base {
		if r, ok := f.refs[sym]; ok {
			return r, true
		}
	}
	return ref{}, false
}

// outer reports whether an enclosing frame has the name.
func (f *frame) outer(sym int) bool {
	for f = f.parent; f != nil; f = f.parent {
		if _, ok := f.get(sym); ok {
			return true
		}
	}
	return false
}

func (f *frame) load(sym int) {
	if _, ok := f.get(sym); !ok && !f.outer(sym) {
		f.refs[sym] = ref{}
	}
}

func (f *frame) store(sym int) {
	old, ok := f.get(sym)
	f.refs[sym] = ref{hidden: old.hidden || !ok && !f.outer(sym), stored: true}
}

// param is a name that has a value as soon as the frame is entered.
func (f *frame) param(sym int) { f.refs[sym] = ref{stored: true} }

func (f *frame) target(t *target) {
	switch {
	case t.tuple:
		for i := range t.many {
			f.target(&t.many[i])
		}
	case t.attr != "":
		f.load(t.sym)
	default:
		f.store(t.sym)
	}
}

// hidden returns the names to hide, in order.
func (f *frame) hidden() []int {
	var out []int
	for sym, r := range f.refs {
		if r.hidden {
			out = append(out, sym)
		}
	}
	slices.Sort(out)
	return out
}

// branches takes over what alternatives mention: what not all of them assign keeps its outer meaning.
func (f *frame) branches(parts ...*frame) {
	count := map[int]int{}
	for _, b := range parts {
		for sym, r := range b.refs {
			if old, _ := f.get(sym); r.stored && !old.stored {
				count[sym]++
			}
		}
	}
	for _, b := range parts {
		for sym, r := range b.refs {
			old, _ := f.get(sym)
			r.stored = r.stored || old.stored
			f.refs[sym] = r
		}
	}
	for sym, n := range count {
		if n < len(parts) {
			f.refs[sym] = ref{stored: true}
		}
	}
}

// branch returns a frame for an alternative in this one.
func (f *frame) branch() *frame { return &frame{parent: f.parent, base: f, refs: map[int]ref{}} }

// analyze returns the names that a frame hides: those of body, after params have their values.
func analyze(parent *frame, body []stmt, params func(*frame)) []int {
	f := newFrame(parent)
	if params != nil {
		params(f)
	}
	for _, st := range body {
		f.mentions(st)
	}
	for _, st := range body {
		f.descend(st)
	}
	return f.hidden()
}

// mentions notes the names that a statement mentions in this frame.
func (f *frame) mentions(st stmt) {
	switch st := st.(type) {
	case *outputStmt:
		f.loads(st.x)
	case *ifStmt:
		f.alternatives(st.conds, st.bodies, st.other)
	case *forStmt:
		f.loads(st.over)
	case *setStmt:
		f.loads(st.x)
		f.target(&st.target)
	case *setBlockStmt:
		f.target(&st.target)
	case *filterStmt:
		f.loads(st.filter)
	case *withStmt:
		f.loads(st.values...)
	case *macroStmt:
		f.store(st.sym)
	case *callStmt:
		f.loads(st.call)
	}
}

// alternatives notes the names of an if: as in Jinja2, its body, its elifs and its else are three alternatives.
func (f *frame) alternatives(conds []expr, bodies [][]stmt, other []stmt) {
	f.loads(conds[0])
	body, elifs, els := f.branch(), f.branch(), f.branch()
	for _, st := range bodies[0] {
		body.mentions(st)
	}
	for i := 1; i < len(conds); i++ {
		elifs.alternatives(conds[i:i+1], bodies[i:i+1], nil)
	}
	for _, st := range other {
		els.mentions(st)
	}
	f.branches(body, elifs, els)
}

// descend analyses the frames inside a statement.
func (f *frame) descend(st stmt) {
	switch st := st.(type) {
	case *ifStmt:
		for _, body := range append(st.bodies[:len(st.bodies):len(st.bodies)], st.other) {
			for _, inner := range body {
				f.descend(inner)
			}
		}
	case *forStmt:
		st.hidden = analyze(f, st.body, func(in *frame) { in.target(&st.target) })
		for sym := range st.target.syms {
			st.hidden = slices.DeleteFunc(st.hidden, func(s int) bool { return s == sym })
		}
		st.hiddenElse = analyze(f, st.other, nil)
	case *setBlockStmt:
		st.hidden = analyze(f, st.body, nil)
	case *filterStmt:
		st.hidden = analyze(f, st.body, nil)
	case *withStmt:
		st.hidden = analyze(f, st.body, func(in *frame) {
			for i := range st.targets {
				for sym := range st.targets[i].syms {
					in.param(sym)
				}
			}
		})
	case *escapeStmt:
		st.hidden = analyze(f, st.body, nil)
	case *macroStmt:
		st.def.analyze(f)
	case *callStmt:
		st.body.analyze(f)
	case *generationStmt:
		st.body.analyze(f)
	}
}

// analyze finds the names that the macro hides.
func (m *macroDef) analyze(f *frame) {
	m.hidden = analyze(f, m.body, func(in *frame) {
		for _, p := range m.params {
			in.param(p.sym)
		}
		for _, p := range m.params {
			if p.def != nil {
				in.loads(p.def)
			}
		}
	})
}

// syms yields the variables that a target assigns.
func (t *target) syms(yield func(int) bool) {
	if !t.tuple && t.attr == "" {
		yield(t.sym)
		return
	}
	for i := range t.many {
		t.many[i].syms(yield)
	}
}

// loads notes the variables of expressions.
func (f *frame) loads(xs ...expr) {
	for _, x := range xs {
		switch x := x.(type) {
		case *nameExpr:
			f.load(x.sym)
		case *attrExpr:
			f.loads(x.obj)
		case *itemExpr:
			f.loads(x.obj, x.index)
		case *sliceExpr:
			f.loads(x.lo, x.hi, x.step)
		case *callExpr:
			f.loads(x.fn)
			f.argLoads(&x.args)
		case *filterExpr:
			f.loads(x.x)
			f.argLoads(&x.args)
		case *testExpr:
			f.loads(x.x)
			f.argLoads(&x.args)
		case *unaryExpr:
			f.loads(x.x)
		case *notExpr:
			f.loads(x.x)
		case *binaryExpr:
			f.loads(x.a, x.b)
		case *logicExpr:
			f.loads(x.a, x.b)
		case *condExpr:
			f.loads(x.cond, x.then, x.other)
		case *compareExpr:
			f.loads(x.first)
			for _, c := range x.rest {
				f.loads(c.x)
			}
		case *concatExpr:
			f.loads(x.parts...)
		case *listExpr:
			f.loads(x.items...)
		case *dictExpr:
			f.loads(x.items...)
		}
	}
}

func (f *frame) argLoads(a *argList) {
	f.loads(a.pos...)
	f.loads(a.vals...)
	f.loads(a.star, a.star2)
}
