package tokenizer

import (
	"fmt"
	"slices"

	"github.com/ardanlabs/jinja"
)

const (
	// tmplMaxSource is the longest template source in bytes; real ones have
	// up to 20 KB.
	tmplMaxSource = 1 << 20
	// tmplMaxExpr is the deepest expression. It bounds the recursion of this
	// parser, of the library's, and of the evaluation. A chain such as
	// a ~ b ~ c is as deep as it has operators.
	tmplMaxExpr = 250
	// tmplMaxBlocks is the deepest nesting of for, if, macro and so on.
	tmplMaxBlocks = 60
)

// tmplParser turns segments into the lowered source (see template_lower.go)
// and its table of operations.
type tmplParser struct {
	segs []tmplSegment
	pos  int

	toks []tmplTok // of the current tag
	ti   int

	ops    []tmplOp
	consts []jinja.Value
	syms   map[string]string // variable of the source → of the lowered source

	exprDepth, blockDepth int
	inLoop                bool // break and continue are allowed
	temps                 int
	sets                  []string // names assigned in the current scope
	macros                map[string]*tmplMacro
	uses                  map[string]bool // the special names that the current macro uses
}

// peek returns the current token.
func (p *tmplParser) peek() tmplTok { return p.toks[p.ti] }

// next returns the current token and moves on; it stays at the end.
func (p *tmplParser) next() tmplTok {
	t := p.toks[p.ti]
	if t.kind != tmplTokEnd {
		p.ti++
	}
	return t
}

// isOp tells whether the current token is one of the operators.
func (p *tmplParser) isOp(ops ...string) bool {
	t := p.peek()
	return t.kind == tmplTokOp && slices.Contains(ops, t.val)
}

// isName tells whether the current token is one of the names.
func (p *tmplParser) isName(names ...string) bool {
	t := p.peek()
	return t.kind == tmplTokName && slices.Contains(names, t.val)
}

// takeOp consumes the operator if it is the current token.
func (p *tmplParser) takeOp(op string) bool {
	if p.isOp(op) {
		p.ti++
		return true
	}
	return false
}

// takeName consumes the name if it is the current token.
func (p *tmplParser) takeName(name string) bool {
	if p.isName(name) {
		p.ti++
		return true
	}
	return false
}

// wantOp consumes the operator or fails.
func (p *tmplParser) wantOp(op string) error {
	if p.takeOp(op) {
		return nil
	}
	return p.unexpected(fmt.Sprintf("%q", op))
}

// wantName consumes any name and returns it.
func (p *tmplParser) wantName() (string, error) {
	if p.peek().kind != tmplTokName {
		return "", p.unexpected("a name")
	}
	return p.next().val, nil
}

// wantEnd fails if the tag has more tokens.
func (p *tmplParser) wantEnd() error {
	if p.peek().kind == tmplTokEnd {
		return nil
	}
	return p.unexpected("the end of the tag")
}

// unexpected is the error of a token that cannot stand here.
func (p *tmplParser) unexpected(want string) error {
	t := p.peek()
	return tmplSyntax(t.line, "found %.40q, expected %s", t.val, want)
}

// mk returns a node with its depth, or an error if it is too deep.
func (p *tmplParser) mk(n *tmplNode) (*tmplNode, error) {
	for _, a := range n.args {
		n.depth = max(n.depth, a.depth)
	}
	n.depth++
	if n.line == 0 {
		n.line = p.peek().line
	}
	n.op.line = n.line
	if n.depth > tmplMaxExpr {
		return nil, tmplSyntax(n.line, "expression is nested deeper than %d", tmplMaxExpr)
	}
	return n, nil
}

// tmplRun is the type of an operation's function.
type tmplRun = func(*tmplGuard, *tmplOp, []jinja.Value) (jinja.Value, error)

// mkOp returns an operation on args.
func (p *tmplParser) mkOp(run tmplRun, name string, args ...*tmplNode) (*tmplNode, error) {
	n := &tmplNode{kind: tmplNodeOp, op: tmplOp{run: run, name: name}, args: args}
	if len(args) > 0 {
		n.op.desc = args[0].describe()
	}
	return p.mk(n)
}

// mkConst returns a literal.
func (p *tmplParser) mkConst(v jinja.Value) (*tmplNode, error) {
	return p.mk(&tmplNode{kind: tmplNodeConst, val: v})
}

// nested runs parse one level deeper.
func (p *tmplParser) nested(parse func() (*tmplNode, error)) (*tmplNode, error) {
	if p.exprDepth >= tmplMaxExpr {
		return nil, tmplSyntax(p.peek().line, "expression is nested deeper than %d", tmplMaxExpr)
	}
	p.exprDepth++
	defer func() { p.exprDepth-- }()
	return parse()
}
