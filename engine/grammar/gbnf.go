package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxTimes is the largest number of repetitions in GBNF and schemas.
const maxTimes = 1 << 20

// GBNF reads a grammar in llama.cpp's notation, whose rule root is the whole text.
//
//	root  ::= "yes" | "no" | list     alternatives
//	list  ::= item (", " item){0,9}   groups; ? * + {n} {n,} {n,m} repeat what is before them
//	item  ::= [a-zA-Z_] [^,\n]*       characters; . is any
//	think ::= <think> !</think>*      tokens by their names, or by number as <[10]>; ! is any other token
//	# a comment
//
// Characters are Unicode code points; \n \r \t \\ \" \[ \] \- \xXX \uXXXX \UXXXXXXXX stand for one. A rule ends with
// its line, except within parentheses and behind "|". Of two rules of one name the last counts, as in llama.cpp.
//
// Errors name line and column and wrap ErrSyntax, ErrLimit, ErrRecursion or ErrEmpty. Differences from llama.cpp: the
// numbers of repetitions are meant as they stand, up to 1,048,576 (there up to 2,000; a higher upper bound is none);
// all left recursion is found, and [] is an error.
func GBNF(text string) (*Grammar, error) { return GBNFRoot(text, "root") }

// GBNFRoot is GBNF for a grammar whose whole text is another rule than root.
func GBNFRoot(text, root string) (*Grammar, error) { return parseGBNF(text, root, nil) }

// GBNFWith is GBNF with parts that are grammars already: the name of one stands for its texts, as that of a rule would,
// such as the schema of a tool's arguments within a call. The text has no rules of these names.
func GBNFWith(text string, parts map[string]*Grammar) (*Grammar, error) {
	return parseGBNF(text, "root", parts)
}

func parseGBNF(text, root string, parts map[string]*Grammar) (*Grammar, error) {
	p := &gbnf{src: text, ids: map[string]int{}}
	if err := p.grammar(); err != nil {
		return nil, err
	}
	if err := p.include(parts); err != nil {
		return nil, err
	}
	id, ok := p.ids[root]
	if !ok {
		return nil, fmt.Errorf("%w: there is no rule %q", ErrSyntax, root)
	}
	return newGrammar(p.rules, id)
}

// gbnf is a parser by recursive descent.
type gbnf struct {
	src   string
	pos   int
	depth int // of parentheses
	rules []rule
	ids   map[string]int
	used  []int // where each rule was first named
}

// errorf is an error at a place in the source.
func (p *gbnf) errorf(at int, format string, args ...any) error {
	line := 1 + strings.Count(p.src[:at], "\n")
	column := 1 + utf8.RuneCountInString(p.src[strings.LastIndexByte(p.src[:at], '\n')+1:at])
	return fmt.Errorf("%w: line %d, column %d: %s", ErrSyntax, line, column, fmt.Sprintf(format, args...))
}

// peek returns the next byte, 0 at the end.
func (p *gbnf) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

// skip is behind a byte if it comes next.
func (p *gbnf) skip(b byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == b {
		p.pos++
		return true
	}
	return false
}

func (p *gbnf) expect(s string) error {
	if !strings.HasPrefix(p.src[p.pos:], s) {
		return p.errorf(p.pos, "expected %q", s)
	}
	p.pos += len(s)
	return nil
}

// space skips blanks and comments, and line ends where a rule goes on behind them.
func (p *gbnf) space(lines bool) {
	for p.pos < len(p.src) {
		switch b := p.src[p.pos]; {
		case b == '#':
			for p.pos < len(p.src) && p.src[p.pos] != '\n' && p.src[p.pos] != '\r' {
				p.pos++
			}
		case b == ' ' || b == '\t' || lines && (b == '\r' || b == '\n'):
			p.pos++
		default:
			return
		}
	}
}

func (p *gbnf) grammar() error {
	if len(p.src) > MaxSource {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(p.src), MaxSource)
	}
	if !utf8.ValidString(p.src) || strings.Contains(p.src, "\x00") {
		return fmt.Errorf("%w: not UTF-8, or with NUL", ErrSyntax)
	}
	for p.space(true); p.pos < len(p.src); p.space(true) {
		if err := p.rule(); err != nil {
			return err
		}
	}
	return nil
}

// include adds the rules of parts, and finds names that stand for nothing.
func (p *gbnf) include(parts map[string]*Grammar) error {
	for id, r := range p.rules[:len(p.used)] {
		part := parts[r.name]
		switch {
		case r.body == nil && part == nil:
			return p.errorf(p.used[id], "there is no rule %q", r.name)
		case part == nil:
			continue
		case r.body != nil:
			return p.errorf(p.used[id], "the rule %q is a part, too", r.name)
		}
		at := len(p.rules)
		for _, r := range part.rules {
			p.rules = append(p.rules, rule{r.name, shifted(r.body, at)})
		}
		p.rules[id].body = ref(at + part.root)
	}
	return nil
}

func (p *gbnf) rule() error {
	name, err := p.name()
	if err != nil {
		return err
	}
	id := p.id(name, p.pos-len(name))
	p.space(false)
	if err := p.expect("::="); err != nil {
		return err
	}
	p.space(true)
	body, err := p.alternatives(false)
	if err != nil {
		return err
	}
	if p.pos < len(p.src) && p.peek() != '\n' && p.peek() != '\r' {
		return p.errorf(p.pos, "expected the end of the line")
	}
	p.rules[id].body = body
	return nil
}

// id returns the number of a rule.
func (p *gbnf) id(name string, at int) int {
	id, ok := p.ids[name]
	if !ok {
		id = len(p.rules)
		p.ids[name] = id
		p.rules = append(p.rules, rule{name: name})
		p.used = append(p.used, at)
	}
	return id
}

func isWord(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-'
}

func (p *gbnf) name() (string, error) {
	from := p.pos
	for isWord(p.peek()) {
		p.pos++
	}
	if p.pos == from {
		return "", p.errorf(from, "expected the name of a rule")
	}
	return p.src[from:p.pos], nil
}

func (p *gbnf) number(limit int) (int, error) {
	from, n := p.pos, 0
	for ; p.peek() >= '0' && p.peek() <= '9'; p.pos++ {
		n = min(n*10+int(p.peek()-'0'), limit+1)
	}
	switch {
	case p.pos == from:
		return 0, p.errorf(from, "expected a number")
	case n > limit:
		return 0, p.errorf(from, "number above %d", limit)
	}
	return n, nil
}

// alternatives reads sequences with "|" between them; nested in parentheses lines do not end them.
func (p *gbnf) alternatives(nested bool) (expr, error) {
	var all alt
	for {
		s, err := p.sequence(nested)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
		if !p.skip('|') {
			break
		}
		p.space(true)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *gbnf) sequence(nested bool) (expr, error) {
	s := seq{}
	for {
		x, err := p.item()
		if err != nil {
			return nil, err
		}
		if x == nil {
			return s, nil
		}
		for p.space(nested); strings.IndexByte("*+?{", p.peek()) >= 0 && p.pos < len(p.src); p.space(nested) {
			if x, err = p.repeated(x, nested); err != nil {
				return nil, err
			}
		}
		s = append(s, x)
	}
}

// item reads a literal, class, token, group or name; nil where none begins.
func (p *gbnf) item() (expr, error) {
	at := p.pos
	switch b := p.peek(); {
	case isWord(b):
		name, err := p.name()
		return ref(p.id(name, at)), err
	case p.skip('"'):
		return p.literal()
	case p.skip('['):
		return p.class()
	case p.skip('.'):
		return class{0, maxRune}, nil
	case b == '<' || b == '!':
		return p.token()
	case p.skip('('):
		return p.group()
	case b != 0 && strings.IndexByte("*+?{", b) >= 0:
		return nil, p.errorf(at, "nothing before %q to repeat", b)
	}
	return nil, nil
}

func (p *gbnf) group() (expr, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, fmt.Errorf("%w: more than %d parentheses within each other", ErrLimit, MaxNesting)
	}
	p.space(true)
	x, err := p.alternatives(true)
	if err == nil {
		err = p.expect(")")
	}
	p.depth--
	return x, err
}

func (p *gbnf) literal() (expr, error) {
	var text []byte
	for !p.skip('"') {
		r, err := p.char()
		if err != nil {
			return nil, err
		}
		text = utf8.AppendRune(text, r)
	}
	return lit(text), nil
}

func (p *gbnf) class() (expr, error) {
	at, not := p.pos-1, p.skip('^')
	c := class{}
	for !p.skip(']') {
		lo, err := p.char()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.peek() == '-' && !strings.HasPrefix(p.src[p.pos:], "-]") {
			p.pos++
			if hi, err = p.char(); err != nil {
				return nil, err
			}
		}
		c = append(c, lo, hi)
	}
	if len(c) == 0 {
		return nil, p.errorf(at, "a class without characters")
	}
	if not {
		return c.not(), nil
	}
	return c, nil
}

// char reads a character of a literal or a class.
func (p *gbnf) char() (rune, error) {
	at := p.pos
	if at >= len(p.src) {
		return 0, p.errorf(at, "unexpected end")
	}
	if !p.skip('\\') {
		r, n := utf8.DecodeRuneInString(p.src[at:])
		p.pos += n
		return r, nil
	}
	b := p.peek()
	p.pos++
	switch b {
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	case 't':
		return '\t', nil
	case 'r':
		return '\r', nil
	case 'n':
		return '\n', nil
	case '\\', '"', '[', ']', '-':
		return rune(b), nil
	}
	return 0, p.errorf(at, "unknown escape")
}

func (p *gbnf) hex(digits int) (rune, error) {
	at, r := p.pos-2, rune(0)
	for range digits {
		d := strings.IndexByte("0123456789abcdef", p.peek()|0x20)
		if d < 0 || p.peek() < '0' {
			return 0, p.errorf(at, "expected %d hexadecimal digits", digits)
		}
		r = r<<4 | rune(d)
		p.pos++
	}
	if !utf8.ValidRune(r) {
		return 0, p.errorf(at, "no character has the number %#x", uint32(r))
	}
	return r, nil
}

// token reads <name> or <[id]>, with ! before it for all other tokens.
func (p *gbnf) token() (expr, error) {
	not, at := p.skip('!'), p.pos
	if !p.skip('<') {
		return nil, p.errorf(at, "expected a token after !")
	}
	if p.skip('[') {
		id, err := p.number(1<<31 - 2)
		if err == nil {
			err = p.expect("]>")
		}
		return token{id: int32(id), not: not}, err
	}
	n := strings.IndexByte(p.src[p.pos:], '>')
	if n < 0 {
		return nil, p.errorf(at, "no \">\" after \"<\"")
	}
	p.pos += n + 1
	return token{id: -1, text: p.src[at:p.pos], not: not}, nil
}

// repeated reads an operator behind x.
func (p *gbnf) repeated(x expr, nested bool) (expr, error) {
	switch {
	case p.skip('*'):
		return star(x), nil
	case p.skip('+'):
		return rep{x, 1, -1}, nil
	case p.skip('?'):
		return opt(x), nil
	}
	at := p.pos
	p.pos++ // {
	p.space(nested)
	lo, err := p.number(maxTimes)
	if err != nil {
		return nil, err
	}
	hi := lo
	if p.space(nested); p.skip(',') {
		p.space(nested)
		hi = -1
		if b := p.peek(); b >= '0' && b <= '9' {
			if hi, err = p.number(maxTimes); err != nil {
				return nil, err
			}
			p.space(nested)
		}
	}
	if err := p.expect("}"); err != nil {
		return nil, err
	}
	if hi >= 0 && hi < lo {
		return nil, p.errorf(at, "between %d and %d times", lo, hi)
	}
	return rep{x, lo, hi}, nil
}
