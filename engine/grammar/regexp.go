package grammar

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// Regexp is the grammar of a regular expression in Go's syntax (package regexp/syntax), which the whole text matches,
// whether it says ^ and $ or not. Greedy and lazy repetitions allow the same texts.
//
// Errors wrap ErrSyntax, or ErrUnsupported for what other languages have (look-ahead, \1), for \b and \B, and for ^, $, \A and \z anywhere but at the beginning and the
// end.
func Regexp(expression string) (*Grammar, error) {
	re, err := parseRegexp(expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	body, err := (&regexps{char: func(c class) expr { return c }}).anchored(re, nil)
	if err != nil {
		return nil, err
	}
	return newGrammar([]rule{{"regexp", body}}, 0)
}

func parseRegexp(expression string, flags syntax.Flags) (*syntax.Regexp, error) {
	if len(expression) > MaxSource {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(expression), MaxSource)
	}
	re, err := syntax.Parse(expression, flags)
	var bad *syntax.Error
	switch {
	case errors.As(err, &bad) && (bad.Code == syntax.ErrInvalidPerlOp || bad.Code == syntax.ErrInvalidEscape):
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err) // such as (?=x) and \1 of other languages
	case errors.As(err, &bad) && (bad.Code == syntax.ErrLarge || bad.Code == syntax.ErrNestingDepth):
		return nil, fmt.Errorf("%w: %w", ErrLimit, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return re, nil
}

// regexps turns parsed regular expressions into texts of which each character is written in some way.
type regexps struct {
	char func(class) expr
}

// anchored is the whole text for an expression: what it matches, with pad before it where it does not begin with ^, and
// behind it where it does not end with $.
func (r *regexps) anchored(re *syntax.Regexp, pad expr) (expr, error) {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op == syntax.OpAlternate {
		var all alt
		for _, sub := range re.Sub {
			x, err := r.anchored(sub, pad)
			if err != nil {
				return nil, err
			}
			all = append(all, x)
		}
		return all, nil
	}
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	begins, ends := false, false
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		begins, parts = true, parts[1:]
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		ends, parts = true, parts[:len(parts)-1]
	}
	body, err := r.all(parts)
	if err != nil {
		return nil, err
	}
	if pad != nil && !begins {
		body = append(seq{pad}, body...)
	}
	if pad != nil && !ends {
		body = append(body, pad)
	}
	return body, nil
}

func (r *regexps) all(list []*syntax.Regexp) (seq, error) {
	out := seq{}
	for _, re := range list {
		x, err := r.expr(re)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (r *regexps) expr(re *syntax.Regexp) (expr, error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return never, nil
	case syntax.OpEmptyMatch:
		return seq{}, nil
	case syntax.OpLiteral:
		return r.literal(re), nil
	case syntax.OpCharClass:
		return r.char(class(re.Rune)), nil
	case syntax.OpAnyChar:
		return r.char(class{0, maxRune}), nil
	case syntax.OpAnyCharNotNL:
		return r.char(class{'\n', '\n'}.not()), nil
	case syntax.OpConcat:
		return r.all(re.Sub)
	case syntax.OpAlternate:
		list, err := r.all(re.Sub)
		return alt(list), err
	case syntax.OpCapture:
		return r.expr(re.Sub[0])
	case syntax.OpStar:
		return r.times(re, 0, -1)
	case syntax.OpPlus:
		return r.times(re, 1, -1)
	case syntax.OpQuest:
		return r.times(re, 0, 1)
	case syntax.OpRepeat:
		return r.times(re, re.Min, re.Max)
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return nil, fmt.Errorf("regular expression: %w: ^ or $ in the middle", ErrUnsupported)
	}
	return nil, fmt.Errorf("regular expression: %w: %s", ErrUnsupported, re)
}

func (r *regexps) times(re *syntax.Regexp, lo, hi int) (expr, error) {
	x, err := r.expr(re.Sub[0])
	return rep{x, lo, hi}, err
}

// literal is a text, with all forms of its letters if case does not count.
func (r *regexps) literal(re *syntax.Regexp) expr {
	out := seq{}
	for _, c := range re.Rune {
		forms := class{c, c}
		if re.Flags&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				forms = append(forms, f, f)
			}
		}
		out = append(out, r.char(forms))
	}
	return out
}

// patternSyntax rewrites what schemas' patterns (ECMA-262) write otherwise than Go: \uXXXX, \u{X}, \cX and \/.
func patternSyntax(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			b.WriteByte(pattern[i])
			continue
		}
		rest := pattern[i+1:]
		switch {
		case rest[0] == 'u' && len(rest) > 1 && rest[1] == '{':
			b.WriteString(`\x`)
			i++
		case rest[0] == 'u' && len(rest) >= 5:
			b.WriteString(`\x{` + rest[1:5] + `}`)
			i += 5
		case rest[0] == 'c' && len(rest) >= 2:
			fmt.Fprintf(&b, `\x%02x`, rest[1]&31)
			i += 2
		case rest[0] == '/':
			b.WriteByte('/')
			i++
		default:
			b.WriteString(pattern[i : i+2])
			i++
		}
	}
	return b.String()
}
