package jinja

import (
	"slices"
	"strings"
)

// block parses segments up to a statement that starts with one of the words in until, and returns that word; with no
// words it goes to the end of the template. The tokens behind the word stay.
func (p *parser) block(until ...string) ([]stmt, string) {
	var body []stmt
	for p.pos < len(p.segs) {
		seg := p.segs[p.pos]
		p.pos++
		p.toks, p.ti = seg.toks, 0
		switch seg.kind {
		case segText:
			body = append(body, &textStmt{own(seg.text)})
		case segExpr:
			body = append(body, &outputStmt{p.tuple(p.atEnd, p.expr), seg.line})
			p.wantEnd()
		default:
			word := p.wantName()
			if slices.Contains(until, word) {
				return body, word
			}
			if s := p.statement(word); s != nil {
				body = append(body, s)
			}
		}
	}
	if len(until) > 0 {
		p.fail(p.line(), "the template ends where %s is expected", strings.Join(until, " or "))
	}
	return body, ""
}

// until parses a block that ends with one word, with nothing behind it.
func (p *parser) until(end string) []stmt {
	p.bodyStart()
	body, _ := p.block(end)
	p.wantEnd()
	return body
}

// bodyStart expects the end of the tag that opens a body; a colon may stand there.
func (p *parser) bodyStart() {
	p.takeOp(":")
	p.wantEnd()
}

// statement parses the statement that starts with word.
func (p *parser) statement(word string) stmt {
	line := p.toks[0].line
	p.blockDepth++
	defer func() { p.blockDepth-- }()
	if p.blockDepth > maxBlocks {
		p.fail(line, "statements are nested deeper than %d", maxBlocks)
	}
	switch word {
	case "if":
		return p.ifStmt()
	case "for":
		return p.forStmt(line)
	case "set":
		return p.setStmt(line)
	case "macro":
		return p.macroStmt(line)
	case "call":
		return p.callStmt(line)
	case "filter":
		f := p.filterChain(p.filter(nil))
		return &filterStmt{filter: f, body: p.until("endfilter")}
	case "with":
		return p.withStmt(line)
	case "block":
		return p.blockStmt(line)
	case "generation": // marks what a model is trained on; no output of its own
		return p.generationStmt()
	case "autoescape":
		on := p.expr()
		return &escapeStmt{on: on, body: p.until("endautoescape")}
	case "break", "continue":
		return p.signalStmt(word, line)
	case "extends", "include", "import", "from":
		p.fail(line, "%s needs another template, and a chat template has none", word)
	}
	p.fail(line, "unknown or misplaced statement %.40q", word)
	return nil
}

func (p *parser) signalStmt(word string, line int) stmt {
	if !p.inLoop {
		p.fail(line, "%s outside a loop", word)
	}
	p.wantEnd()
	if word == "break" {
		return signalStmt{breakLoop}
	}
	return signalStmt{continueLoop}
}

// ifStmt parses if, elif and else up to endif.
func (p *parser) ifStmt() stmt {
	s := &ifStmt{}
	for word := "elif"; word == "elif"; {
		s.conds = append(s.conds, p.tuple(p.atEnd, p.or))
		p.bodyStart()
		var body []stmt
		body, word = p.block("elif", "else", "endif")
		s.bodies = append(s.bodies, body)
		if word == "else" {
			s.other = p.until("endif")
		} else if word == "endif" {
			p.wantEnd()
		}
	}
	return s
}

// withStmt parses {% with a = 1, b = 2 %}.
func (p *parser) withStmt(line int) stmt {
	s := &withStmt{line: line}
	for !p.atEnd() && !p.peek().isOp(":") {
		if len(s.targets) > 0 {
			p.wantOp(",")
		}
		s.targets = append(s.targets, p.target(false, "="))
		p.wantOp("=")
		s.values = append(s.values, p.expr())
	}
	s.body = p.until("endwith")
	return s
}

// generationStmt parses transformers' generation tag, which is a call block and so has a scope.
func (p *parser) generationStmt() stmt {
	s := &generationStmt{&macroDef{line: p.line()}}
	p.macroBody(s.body, "endgeneration")
	return s
}

// apart parses a body that is a function of its own in Jinja2: break and continue do not reach out of it.
func (p *parser) apart(parse func()) {
	inLoop := p.inLoop
	p.inLoop = false
	parse()
	p.inLoop = inLoop
}

// blockStmt parses {% block name %}.
func (p *parser) blockStmt(line int) stmt {
	s := &blockStmt{name: p.wantName(), line: line}
	s.scoped = p.takeName("scoped")
	p.takeName("required")
	if p.t.blocks[s.name] != nil {
		p.fail(line, "block %.40q is defined twice", s.name)
	}
	def := &blockDef{name: s.name}
	p.t.blocks[s.name] = def
	macro := p.macro
	p.macro = nil
	p.apart(func() {
		p.bodyStart()
		def.body, _ = p.block("endblock")
		p.takeName(s.name)
		p.wantEnd()
	})
	p.macro = macro
	return s
}

// setStmt parses {% set target = x %} and the block form.
func (p *parser) setStmt(line int) stmt {
	to := p.target(true, "=")
	if p.takeOp("=") {
		s := &setStmt{to, p.tuple(p.atEnd, p.expr), line}
		p.wantEnd()
		return s
	}
	s := &setBlockStmt{target: to, line: line}
	if p.takeOp("|") {
		s.filter = p.filterChain(p.filter(nil))
	}
	s.body = p.until("endset")
	return s
}

// filterChain parses further filters behind the first.
func (p *parser) filterChain(f *filterExpr) *filterExpr {
	depth := p.exprDepth
	for p.takeOp("|") {
		p.deeper()
		f = p.filter(f)
	}
	p.exprDepth = depth
	return f
}

// target parses what an assignment writes to, up to the word or operator end.
func (p *parser) target(namespaces bool, end string) target {
	first := p.oneTarget(namespaces)
	if !p.peek().isOp(",") {
		return first
	}
	to := target{many: []target{first}, tuple: true}
	for p.takeOp(",") && !p.peek().isOp(end) && !p.peek().isName(end) && !p.atEnd() {
		to.many = append(to.many, p.oneTarget(namespaces))
	}
	return to
}

// oneTarget parses a name, an attribute of a namespace, or targets in brackets.
func (p *parser) oneTarget(namespaces bool) target {
	t := p.peek()
	if p.takeOp("(") {
		if p.takeOp(")") {
			return target{tuple: true}
		}
		to := nested(p, func() target { return p.target(namespaces, ")") })
		p.wantOp(")")
		return to
	}
	name := p.wantName()
	switch name {
	case "true", "True", "false", "False", "none", "None", "self":
		p.fail(t.line, "cannot assign to %s", name)
	}
	to := target{sym: p.symbol(name), name: name}
	if namespaces && p.takeOp(".") {
		to.attr = p.wantName()
	}
	return to
}
