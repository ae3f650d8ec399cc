package jinja

import (
	"fmt"
	"slices"
)

const (
	// MaxSource is the longest source of a template in bytes; real ones have up to 20 KB.
	MaxSource = 1 << 20

	// maxExpr is the deepest expression, which bounds the recursion of parser and evaluator. A chain such as a + b + c
	// is as deep as it has operators.
	maxExpr = 250

	// maxBlocks is the deepest nesting of for, if, macro and so on.
	maxBlocks = 60
)

// Template is a parsed template. It does not change and may be rendered by several goroutines at once.
type Template struct {
	src    string
	body   []stmt
	hidden []int
	blocks map[string]*blockDef
	syms   map[string]int // number of each variable
	sym    wellKnown
}

// wellKnown are the numbers of the variables that the language itself sets.
type wellKnown struct{ loop, caller, varargs, kwargs, self int }

// blockDef is the body of a block.
type blockDef struct {
	name   string
	body   []stmt
	hidden []int
}

// Parse reads the source of a template. The error is an *Error that wraps ErrSyntax, or wraps ErrLimit for a source
// longer than MaxSource.
func Parse(src string) (t *Template, err error) {
	if len(src) > MaxSource {
		return nil, fmt.Errorf("%w: %d bytes of source, at most %d", ErrLimit, len(src), MaxSource)
	}
	segs, err := scan(src)
	if err != nil {
		return nil, err
	}
	p := &parser{segs: segs, t: &Template{src: src, blocks: map[string]*blockDef{}, syms: map[string]int{}}}
	defer func() {
		if v := recover(); v != nil {
			t, err = nil, caught(v, p.line())
		}
	}()
	p.t.sym = wellKnown{p.symbol("loop"), p.symbol("caller"), p.symbol("varargs"), p.symbol("kwargs"), p.symbol("self")}
	p.t.body, _ = p.block()
	p.t.hidden = analyze(nil, p.t.body, nil)
	for _, b := range p.t.blocks {
		b.hidden = analyze(nil, b.body, nil)
	}
	return p.t, nil
}

// Source returns what the template was parsed from.
func (t *Template) Source() string { return t.src }

// parser builds the tree from segments. It ends with a panic of abort where the source is wrong.
type parser struct {
	segs []segment
	pos  int
	toks []token // of the current tag
	ti   int

	t                     *Template
	exprDepth, blockDepth int
	inLoop                bool // break and continue are allowed
	macro                 *macroDef
	captures              *bool // set when the innermost scope defines a macro
	usesLoop              *bool // set when the innermost loop's variable is used
}

// symbol returns the number of a variable.
func (p *parser) symbol(name string) int {
	n, ok := p.t.syms[name]
	if !ok {
		n = len(p.t.syms)
		p.t.syms[name] = n
	}
	return n
}

// line returns the line of the current token or segment.
func (p *parser) line() int {
	switch {
	case p.ti < len(p.toks):
		return p.toks[p.ti].line
	case len(p.segs) > 0:
		return p.segs[min(p.pos, len(p.segs)-1)].line
	}
	return 1
}

// fail ends the parsing.
func (p *parser) fail(line int, format string, args ...any) {
	panic(abort{syntaxError(line, format, args...)})
}

// syntaxError returns an ErrSyntax for a line of the source.
func syntaxError(line int, format string, args ...any) error {
	return &Error{Line: line, Err: fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, args...))}
}

// peek returns the current token.
func (p *parser) peek() token { return p.toks[p.ti] }

// ahead returns the token behind the current one.
func (p *parser) ahead() token { return p.toks[min(p.ti+1, len(p.toks)-1)] }

// next returns the current token and moves on; it stays at the end.
func (p *parser) next() token {
	t := p.toks[p.ti]
	if t.kind != tokEnd {
		p.ti++
	}
	return t
}

func (t token) isOp(ops ...string) bool { return t.kind == tokOp && slices.Contains(ops, t.val) }
func (t token) isName(names ...string) bool {
	return t.kind == tokName && slices.Contains(names, t.val)
}

// takeOp consumes the operator if it is the current token.
func (p *parser) takeOp(op string) bool {
	if t := p.peek(); t.kind != tokOp || t.val != op {
		return false
	}
	p.ti++
	return true
}

// takeName consumes the name if it is the current token.
func (p *parser) takeName(name string) bool {
	if t := p.peek(); t.kind != tokName || t.val != name {
		return false
	}
	p.ti++
	return true
}

func (p *parser) wantOp(op string) {
	if !p.takeOp(op) {
		p.unexpected(fmt.Sprintf("%q", op))
	}
}

func (p *parser) wantWord(name string) {
	if !p.takeName(name) {
		p.unexpected(fmt.Sprintf("%q", name))
	}
}

// wantName consumes any name and returns it.
func (p *parser) wantName() string {
	if p.peek().kind != tokName {
		p.unexpected("a name")
	}
	return p.next().val
}

// wantEnd fails if the tag has more tokens.
func (p *parser) wantEnd() {
	if p.peek().kind != tokEnd {
		p.unexpected("the end of the tag")
	}
}

// unexpected fails at a token that cannot stand here.
func (p *parser) unexpected(want string) {
	t := p.peek()
	p.fail(t.line, "found %.40q, expected %s", t.val, want)
}

// nested parses something that may contain its own kind.
func nested[T any](p *parser, parse func() T) T {
	p.deeper()
	defer p.shallower()
	return parse()
}

func (p *parser) deeper() {
	p.exprDepth++
	if p.exprDepth > maxExpr {
		p.fail(p.line(), "expression is nested deeper than %d", maxExpr)
	}
}

func (p *parser) shallower() { p.exprDepth-- }
