package jinja

// forStmt parses a loop.
func (p *parser) forStmt(line int) stmt {
	s := &forStmt{line: line, target: p.target(false, "in")}
	p.wantWord("in")
	s.over = p.tuple(func() bool { return p.atEnd() || p.peek().isName("recursive", "if") }, p.or)
	if p.takeName("if") {
		s.filter = p.expr()
	}
	s.recursive = p.takeName("recursive")
	outer := *p
	p.captures, p.usesLoop, p.inLoop = &s.captures, &s.loopVar, true
	p.bodyStart()
	var word string
	s.body, word = p.block("endfor", "else")
	p.captures, p.usesLoop, p.inLoop = outer.captures, outer.usesLoop, outer.inLoop
	s.loopVar = s.loopVar || s.recursive
	if s.captures && p.captures != nil {
		*p.captures = true // a macro within keeps the variables outside as well
	}
	if word == "else" {
		p.inLoop = p.inLoop && !s.recursive // whose body is a function of its own
		s.other = p.until("endfor")
		p.inLoop = outer.inLoop
	}
	p.wantEnd()
	return s
}

// macroStmt parses {% macro name(params) %}.
func (p *parser) macroStmt(line int) stmt {
	name := p.wantName()
	s := &macroStmt{sym: p.symbol(name), def: &macroDef{name: name, line: line}}
	p.wantOp("(")
	p.params(s.def)
	p.macroBody(s.def, "endmacro")
	return s
}

// callStmt parses {% call(params) fn(args) %}.
func (p *parser) callStmt(line int) stmt {
	s := &callStmt{body: &macroDef{line: line}}
	if p.takeOp("(") {
		p.params(s.body)
	}
	call, ok := p.expr().(*callExpr)
	if !ok {
		p.fail(line, "call needs the call of a macro")
	}
	s.call = call
	p.macroBody(s.body, "endcall")
	return s
}

// params parses parameters behind "(".
func (p *parser) params(def *macroDef) {
	for first := true; !p.takeOp(")"); first = false {
		if !first {
			p.wantOp(",")
		}
		t := p.peek()
		to := p.oneTarget(false)
		if to.tuple {
			p.fail(t.line, "a parameter is a name")
		}
		par := param{sym: to.sym, name: to.name}
		if p.takeOp("=") {
			par.def = p.expr()
		} else if n := len(def.params); n > 0 && def.params[n-1].def != nil {
			p.fail(t.line, "parameter %.40q without a default behind one that has one", par.name)
		}
		def.params = append(def.params, par)
	}
}

// macroBody parses the body of a macro or call block, which is a function of its own that keeps the variables around
// it.
func (p *parser) macroBody(def *macroDef, end string) {
	if p.captures != nil {
		*p.captures = true
	}
	if p.usesLoop != nil { // the body may use it at any time
		*p.usesLoop = true
	}
	outer := p.macro
	captures := p.captures
	p.macro, p.captures = def, &def.captures
	p.apart(func() { def.body = p.until(end) })
	p.macro, p.captures = outer, captures
	for _, par := range def.params { // a parameter of such a name is nothing special
		def.varargs = def.varargs && par.name != "varargs"
		def.kwargs = def.kwargs && par.name != "kwargs"
	}
	if outer != nil { // which counts what macros inside it use, as Jinja2 does
		outer.varargs = outer.varargs || def.varargs
		outer.kwargs = outer.kwargs || def.kwargs
		outer.caller = outer.caller || def.caller
	}
}
