package jinja

import "strconv"

// loopState is a loop under way, and the variable loop.
type loopState struct {
	st *forStmt
	s  *scope // around the loop

	items  []Value              // those known so far
	more   func() (Value, bool) // the others; nil if there are none
	at     int                  // index0
	depth0 int
	seen   Value // what changed() was called with, nil before
}

func (st *forStmt) exec(r *run, s *scope) signal {
	v := st.over.eval(r, s)
	r.line = st.line
	return r.loop(st, s, v, 0)
}

// loop runs a loop over a value. It returns the signal of the else part, which is for the loop around.
func (r *run) loop(st *forStmt, s *scope, v Value, depth0 int) signal {
	ls := &loopState{st: st, s: s, at: -1, depth0: depth0}
	ls.items, ls.more = r.iterator(v)
	if st.filter != nil {
		ls.filter(r)
	}
	if r.passes(ls) || len(st.other) == 0 {
		return goOn
	}
	return r.exec(st.other, r.scope(s, st.hiddenElse))
}

// filter leaves only the items that pass the loop's condition, tested as the loop comes to them.
func (ls *loopState) filter(r *run) {
	items, more, at := ls.items, ls.more, 0
	ls.items, ls.more = nil, func() (Value, bool) {
		for {
			var v Value
			if at < len(items) {
				v = items[at]
				at++
			} else if more == nil {
				return nil, false
			} else if w, ok := more(); ok {
				v = w
			} else {
				return nil, false
			}
			s := newScope(ls.s)
			r.assign(s, &ls.st.target, v)
			if r.truth(ls.st.filter.eval(r, s)) {
				return v, true
			}
		}
	}
}

// passes runs the body for each item. It reports whether any pass came to the end of the body, which is what Jinja2
// leaves out the else part for.
func (r *run) passes(ls *loopState) (done bool) {
	st := ls.st
	var s *scope
	var loopVar Value
	if st.loopVar {
		loopVar = ls.object()
	}
	for ls.has(r, ls.at+1) {
		ls.at++
		r.step(1)
		if s == nil || st.captures {
			r.items(1)
			s = newScope(ls.s)
		} else {
			s.vars = s.vars[:0]
		}
		r.hide(s, st.hidden)
		if loopVar != nil {
			s.vars = append(s.vars, binding{r.t.sym.loop, loopVar})
		}
		r.assign(s, &st.target, ls.items[ls.at])
		sig := r.exec(st.body, s)
		if sig == breakLoop {
			break
		}
		done = done || sig == goOn
	}
	return done
}

// has reports whether there is an item i, after making it known.
func (ls *loopState) has(r *run, i int) bool {
	for i >= len(ls.items) && ls.more != nil {
		v, ok := ls.more()
		if !ok {
			ls.more = nil
			break
		}
		r.items(1)
		ls.items = append(ls.items, v)
	}
	return i < len(ls.items)
}

// length goes through all items.
func (ls *loopState) length(r *run) int {
	for ls.has(r, len(ls.items)) {
		continue
	}
	return len(ls.items)
}

// object returns the variable loop.
func (ls *loopState) object() *object {
	o := &object{kind: "LoopContext", attr: ls.attr, size: ls.length, repr: ls.repr}
	o.call = func(r *run, a args) Value {
		if !ls.st.recursive {
			r.fail("the loop must have the 'recursive' marker to be called recursively")
		}
		v := a.bind(r, "loop", 1, "iterable")[0]
		return r.capture(func() {
			r.enter()
			r.loop(ls.st, ls.s, v, ls.depth0+1)
			r.leave()
		})
	}
	o.iter = func(r *run) *generator {
		return &generator{name: "LoopContext", next: func() (Value, bool) {
			if !ls.has(r, ls.at+1) {
				return nil, false
			}
			ls.at++
			return newTuple(ls.items[ls.at], o), true
		}}
	}
	return o
}

// attr returns an attribute of loop.
func (ls *loopState) attr(r *run, name string) (Value, bool) {
	switch name {
	case "index":
		return int64(ls.at + 1), true
	case "index0":
		return int64(ls.at), true
	case "first":
		return ls.at == 0, true
	case "last":
		return !ls.has(r, ls.at+1), true
	case "length":
		return int64(ls.length(r)), true
	case "revindex":
		return int64(ls.length(r) - ls.at), true
	case "revindex0":
		return int64(ls.length(r) - ls.at - 1), true
	case "depth":
		return int64(ls.depth0 + 1), true
	case "depth0":
		return int64(ls.depth0), true
	case "previtem":
		if ls.at == 0 {
			return &undefined{"there is no previous item"}, true
		}
		return ls.items[ls.at-1], true
	case "nextitem":
		if !ls.has(r, ls.at+1) {
			return &undefined{"there is no next item"}, true
		}
		return ls.items[ls.at+1], true
	case "cycle":
		return &function{name: "cycle", call: ls.cycle}, true
	case "changed":
		return &function{name: "changed", call: ls.changed}, true
	}
	return nil, false
}

// cycle is loop.cycle(…).
func (ls *loopState) cycle(r *run, a args) Value {
	if len(a.pos) == 0 || len(a.names) > 0 {
		r.fail("no items for cycling given")
	}
	return a.pos[ls.at%len(a.pos)]
}

// changed is loop.changed(…): whether it is called with other values than the last time.
func (ls *loopState) changed(r *run, a args) Value {
	r.items(len(a.pos))
	v := newTuple(append([]Value(nil), a.pos...)...)
	old := ls.seen
	ls.seen = v
	return old == nil || !r.equal(old, v, 0)
}

// repr is how Python writes loop.
func (ls *loopState) repr(r *run) string {
	return "<LoopContext " + strconv.Itoa(ls.at+1) + "/" + strconv.Itoa(ls.length(r)) + ">"
}
