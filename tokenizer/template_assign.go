package tokenizer

import (
	"slices"
	"strings"
)

// setStatement lowers {% set x = … %}, {% set a, b = … %}, {% set ns.x = … %}
// and {% set x %}…{% endset %}.
func (p *tmplParser) setStatement(line int) (string, error) {
	targets, err := p.targets()
	if err != nil {
		return "", err
	}
	if len(targets) == 1 && p.takeOp(".") {
		return p.setAttribute(targets[0], line)
	}
	if !p.takeOp("=") {
		if len(targets) > 1 {
			return "", p.unexpected("\"=\"")
		}
		return p.setBlock(targets[0])
	}
	value, err := p.setValue()
	if err != nil {
		return "", err
	}
	if len(targets) == 1 {
		return tmplTag("set ", p.assigned(targets[0]), " = ", value), nil
	}
	for _, name := range targets {
		p.assigned(name)
	}
	list := p.temp()
	return tmplTag("set ", list, " = ", value) + p.unpack(targets, list, line), nil
}

// setValue parses and lowers the right side of an assignment.
func (p *tmplParser) setValue() (string, error) {
	n, err := p.tuple(func() bool { return p.peek().kind == tmplTokEnd })
	if err != nil {
		return "", err
	}
	return p.lowered(n), p.wantEnd()
}

// setAttribute lowers the assignment to an attribute of a namespace.
func (p *tmplParser) setAttribute(object string, line int) (string, error) {
	attr, err := p.wantName()
	if err != nil {
		return "", err
	}
	if err := p.wantOp("="); err != nil {
		return "", err
	}
	value, err := p.setValue()
	if err != nil {
		return "", err
	}
	op := tmplOp{run: tmplSetAttr, name: attr, desc: object, line: line}
	return p.opTag(op, p.symbol(object), value), nil
}

// setBlock lowers the form that assigns what a block writes.
func (p *tmplParser) setBlock(name string) (string, error) {
	t := p.temp()
	value, err := p.filters(&tmplNode{kind: tmplNodeTemp, name: t})
	if err != nil {
		return "", err
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	body, err := p.scoped(func() (string, error) { return p.body("endset") })
	if err != nil {
		return "", err
	}
	return tmplTag("set ", t) + body + tmplTag("endset") +
		tmplTag("set ", p.assigned(name), " = ", p.lowered(value)), nil
}

// filterStatement lowers {% filter upper %}…{% endfilter %}.
func (p *tmplParser) filterStatement(line int) (string, error) {
	t := p.temp()
	value, err := p.filter(&tmplNode{kind: tmplNodeTemp, name: t})
	if err == nil {
		value, err = p.filters(value)
	}
	if err != nil {
		return "", err
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	body, err := p.scoped(func() (string, error) { return p.body("endfilter") })
	if err != nil {
		return "", err
	}
	return tmplTag("set ", t) + body + tmplTag("endset") +
		p.opTag(tmplOp{run: tmplOutput, line: line}, value), nil
}

// withStatement lowers {% with a = 1, b = 2 %}…{% endwith %}.
func (p *tmplParser) withStatement() (string, error) {
	return p.scoped(func() (string, error) {
		var early, late strings.Builder // values see the outer variables
		for p.peek().kind != tmplTokEnd {
			name, err := p.wantName()
			if err == nil {
				err = p.wantOp("=")
			}
			if err != nil {
				return "", err
			}
			n, err := p.expr()
			if err != nil {
				return "", err
			}
			t := p.temp()
			early.WriteString(tmplTag("set ", t, " = ", p.lowered(n)))
			late.WriteString(tmplTag("set ", p.assigned(name), " = ", t))
			if !p.takeOp(",") {
				break
			}
		}
		if err := p.wantEnd(); err != nil {
			return "", err
		}
		body, err := p.body("endwith")
		return early.String() + late.String() + body, err
	})
}

// macroStatement lowers a macro. Defaults move into the body, where each
// parameter that the call left out is set. The macro gets a name of its own,
// by which tmplGuard.invoke finds its parameters, and then its variable.
func (p *tmplParser) macroStatement(line int) (string, error) {
	name, err := p.wantName()
	if err == nil {
		err = p.wantOp("(")
	}
	if err != nil {
		return "", err
	}
	params, defaults, err := p.params(line)
	if err != nil {
		return "", err
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	outer := p.uses
	p.uses = map[string]bool{}
	body, err := p.function("endmacro")
	uses := p.uses
	p.uses = outer
	if err != nil {
		return "", err
	}
	t := p.temp()
	params = p.macro(name, t, params, uses)
	head := tmplTag("macro ", t, "(", strings.Join(params, ","), ")")
	return head + p.opTag(tmplOp{run: tmplEnter, line: line}) + defaults + body +
		p.opTag(tmplOp{run: tmplLeave, line: line}) + tmplTag("endmacro") +
		tmplTag("set ", p.assigned(name), " = ", t), nil
}

// macro notes the parameters of a macro and returns those of its lowered form,
// which has varargs and kwargs too if the body uses them.
func (p *tmplParser) macro(name, lowered string, params []string, uses map[string]bool) []string {
	m := &tmplMacro{name: name, params: params, caller: uses["caller"]}
	params = slices.Clone(params)
	if uses["varargs"] {
		m.varargs = p.symbol("varargs")
		params = append(params, m.varargs)
	}
	if uses["kwargs"] {
		m.kwargs = p.symbol("kwargs")
		params = append(params, m.kwargs)
	}
	if p.macros == nil {
		p.macros = map[string]*tmplMacro{}
	}
	p.macros[lowered] = m
	return params
}

// function parses the body of a macro or a caller.
func (p *tmplParser) function(end string) (string, error) {
	outer, inLoop := p.sets, p.inLoop
	p.sets, p.inLoop = nil, false
	defer func() { p.sets, p.inLoop = outer, inLoop }()
	return p.body(end)
}

// params parses parameters behind "(" and returns their lowered names and
// the statements that set their defaults.
func (p *tmplParser) params(line int) (names []string, defaults string, err error) {
	var late strings.Builder
	for !p.takeOp(")") {
		if len(names) > 0 {
			if err := p.wantOp(","); err != nil {
				return nil, "", err
			}
			if p.takeOp(")") {
				break
			}
		}
		name, err := p.wantName()
		if err != nil {
			return nil, "", err
		}
		v := p.symbol(name)
		if slices.Contains(names, v) {
			return nil, "", tmplSyntax(line, "parameter %.40q is given twice", name)
		}
		names = append(names, v)
		if p.takeOp("=") {
			n, err := p.expr()
			if err != nil {
				return nil, "", err
			}
			late.WriteString(tmplTag("if ", p.opCall(tmplOp{run: tmplIsUndefined, line: line}, v)) +
				tmplTag("set ", v, " = ", p.lowered(n)) + tmplTag("endif"))
		}
	}
	return names, late.String(), nil
}

// callStatement lowers {% call(a) macro(x) %}…{% endcall %}.
func (p *tmplParser) callStatement() (string, error) {
	var params []string
	if p.takeOp("(") {
		var err error
		if params, _, err = p.params(p.peek().line); err != nil {
			return "", err
		}
	}
	n, err := p.unary(false)
	if err != nil {
		return "", err
	}
	if !n.op.call {
		return "", p.unexpected("a call")
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	body, err := p.function("endcall")
	if err != nil {
		return "", err
	}
	n.op.run = tmplCallBlock
	return tmplTag("call(", strings.Join(params, ","), ") ", p.lowered(n)) + body + tmplTag("endcall"), nil
}
