package tokenizer

import (
	"slices"
	"strings"
)

// targets parses one or more variables with commas.
func (p *tmplParser) targets() ([]string, error) {
	paren := p.takeOp("(")
	var names []string
	for {
		name, err := p.wantName()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.takeOp(",") || paren && p.isOp(")") || p.isName("in") {
			break
		}
	}
	if paren {
		return names, p.wantOp(")")
	}
	return names, nil
}

// bind returns a loop variable for the lowered source and the statements
// that spread its items over the targets.
func (p *tmplParser) bind(targets []string, line int) (item, unpack string) {
	if len(targets) == 1 {
		return p.symbol(targets[0]), ""
	}
	item = p.temp()
	return item, p.unpack(targets, item, line)
}

// unpack returns statements that set each target to an item of a list.
func (p *tmplParser) unpack(targets []string, list string, line int) string {
	var b strings.Builder
	for i, name := range targets {
		op := tmplOp{run: tmplUnpack, n: i, name: name, line: line, kw: targets}
		b.WriteString(tmplTag("set ", p.symbol(name), " = ", p.opCall(op, list)))
	}
	return b.String()
}

// forStatement lowers a loop. Jinja2 forgets the variables that a pass sets
// before the next one and the library does not, so that they are reset.
func (p *tmplParser) forStatement(line int) (string, error) {
	targets, err := p.targets()
	if err != nil {
		return "", err
	}
	if !p.takeName("in") {
		return "", p.unexpected("\"in\"")
	}
	iter, err := p.loopItems()
	if err != nil {
		return "", err
	}
	source := p.opCall(tmplOp{run: tmplIter, line: line, desc: iter.describe()}, iter)
	var b strings.Builder
	if p.takeName("if") {
		cond, err := p.expr()
		if err != nil {
			return "", err
		}
		list := p.temp()
		b.WriteString(p.loopFilter(targets, source, list, p.lowered(cond), line))
		source = list
	}
	if p.isName("recursive") {
		return "", tmplSyntax(line, "recursive loops are not supported")
	}
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	body, word, names, err := p.loopBody()
	if err != nil {
		return "", err
	}
	item, unpack := p.bind(targets, line)
	save, reset := p.saveAll(p.without(names, targets))
	b.WriteString(save + tmplTag("for ", item, " in ", source))
	b.WriteString(p.opTag(tmplOp{run: tmplPass, line: line}, "loop") + unpack + reset + body)
	return p.loopElse(&b, word)
}

// loopItems parses what a loop goes over, which has no condition: its "if"
// is the loop's filter.
func (p *tmplParser) loopItems() (*tmplNode, error) {
	first, err := p.nested(p.or)
	items := []*tmplNode{first}
	for err == nil && p.takeOp(",") {
		var item *tmplNode
		item, err = p.nested(p.or)
		items = append(items, item)
	}
	if err != nil || len(items) == 1 {
		return first, err
	}
	return p.mkOp(tmplMakeList, tmplTuple, items...)
}

// loopFilter returns a loop that collects the items which pass cond in list.
func (p *tmplParser) loopFilter(targets []string, source, list, cond string, line int) string {
	item, unpack := p.bind(targets, line)
	return tmplTag("set ", list, " = ", p.opCall(tmplOp{run: tmplMakeList, line: line})) +
		tmplTag("for ", item, " in ", source) + p.opTag(tmplOp{run: tmplPass, line: line}) + unpack +
		tmplTag("if ", cond) + p.opTag(tmplOp{run: tmplPush, line: line}, list, item) +
		tmplTag("endif") + tmplTag("endfor")
}

// loopBody parses a loop's body and returns the variables that it sets and
// the word that ended it.
func (p *tmplParser) loopBody() (body, word string, names []string, err error) {
	outer, inLoop := p.sets, p.inLoop
	p.sets, p.inLoop = nil, true
	body, word, err = p.block("endfor", "else")
	names = slices.Clone(p.sets)
	p.sets, p.inLoop = outer, inLoop
	return body, word, names, err
}

// without returns the lowered names that are not among the targets.
func (p *tmplParser) without(names, targets []string) []string {
	return slices.DeleteFunc(names, func(v string) bool {
		return slices.ContainsFunc(targets, func(t string) bool { return p.symbol(t) == v })
	})
}

// loopElse finishes a loop with its else branch, if it has one.
func (p *tmplParser) loopElse(b *strings.Builder, word string) (string, error) {
	if err := p.wantEnd(); err != nil {
		return "", err
	}
	if word == "else" {
		out, err := p.scoped(func() (string, error) { return p.body("endfor") })
		if err != nil {
			return "", err
		}
		b.WriteString(tmplTag("else") + out)
	}
	b.WriteString(tmplTag("endfor"))
	return b.String(), nil
}
