package jinja

import (
	"context"
	"time"
)

// Var is a variable of the template.
type Var struct {
	Name  string
	Value Value
}

// Options are the parts of a rendering besides the variables. The zero value is usable.
type Options struct {
	// Now is the time that strftime_now tells; the zero time means time.Now().
	Now time.Time

	// Limits bound the rendering.
	Limits Limits
}

// Span is a part of the output that is as a whole the template's or the caller's.
type Span struct {
	// Text is never empty.
	Text string
	// Caller is set for text that came from outside the template.
	Caller bool
}

// Render runs the template on the caller's goroutine and ends soon after ctx does. Of variables with one name the last
// counts; they hide global functions. Lists and dicts among the values may be changed by the template: they must not be
// used by another rendering. Neighbouring spans differ in Caller.
//
// The error is an *Error with the line; it wraps a *RaiseError, ErrEval, ErrLimit or the cause of ctx's end.
func (t *Template) Render(ctx context.Context, vars []Var, opt Options) (spans []Span, err error) {
	r := &run{budget: budget{ctx: ctx, lim: opt.Limits.withDefaults()}, t: t, now: opt.Now, line: 1}
	if r.now.IsZero() {
		r.now = time.Now()
	}
	r.top = make([]Value, len(t.syms))
	for name, f := range globals {
		if sym, ok := t.syms[name]; ok {
			r.top[sym] = f
		}
	}
	if _, ok := t.syms["self"]; ok {
		r.top[t.sym.self] = selfObject(t)
	}
	for _, v := range vars {
		if sym, ok := t.syms[v.Name]; ok {
			r.top[sym] = v.Value
		}
	}
	var out builder
	for _, sym := range t.hidden {
		if v := r.top[sym]; v != nil {
			r.under = append(r.under, binding{sym, v})
			r.top[sym] = nil
		}
	}
	defer func() {
		if v := recover(); v != nil {
			spans, err = nil, caught(v, r.line)
		}
	}()
	r.out = &out
	out.Grow(1024)
	r.exec(t.body, nil)
	spans = make([]Span, 0, 2*len(out.spans)+1)
	out.text().pieces(0, out.Len(), func(s string, caller bool) {
		spans = append(spans, Span{s, caller})
	})
	return spans, nil
}

// run is the state of one rendering.
type run struct {
	budget
	t      *Template
	now    time.Time
	line   int       // of the operation under way
	out    *builder  // where output goes
	top    []Value   // variables outside of every scope by symbol, nil if not set
	under  []binding // values that t.hidden hides, which blocks see all the same
	base   *scope    // around the block under way, nil outside of blocks
	escape bool      // autoescape is on
}

// scope holds the variables of a loop's pass, a macro's call and the like.
type scope struct {
	parent *scope
	vars   []binding
	room   [3]binding // vars of most scopes
}

type binding struct {
	sym int
	v   Value
}

func newScope(parent *scope) *scope {
	s := &scope{parent: parent}
	s.vars = s.room[:0]
	return s
}

// scope returns a new scope that hides variables.
func (r *run) scope(parent *scope, hidden []int) *scope {
	s := newScope(parent)
	r.hide(s, hidden)
	return s
}

// hide makes variables undefined in a scope that has no bindings yet.
func (r *run) hide(s *scope, syms []int) {
	r.step(len(syms) >> 3)
	for _, sym := range syms {
		if r.top[sym] != nil { // without a value there is nothing to hide
			s.vars = append(s.vars, binding{sym: sym})
		}
	}
}

// set gives a variable a value in the scope, or outside of all if s is nil.
func (r *run) set(s *scope, sym int, v Value) {
	if s == nil {
		r.top[sym] = v
		return
	}
	r.step(len(s.vars) >> 4)
	for i := range s.vars {
		if s.vars[i].sym == sym {
			s.vars[i].v = v
			return
		}
	}
	s.vars = append(s.vars, binding{sym, v})
}

// lookup returns the value of a variable, nil if it has none.
func (r *run) lookup(s *scope, sym int) Value {
	for ; s != nil; s = s.parent {
		r.step(len(s.vars) >> 4)
		for i := range s.vars {
			if s.vars[i].sym == sym {
				return s.vars[i].v
			}
		}
	}
	return r.top[sym]
}

// exec runs statements until one leaves the loop.
func (r *run) exec(body []stmt, s *scope) signal {
	r.step(len(body))
	for _, st := range body {
		if sig := st.exec(r, s); sig != goOn {
			return sig
		}
	}
	return goOn
}

// capture returns what f writes.
func (r *run) capture(f func()) text {
	outer := r.out
	var b builder
	r.out = &b
	f()
	r.out = outer
	t := b.text()
	t.html = r.escape
	return t
}

// write writes text, charged as output.
func (r *run) write(t text) {
	if len(t.s) > r.lim.Output-r.output {
		r.limit("more than %d bytes of output", r.lim.Output)
	}
	r.output += len(t.s)
	r.spend(t.size())
	r.out.add(t)
}
