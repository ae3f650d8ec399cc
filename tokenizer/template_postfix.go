package tokenizer

import (
	"fmt"

	"github.com/ardanlabs/jinja"
)

// postfix parses attributes, subscripts and calls behind a value.
func (p *tmplParser) postfix(n *tmplNode) (*tmplNode, error) {
	var err error
	for err == nil {
		switch {
		case p.takeOp("."):
			n, err = p.attribute(n)
		case p.takeOp("["):
			n, err = p.subscript(n)
		case p.takeOp("("):
			n, err = p.call(tmplCall, "", n)
		default:
			return n, nil
		}
	}
	return nil, err
}

// attribute parses what follows a "."; x.0 is x[0], and x.name(…) becomes
// one operation.
func (p *tmplParser) attribute(obj *tmplNode) (*tmplNode, error) {
	if t := p.peek(); t.kind == tmplTokInt {
		p.next()
		key, err := p.number(t)
		if err != nil {
			return nil, err
		}
		return p.mkOp(tmplItem, "", obj, key)
	}
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	if p.takeOp("(") {
		return p.call(tmplMethod, name, obj)
	}
	n, err := p.mkOp(tmplAttr, name, obj)
	if err == nil {
		n.setPath(obj, "."+name)
	}
	return n, err
}

// subscript parses what follows a "[": an index or a slice, whose missing
// bounds become none.
func (p *tmplParser) subscript(obj *tmplNode) (*tmplNode, error) {
	var bounds [3]*tmplNode
	slice := false
	for i := range bounds {
		if !p.isOp(":", "]") {
			part, err := p.tuple(func() bool { return p.isOp("]", ":") })
			if err != nil {
				return nil, err
			}
			bounds[i] = part
		}
		if !p.takeOp(":") {
			break
		}
		slice = true
	}
	if !slice && bounds[0] == nil {
		return nil, p.unexpected("a subscript")
	}
	if err := p.wantOp("]"); err != nil {
		return nil, err
	}
	if slice {
		return p.sliceNode(obj, bounds)
	}
	n, err := p.mkOp(tmplItem, "", obj, bounds[0])
	if err != nil {
		return nil, err
	}
	switch key := bounds[0]; {
	case key.kind == tmplNodeConst && key.val.IsString():
		n.op.name = key.val.AsString()
		n.setPath(obj, "."+n.op.name)
	case key.kind == tmplNodeConst && key.val.IsInt():
		n.setPath(obj, fmt.Sprintf("[%d]", key.val.AsInt()))
	default:
		n.setPath(obj, "[…]")
	}
	return n, nil
}

// sliceNode returns the operation of a slice.
func (p *tmplParser) sliceNode(obj *tmplNode, bounds [3]*tmplNode) (*tmplNode, error) {
	args := []*tmplNode{obj}
	for _, bound := range bounds {
		if bound == nil {
			bound = &tmplNode{kind: tmplNodeConst, val: jinja.None()}
		}
		args = append(args, bound)
	}
	return p.mkOp(tmplSlice, "", args...)
}

// call parses arguments behind "(" into an operation on obj.
func (p *tmplParser) call(run tmplRun, name string, obj *tmplNode) (*tmplNode, error) {
	args := []*tmplNode{obj}
	var kw, vars []string
	for !p.takeOp(")") {
		if len(args) > 1 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.takeOp(")") {
				break
			}
		}
		if p.isOp("*", "**") {
			return nil, tmplSyntax(p.peek().line, "arguments by * and ** are not supported")
		}
		if next := p.toks[min(p.ti+1, len(p.toks)-1)]; p.peek().kind == tmplTokName && next.kind == tmplTokOp && next.val == "=" {
			kw, vars = append(kw, p.peek().val), append(vars, p.symbol(p.peek().val))
			p.ti += 2
		} else if len(kw) > 0 {
			return nil, p.unexpected("a named argument")
		}
		arg, err := p.expr()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	n, err := p.mkOp(run, name, args...)
	if err == nil {
		n.op.kw, n.op.vars, n.op.call = kw, vars, name == ""
	}
	return n, err
}

// filters parses filters, tests and calls behind a value.
func (p *tmplParser) filters(n *tmplNode) (*tmplNode, error) {
	var err error
	for err == nil {
		switch {
		case p.takeOp("|"):
			n, err = p.filter(n)
		case p.takeName("is"):
			n, err = p.test(n)
		case p.takeOp("("):
			n, err = p.call(tmplCall, "", n)
		default:
			return n, nil
		}
	}
	return nil, err
}

// filter parses a filter's name and arguments.
func (p *tmplParser) filter(n *tmplNode) (*tmplNode, error) {
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	if p.takeOp("(") {
		return p.call(tmplFilterOp, name, n)
	}
	return p.mkOp(tmplFilterOp, name, n)
}

// test parses a test's name and arguments: "is divisibleby(3)", "is eq 3".
func (p *tmplParser) test(n *tmplNode) (*tmplNode, error) {
	negate := p.takeName("not")
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	switch t := p.peek(); {
	case p.takeOp("("):
		n, err = p.call(tmplTestOp, name, n)
	case p.testArgument(t):
		var arg *tmplNode
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		if err == nil {
			n, err = p.mkOp(tmplTestOp, name, n, arg)
		}
	default:
		n, err = p.mkOp(tmplTestOp, name, n)
	}
	if err != nil || !negate {
		return n, err
	}
	return p.mkOp(tmplNot, "not", n)
}

// testArgument tells whether a token starts a test's argument without
// parentheses.
func (p *tmplParser) testArgument(t tmplTok) bool {
	switch t.kind {
	case tmplTokString, tmplTokInt, tmplTokFloat:
		return true
	case tmplTokName:
		switch t.val {
		case "else", "or", "and", "if", "is", "in", "not", "recursive":
			return false
		}
		return true
	}
	return p.isOp("[", "{")
}
