package tokenizer

import "slices"

// This file has the operators of the expression grammar, from the loosest to
// the tightest, with the precedences of Jinja2:
//
//	cond    = or { "if" or [ "else" cond ] }
//	or      = and { "or" and }          and = not { "and" not }
//	not     = "not" not | compare
//	compare = sum { ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" ) sum }
//	sum     = concat { ( "+" | "-" ) concat }
//	concat  = product { "~" product }
//	product = power { ( "*" | "/" | "//" | "%" ) power }
//	power   = unary { "**" unary }

// expr parses an expression without a comma.
func (p *tmplParser) expr() (*tmplNode, error) { return p.nested(p.cond) }

// cond parses the conditional expression.
func (p *tmplParser) cond() (*tmplNode, error) {
	then, err := p.or()
	for err == nil && p.takeName("if") {
		var cond, els *tmplNode
		if cond, err = p.or(); err != nil {
			break
		}
		if p.takeName("else") {
			els, err = p.expr()
		} else {
			els, err = p.mk(&tmplNode{kind: tmplNodeName, name: tmplUndefName})
		}
		if err == nil {
			then, err = p.mk(&tmplNode{kind: tmplNodeCond, args: []*tmplNode{cond, then, els}})
		}
	}
	return then, err
}

// or parses a chain of "or".
func (p *tmplParser) or() (*tmplNode, error) { return p.logic("or", tmplNodeOr, p.and) }

// and parses a chain of "and".
func (p *tmplParser) and() (*tmplNode, error) { return p.logic("and", tmplNodeAnd, p.not) }

// logic parses a chain of a short-circuit operator.
func (p *tmplParser) logic(word string, kind tmplNodeKind, sub func() (*tmplNode, error)) (*tmplNode, error) {
	left, err := sub()
	for err == nil && p.takeName(word) {
		var right *tmplNode
		if right, err = sub(); err == nil {
			left, err = p.mk(&tmplNode{kind: kind, args: []*tmplNode{left, right}})
		}
	}
	return left, err
}

// not parses "not" and what is tighter.
func (p *tmplParser) not() (*tmplNode, error) {
	if !p.takeName("not") {
		return p.compare()
	}
	arg, err := p.nested(p.not)
	if err != nil {
		return nil, err
	}
	return p.mkOp(tmplNot, "not", arg)
}

// compare parses comparisons; a < b < c means a < b and b < c.
func (p *tmplParser) compare() (*tmplNode, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	args, ops := []*tmplNode{first}, []string(nil)
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		args, ops = append(args, right), append(ops, op)
	}
	if len(ops) == 0 {
		return first, nil
	}
	n, err := p.mkOp(tmplCompare, "", args...)
	if err == nil {
		n.op.kw = ops
	}
	return n, err
}

// compareOp consumes a comparison operator; "" if there is none.
func (p *tmplParser) compareOp() string {
	if p.isOp("==", "!=", "<", "<=", ">", ">=") {
		return p.next().val
	}
	if p.takeName("in") {
		return "in"
	}
	if p.isName("not") && p.toks[p.ti+1].kind == tmplTokName && p.toks[p.ti+1].val == "in" {
		p.ti += 2
		return "not in"
	}
	return ""
}

// sum parses "+" and "-".
func (p *tmplParser) sum() (*tmplNode, error) { return p.binary(p.concat, "+", "-") }

// concat parses "~", a chain of which is one operation.
func (p *tmplParser) concat() (*tmplNode, error) {
	first, err := p.product()
	args := []*tmplNode{first}
	for err == nil && p.takeOp("~") {
		var right *tmplNode
		right, err = p.product()
		args = append(args, right)
	}
	if err != nil || len(args) == 1 {
		return first, err
	}
	return p.mkOp(tmplConcat, "~", args...)
}

// product parses the multiplicative operators.
func (p *tmplParser) product() (*tmplNode, error) { return p.binary(p.power, "*", "/", "//", "%") }

// power parses "**", which groups to the left in Jinja2.
func (p *tmplParser) power() (*tmplNode, error) {
	return p.binary(func() (*tmplNode, error) { return p.unary(true) }, "**")
}

// binary parses a left-associative chain of operators.
func (p *tmplParser) binary(sub func() (*tmplNode, error), ops ...string) (*tmplNode, error) {
	left, err := sub()
	for err == nil && p.peek().kind == tmplTokOp && slices.Contains(ops, p.peek().val) {
		op := p.next().val
		var right *tmplNode
		if right, err = sub(); err == nil {
			left, err = p.mkOp(tmplArith, op, left, right)
		}
	}
	return left, err
}

// unary parses signs, and the postfix forms and filters behind a value. In
// -x|abs the filter applies to the negated value, as in Jinja2.
func (p *tmplParser) unary(filters bool) (*tmplNode, error) {
	n, err := p.signed()
	if err == nil {
		n, err = p.postfix(n)
	}
	if err == nil && filters {
		n, err = p.filters(n)
	}
	return n, err
}

// signed parses a sign or a primary value.
func (p *tmplParser) signed() (*tmplNode, error) {
	if !p.isOp("-", "+") {
		return p.primary()
	}
	op := p.next().val
	arg, err := p.nested(func() (*tmplNode, error) { return p.unary(false) })
	if err != nil {
		return nil, err
	}
	return p.mkOp(tmplSign, op, arg)
}
