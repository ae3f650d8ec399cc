package jinja

import (
	"math/big"
	"strconv"
	"strings"
)

// primary parses a literal, a variable or something in brackets.
func (p *parser) primary() expr {
	t := p.peek()
	switch t.kind {
	case tokName:
		p.next()
		return p.nameOrWord(t.val)
	case tokString:
		var b strings.Builder
		for p.peek().kind == tokString { // adjacent literals are one
			b.WriteString(p.next().val)
		}
		return &constExpr{own(b.String())}
	case tokInt, tokFloat:
		p.next()
		return &constExpr{p.number(t)}
	}
	switch {
	case p.takeOp("("):
		return p.paren()
	case p.takeOp("["):
		return &listExpr{items: p.items("]", func(add func(expr)) { add(p.expr()) })}
	case p.takeOp("{"):
		return &dictExpr{line: t.line, items: p.items("}", func(add func(expr)) {
			add(p.expr())
			p.wantOp(":")
			add(p.expr())
		})}
	}
	p.unexpected("a value")
	return nil
}

// nameOrWord returns the constant or variable of a name.
func (p *parser) nameOrWord(name string) expr {
	switch name {
	case "true", "True":
		return &constExpr{true}
	case "false", "False":
		return &constExpr{false}
	case "none", "None":
		return &constExpr{none{}}
	case "loop":
		if p.usesLoop != nil {
			*p.usesLoop = true
		}
	}
	if m := p.macro; m != nil {
		m.varargs = m.varargs || name == "varargs"
		m.kwargs = m.kwargs || name == "kwargs"
		m.caller = m.caller || name == "caller"
	}
	return &nameExpr{sym: p.symbol(name), name: name}
}

// maxDigits is the longest integer in digits, Python's limit for turning text into one.
const maxDigits = 4300

// number returns the value of a number literal.
func (p *parser) number(t token) Value {
	s := strings.ReplaceAll(t.val, "_", "")
	if t.kind == tokFloat {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && f == 0 {
			p.fail(t.line, "bad number %.40q", t.val)
		}
		return f
	}
	base := 10
	if len(s) > 1 && s[0] == '0' && s[1] > '9' {
		base = 0
	}
	n, ok := new(big.Int), len(s) <= maxDigits
	if ok {
		n, ok = n.SetString(s, base)
	}
	if !ok {
		p.fail(t.line, "bad number %.40q", t.val)
	}
	return normal(n)
}

// paren parses what follows "(": a value in parentheses or a tuple.
func (p *parser) paren() expr {
	if p.takeOp(")") {
		return &listExpr{tuple: true}
	}
	e := p.tuple(func() bool { return p.peek().isOp(")") }, p.expr)
	p.wantOp(")")
	return e
}

// tuple parses a value, or several with commas up to where end is true.
func (p *parser) tuple(end func() bool, item func() expr) expr {
	first := item()
	if !p.peek().isOp(",") {
		return first
	}
	items := []expr{first}
	for p.takeOp(",") && !end() {
		items = append(items, item())
	}
	return &listExpr{items: items, tuple: true}
}

// atEnd reports whether the tag has no more tokens.
func (p *parser) atEnd() bool { return p.peek().kind == tokEnd }

// items parses what is separated by commas up to the closing bracket.
func (p *parser) items(closer string, item func(add func(expr))) []expr {
	var out []expr
	for first := true; !p.takeOp(closer); first = false {
		if !first {
			p.wantOp(",")
			if p.takeOp(closer) {
				break
			}
		}
		item(func(e expr) { out = append(out, e) })
	}
	return out
}
