package tokenizer

import (
	"slices"
	"strings"
)

// block parses segments up to a statement that starts with one of the words
// in until, and returns their lowered form and that word; with no words it
// goes to the end of the template. The tokens behind the word stay.
func (p *tmplParser) block(until ...string) (string, string, error) {
	var b strings.Builder
	for p.pos < len(p.segs) {
		seg := p.segs[p.pos]
		p.pos++
		p.toks, p.ti = seg.toks, 0
		var out, word string
		var err error
		switch seg.kind {
		case tmplSegText:
			out = p.opTag(tmplOp{run: tmplText, text: seg.text, line: seg.line})
		case tmplSegExpr:
			out, err = p.output(seg.line)
		default:
			if word, err = p.wantName(); err == nil {
				if slices.Contains(until, word) {
					return b.String(), word, nil
				}
				out, err = p.statement(word)
			}
		}
		if err != nil {
			return "", "", err
		}
		b.WriteString(out)
	}
	if len(until) > 0 {
		return "", "", tmplSyntax(p.lastLine(), "the template ends where %s is expected", strings.Join(until, " or "))
	}
	return b.String(), "", nil
}

// lastLine returns the line of the last segment.
func (p *tmplParser) lastLine() int {
	if len(p.segs) == 0 {
		return 1
	}
	return p.segs[len(p.segs)-1].line
}

// body parses a block that ends with one word, with nothing behind it.
func (p *tmplParser) body(end string) (string, error) {
	out, _, err := p.block(end)
	if err != nil {
		return "", err
	}
	return out, p.wantEnd()
}

// output lowers {{ … }}.
func (p *tmplParser) output(line int) (string, error) {
	n, err := p.tuple(func() bool { return p.peek().kind == tmplTokEnd })
	if err != nil {
		return "", err
	}
	return p.opTag(tmplOp{run: tmplOutput, line: line}, n), p.wantEnd()
}

// statement lowers the statement that starts with word.
func (p *tmplParser) statement(word string) (string, error) {
	line := p.toks[0].line
	if p.blockDepth >= tmplMaxBlocks {
		return "", tmplSyntax(line, "statements are nested deeper than %d", tmplMaxBlocks)
	}
	p.blockDepth++
	defer func() { p.blockDepth-- }()
	switch word {
	case "if":
		return p.ifStatement()
	case "for":
		return p.forStatement(line)
	case "set":
		return p.setStatement(line)
	case "macro":
		return p.macroStatement(line)
	case "call":
		return p.callStatement()
	case "filter":
		return p.filterStatement(line)
	case "with":
		return p.withStatement()
	case "block":
		return p.blockStatement()
	case "generation": // marks what a model is trained on; no output of its own
		if err := p.wantEnd(); err != nil {
			return "", err
		}
		return p.scoped(func() (string, error) { return p.body("endgeneration") })
	case "break", "continue":
		if !p.inLoop {
			return "", tmplSyntax(line, "%s outside a loop", word)
		}
		return tmplTag(word), p.wantEnd()
	}
	return "", tmplSyntax(line, "unknown or misplaced statement %.40q", word)
}

// blockStatement lowers {% block name %}…{% endblock %}: without templates
// that extend each other, that is its body.
func (p *tmplParser) blockStatement() (string, error) {
	name, err := p.wantName()
	if err != nil {
		return "", err
	}
	for p.takeName("scoped") || p.takeName("required") {
		continue
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	return p.scoped(func() (string, error) {
		out, _, err := p.block("endblock")
		if err != nil {
			return "", err
		}
		p.takeName(name)
		return out, p.wantEnd()
	})
}

// ifStatement lowers if, elif, else.
func (p *tmplParser) ifStatement() (string, error) {
	var b strings.Builder
	for word := "if"; ; {
		switch word {
		case "if", "elif":
			cond, err := p.expr()
			if err != nil {
				return "", err
			}
			b.WriteString(tmplTag(word, " ", p.lowered(cond)))
		default:
			b.WriteString(tmplTag(word))
		}
		if err := p.wantEnd(); err != nil || word == "endif" {
			return b.String(), err
		}
		until := []string{"endif", "elif", "else"}
		if word == "else" {
			until = until[:1]
		}
		out, next, err := p.block(until...)
		if err != nil {
			return "", err
		}
		b.WriteString(out)
		word = next
	}
}

// scoped keeps assignments inside what parse reads from reaching variables
// outside, for blocks to which Jinja2 gives a scope and the library does not.
func (p *tmplParser) scoped(parse func() (string, error)) (string, error) {
	outer := p.sets
	p.sets = nil
	out, err := parse()
	names := p.sets
	p.sets = outer
	save, restore := p.saveAll(names)
	return save + out + restore, err
}

// saveAll returns statements that copy variables to temporaries, and back.
func (p *tmplParser) saveAll(names []string) (save, restore string) {
	var before, after strings.Builder
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		t := p.temp()
		before.WriteString(tmplTag("set ", t, " = ", name))
		after.WriteString(tmplTag("set ", name, " = ", t))
	}
	return before.String(), after.String()
}

// assigned notes that the current scope sets a variable, and returns its
// lowered name.
func (p *tmplParser) assigned(name string) string {
	v := p.symbol(name)
	p.sets = append(p.sets, v)
	return v
}
