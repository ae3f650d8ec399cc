package tokenizer

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// primary parses a literal, a variable or something in brackets.
func (p *tmplParser) primary() (*tmplNode, error) {
	t := p.peek()
	switch t.kind {
	case tmplTokName:
		p.next()
		return p.nameOrWord(t.val)
	case tmplTokString:
		var b strings.Builder
		for p.peek().kind == tmplTokString { // adjacent literals are one
			b.WriteString(p.next().val)
		}
		return p.mkConst(jinja.NewString(b.String()))
	case tmplTokInt, tmplTokFloat:
		p.next()
		return p.number(t)
	}
	switch {
	case p.takeOp("("):
		return p.paren()
	case p.takeOp("["):
		items, err := p.list("]")
		if err != nil {
			return nil, err
		}
		return p.mkOp(tmplMakeList, "", items...)
	case p.takeOp("{"):
		return p.dict()
	}
	return nil, p.unexpected("a value")
}

// nameOrWord returns the constant or variable of a name.
func (p *tmplParser) nameOrWord(name string) (*tmplNode, error) {
	switch name {
	case "true", "True":
		return p.mkConst(jinja.NewBool(true))
	case "false", "False":
		return p.mkConst(jinja.NewBool(false))
	case "none", "None":
		return p.mkConst(jinja.None())
	case "varargs", "kwargs", "caller":
		if p.uses != nil {
			p.uses[name] = true
		}
	}
	return p.mk(&tmplNode{kind: tmplNodeName, name: name})
}

// number returns the constant of a number literal.
func (p *tmplParser) number(t tmplTok) (*tmplNode, error) {
	text := strings.ReplaceAll(t.val, "_", "")
	if t.kind == tmplTokFloat {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && f == 0 {
			return nil, tmplSyntax(t.line, "bad number %.40q", t.val)
		}
		return p.mkConst(jinja.NewFloat(f))
	}
	base := 10
	if len(text) > 1 && text[0] == '0' && text[1] > '9' {
		base = 0
	}
	if n, ok := new(big.Int).SetString(text, base); ok && len(text) <= tmplMaxDigits {
		return p.mkConst(tmplInt(n))
	}
	return nil, tmplSyntax(t.line, "bad number %.40q", t.val)
}

// paren parses what follows "(": a value in parentheses or a tuple.
func (p *tmplParser) paren() (*tmplNode, error) {
	if p.takeOp(")") {
		return p.mkOp(tmplMakeList, tmplTuple)
	}
	n, err := p.tuple(func() bool { return p.isOp(")") })
	if err != nil {
		return nil, err
	}
	return n, p.wantOp(")")
}

// tuple parses a value or several with commas, up to where end is true.
func (p *tmplParser) tuple(end func() bool) (*tmplNode, error) {
	first, err := p.expr()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	items := []*tmplNode{first}
	for p.takeOp(",") && !end() {
		item, err := p.expr()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return p.mkOp(tmplMakeList, tmplTuple, items...)
}

// list parses comma-separated values up to the closing bracket.
func (p *tmplParser) list(closer string) ([]*tmplNode, error) {
	var items []*tmplNode
	for !p.takeOp(closer) {
		if len(items) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.takeOp(closer) {
				break
			}
		}
		item, err := p.expr()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// dict parses what follows "{"; keys and values alternate in the node.
func (p *tmplParser) dict() (*tmplNode, error) {
	var items []*tmplNode
	for !p.takeOp("}") {
		if len(items) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, err
			}
			if p.takeOp("}") {
				break
			}
		}
		key, err := p.expr()
		if err == nil {
			err = p.wantOp(":")
		}
		if err != nil {
			return nil, err
		}
		val, err := p.expr()
		if err != nil {
			return nil, err
		}
		items = append(items, key, val)
	}
	return p.mkOp(tmplMakeDict, "", items...)
}
