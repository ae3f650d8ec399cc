package tokenizer

import (
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// Lowering: a template becomes another template in a small part of the
// language, and that is what the Jinja library compiles and runs.
//
//	{% for x in xs %}      {%- for v1 in f(0,v0) -%}{{- f(1) -}}
//	{{ x.name|upper }}!    {{- f(4,f(3,f(2,v1))) -}}{{- f(5) -}}
//	{% endfor %}           {%- endfor -%}
//
// The library keeps control flow, scopes, macros, calls, and/or/if-else.
// Everything that makes a value goes through the one function f, whose first
// argument is a number in the template's table of operations: there the
// semantics are Jinja2's to the byte, and each operation is counted against
// TemplateLimits. The library alone has no such hook: a long range, a string
// doubled in a loop or a macro that calls itself would end the process.
// White space rules are applied before lowering, so the lowered source has no
// text but separators that its "-" signs remove.
//
// Names in the lowered source: f; u (never set); k0… constants; v0…
// variables; t0… temporaries; loop and caller, which the library sets.

// tmplProgram is the result of parsing: the lowered source and its tables.
type tmplProgram struct {
	source string
	ops    []tmplOp
	consts []jinja.Value         // k0, k1, …
	syms   map[string]string     // variable → name in the lowered source
	macros map[string]*tmplMacro // by name in the lowered source
}

// lowerTemplate parses a template's source.
func lowerTemplate(src string) (*tmplProgram, error) {
	segs, err := scanTemplate(src)
	if err != nil {
		return nil, err
	}
	p := &tmplParser{segs: segs, syms: map[string]string{"loop": "loop", "caller": "caller"}}
	out, _, err := p.block()
	if err != nil {
		return nil, err
	}
	return &tmplProgram{source: out, ops: p.ops, consts: p.consts, syms: p.syms, macros: p.macros}, nil
}

// symbol returns the lowered name of a variable.
func (p *tmplParser) symbol(name string) string {
	if name == tmplUndefName {
		return "u"
	}
	s, ok := p.syms[name]
	if !ok {
		s = "v" + strconv.Itoa(len(p.syms))
		p.syms[name] = s
	}
	return s
}

// temp returns a new temporary.
func (p *tmplParser) temp() string {
	p.temps++
	return "t" + strconv.Itoa(p.temps-1)
}

// addOp numbers an operation and returns the start of its call, "f(12".
func (p *tmplParser) addOp(op tmplOp) string {
	p.ops = append(p.ops, op)
	return "f(" + strconv.Itoa(len(p.ops)-1)
}

// tmplLowerArg is something to write as an argument: a node or a temporary.
type tmplLowerArg any

// opTag returns an output tag that runs an operation.
func (p *tmplParser) opTag(op tmplOp, args ...tmplLowerArg) string {
	return "{{- " + p.opCall(op, args...) + " -}}\n"
}

// opCall returns the call of an operation.
func (p *tmplParser) opCall(op tmplOp, args ...tmplLowerArg) string {
	var b strings.Builder
	b.WriteString(p.addOp(op))
	for _, a := range args {
		b.WriteByte(',')
		switch a := a.(type) {
		case *tmplNode:
			p.lower(&b, a)
		case string:
			b.WriteString(a)
		}
	}
	b.WriteByte(')')
	return b.String()
}

// lower writes an expression.
func (p *tmplParser) lower(b *strings.Builder, n *tmplNode) {
	switch n.kind {
	case tmplNodeName:
		b.WriteString(p.symbol(n.name))
	case tmplNodeTemp:
		b.WriteString(n.name)
	case tmplNodeConst:
		b.WriteString("k" + strconv.Itoa(len(p.consts)))
		p.consts = append(p.consts, n.val)
	case tmplNodeOp:
		b.WriteString(p.addOp(n.op))
		for _, a := range n.args {
			b.WriteByte(',')
			p.lower(b, a)
		}
		b.WriteByte(')')
	case tmplNodeAnd:
		p.lowerJoin(b, n.args[0], " and ", n.args[1])
	case tmplNodeOr:
		p.lowerJoin(b, n.args[0], " or ", n.args[1])
	case tmplNodeCond:
		b.WriteByte('(')
		p.lower(b, n.args[1])
		b.WriteString(" if ")
		p.lowerJoin(b, n.args[0], " else ", n.args[2])
		b.WriteByte(')')
	}
}

// lowerJoin writes two expressions around a word; the parentheses are around
// both for a logical operator, and around each for the end of a condition.
func (p *tmplParser) lowerJoin(b *strings.Builder, l *tmplNode, word string, r *tmplNode) {
	if word != " else " {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	p.lower(b, l)
	b.WriteString(word)
	p.lower(b, r)
}

// lowered returns an expression as text.
func (p *tmplParser) lowered(n *tmplNode) string {
	var b strings.Builder
	p.lower(&b, n)
	return b.String()
}

// tmplTag returns a statement tag of the lowered source.
func tmplTag(parts ...string) string {
	return "{%- " + strings.Join(parts, "") + " -%}\n"
}
