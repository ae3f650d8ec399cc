package jinja

import "slices"

// This file has the operators of the expression grammar, from the loosest to the tightest, with the precedences of
// Jinja2:
//
//	cond    = or { "if" or [ "else" cond ] }
//	or      = and { "or" and }          and = not { "and" not }
//	not     = "not" not | compare
//	compare = sum { ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" ) sum }
//	sum     = concat { ( "+" | "-" ) concat }
//	concat  = product { "~" product }
//	product = power { ( "*" | "/" | "//" | "%" ) power }
//	power   = unary { "**" unary }
//
// A chain is a tree that leans to the left: its depth counts like that of brackets.

// expr parses an expression without a comma.
func (p *parser) expr() expr { return nested(p, p.cond) }

// chain parses first, then calls more until it returns nil; every operator makes the tree one deeper.
func (p *parser) chain(first expr, more func(left expr) expr) expr {
	depth := p.exprDepth
	defer func() { p.exprDepth = depth }()
	for {
		e := more(first)
		if e == nil {
			return first
		}
		first = e
		p.deeper()
	}
}

func (p *parser) cond() expr {
	return p.chain(p.or(), func(then expr) expr {
		if !p.takeName("if") {
			return nil
		}
		e := &condExpr{cond: p.or(), then: then}
		if p.takeName("else") {
			e.other = p.expr()
		}
		return e
	})
}

func (p *parser) or() expr {
	return p.chain(p.and(), func(left expr) expr {
		if !p.takeName("or") {
			return nil
		}
		return &logicExpr{or: true, a: left, b: p.and()}
	})
}

func (p *parser) and() expr {
	return p.chain(p.not(), func(left expr) expr {
		if !p.takeName("and") {
			return nil
		}
		return &logicExpr{a: left, b: p.not()}
	})
}

func (p *parser) not() expr {
	if !p.takeName("not") {
		return p.compare()
	}
	return &notExpr{nested(p, p.not)}
}

// compare parses comparisons; a < b < c means a < b and b < c.
func (p *parser) compare() expr {
	e := &compareExpr{first: p.sum(), line: p.line()}
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		e.rest = append(e.rest, comparison{op, p.sum()})
	}
	if len(e.rest) == 0 {
		return e.first
	}
	return e
}

// compareOp consumes a comparison operator; "" if there is none.
func (p *parser) compareOp() string {
	switch {
	case p.peek().isOp("==", "!=", "<", "<=", ">", ">="):
		return p.next().val
	case p.takeName("in"):
		return "in"
	case p.peek().isName("not") && p.ahead().isName("in"):
		p.ti += 2
		return "not in"
	}
	return ""
}

func (p *parser) sum() expr { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() expr {
	first := p.product()
	if !p.peek().isOp("~") {
		return first
	}
	e := &concatExpr{parts: []expr{first}}
	for p.takeOp("~") {
		e.parts = append(e.parts, p.product())
	}
	return e
}

func (p *parser) product() expr { return p.binary(p.power, "*", "/", "//", "%") }

// power parses "**", which groups to the left in Jinja2.
func (p *parser) power() expr {
	return p.binary(func() expr { return p.unary(true) }, "**")
}

// binary parses a left-associative chain of operators.
func (p *parser) binary(sub func() expr, ops ...string) expr {
	first := sub()
	if t := p.peek(); t.kind != tokOp || !slices.Contains(ops, t.val) {
		return first
	}
	return p.chain(first, func(left expr) expr {
		t := p.peek()
		if t.kind != tokOp || !slices.Contains(ops, t.val) {
			return nil
		}
		p.next()
		return &binaryExpr{op: t.val, a: left, b: sub(), line: t.line}
	})
}

// unary parses signs, and the postfix forms and filters behind a value. In -x|abs the filter applies to the negated
// value.
func (p *parser) unary(filters bool) expr {
	var e expr
	if t := p.peek(); t.isOp("-", "+") {
		p.next()
		e = &unaryExpr{op: t.val[0], x: nested(p, func() expr { return p.unary(false) }), line: t.line}
	} else {
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filters(e)
	}
	return e
}
