package jinja

// postfix parses attributes, subscripts and calls behind a value.
func (p *parser) postfix(e expr) expr {
	return p.chain(e, func(e expr) expr {
		line := p.line()
		switch {
		case p.takeOp("."):
			return p.attribute(e, line)
		case p.takeOp("["):
			return p.subscript(e, line)
		case p.takeOp("("):
			return &callExpr{fn: e, args: p.args(), line: line}
		}
		return nil
	})
}

// attribute parses what follows a "."; x.0 is x[0].
func (p *parser) attribute(obj expr, line int) expr {
	if t := p.peek(); t.kind == tokInt {
		p.next()
		return &itemExpr{obj: obj, index: &constExpr{p.number(t)}, line: line}
	}
	return &attrExpr{obj: obj, name: p.wantName(), line: line}
}

// subscript parses what follows a "[".
func (p *parser) subscript(obj expr, line int) expr {
	var parts []expr
	for !p.peek().isOp("]") {
		if len(parts) > 0 {
			p.wantOp(",")
		}
		parts = append(parts, p.subscribed())
	}
	p.wantOp("]")
	if len(parts) == 1 {
		return &itemExpr{obj: obj, index: parts[0], line: line}
	}
	return &itemExpr{obj: obj, index: &listExpr{items: parts, tuple: true}, line: line}
}

// subscribed parses an index or a slice.
func (p *parser) subscribed() expr {
	var bounds [3]expr
	n := 0
	for ; n < 3; n++ {
		if !p.peek().isOp(":", "]", ",") {
			bounds[n] = p.expr()
		}
		if n == 0 && bounds[0] != nil && !p.peek().isOp(":") {
			return bounds[0]
		}
		if n == 2 || !p.takeOp(":") {
			break
		}
	}
	if n == 0 {
		p.unexpected("a subscript")
	}
	return &sliceExpr{bounds[0], bounds[1], bounds[2]}
}

// args parses arguments behind "(".
func (p *parser) args() argList {
	return nested(p, func() argList {
		var a argList
		for first := true; !p.takeOp(")"); first = false {
			if !first {
				p.wantOp(",")
				if p.takeOp(")") {
					break
				}
			}
			p.arg(&a)
		}
		return a
	})
}

// arg parses one argument.
func (p *parser) arg(a *argList) {
	t := p.peek()
	switch {
	case a.star2 != nil:
		p.fail(t.line, "an argument stands behind ** arguments")
	case t.isOp("*"):
		if a.star != nil {
			p.fail(t.line, "two * arguments")
		}
		p.next()
		a.star = p.expr()
	case t.isOp("**"):
		p.next()
		a.star2 = p.expr()
	case t.kind == tokName && p.ahead().isOp("="):
		p.ti += 2
		a.names, a.vals = append(a.names, t.val), append(a.vals, p.expr())
	case len(a.names) > 0 || a.star != nil:
		p.unexpected("a named argument")
	default:
		a.pos = append(a.pos, p.expr())
	}
}

// filters parses filters, tests and calls behind a value.
func (p *parser) filters(e expr) expr {
	return p.chain(e, func(e expr) expr {
		line := p.line()
		switch {
		case p.takeOp("|"):
			return p.filter(e)
		case p.takeName("is"):
			return p.test(e)
		case p.takeOp("("):
			return &callExpr{fn: e, args: p.args(), line: line}
		}
		return nil
	})
}

// filter parses a filter's name and arguments.
func (p *parser) filter(x expr) *filterExpr {
	f := &filterExpr{x: x, line: p.line(), name: p.dotted()}
	f.fn = filters[f.name]
	if p.takeOp("(") {
		f.args = p.args()
	}
	return f
}

// dotted parses a name that may have dots.
func (p *parser) dotted() string {
	name := p.wantName()
	for p.takeOp(".") {
		name += "." + p.wantName()
	}
	return name
}

// test parses a test's name and arguments: "is divisibleby(3)", "is eq 3".
func (p *parser) test(x expr) expr {
	negate := p.takeName("not")
	e := &testExpr{x: x, line: p.line(), name: p.dotted()}
	e.fn = tests[e.name]
	switch t := p.peek(); {
	case p.takeOp("("):
		e.args = p.args()
	case t.isName("is"):
		p.fail(t.line, "tests cannot be chained with is")
	case p.testArgument(t):
		e.args.pos = []expr{p.postfix(p.primary())}
	}
	if negate {
		return &notExpr{e}
	}
	return e
}

// testArgument tells whether a token starts a test's argument without parentheses.
func (p *parser) testArgument(t token) bool {
	switch t.kind {
	case tokString, tokInt, tokFloat:
		return true
	case tokName:
		return !t.isName("else", "or", "and", "if", "in", "not", "recursive")
	}
	return t.isOp("[", "{")
}
