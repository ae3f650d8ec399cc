package grammar

import (
	"fmt"
	"math"
	"regexp/syntax"
)

// string is the grammar of strings. Patterns and formats are regular expressions; of several only one can be enforced,
// and lengths beside it only where they follow from it.
func (c *conj) string() (expr, error) {
	lo, hi, err := c.span("minLength", "maxLength")
	if err != nil {
		return nil, err
	}
	var source string // of the one pattern
	var place *value
	use := func(v *value, pattern string) error {
		if place != nil && pattern != source {
			return v.errorf(ErrUnsupported, "a pattern or format beside that of %s", place.pointer)
		}
		source, place = pattern, v
		return nil
	}
	err = c.each("pattern", func(v *value) error {
		p, err := v.text()
		if err != nil {
			return err
		}
		return use(v, patternSyntax(p))
	})
	if err != nil {
		return nil, err
	}
	err = c.each("format", func(v *value) error {
		p, err := formatPattern(v)
		if p == "" || err != nil {
			return err
		}
		return use(v, p)
	})
	switch {
	case err != nil:
		return nil, err
	case hi >= 0 && hi < lo:
		return never, nil
	case place != nil:
		return c.pattern(place, source, lo, hi)
	case lo == 0 && hi < 0:
		return c.anyString(), nil
	}
	return c.text(func(q quoting) (expr, error) { return rep{q.any, lo, hi}, nil })
}

// span reads a pair of bounds; hi < 0 is none.
func (c *conj) span(low, high string) (lo, hi int, err error) {
	hi = -1
	err = c.each(low, func(v *value) error {
		n, err := v.count()
		if n > maxTimes {
			err = v.errorf(ErrLimit, "more than %d", maxTimes)
		}
		lo = max(lo, n)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	err = c.each(high, func(v *value) error {
		n, err := v.count()
		if n > maxTimes {
			return err // as good as none
		}
		if hi < 0 || n < hi {
			hi = n
		}
		return err
	})
	return lo, hi, err
}

// pattern is the grammar of strings that a regular expression matches somewhere, of lo to hi characters.
func (c *conj) pattern(place *value, source string, lo, hi int) (expr, error) {
	re, err := parseRegexp(source, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", place.pointer, err)
	}
	_, _, _, run := runOf(re)
	if least, most := anchoredLengths(re); !run && (lo > least || hi >= 0 && hi < most) {
		const format = "texts of this pattern have %s characters: lengths beside it have to allow that"
		return nil, place.errorf(ErrUnsupported, format, between(least, most))
	}
	x, err := c.text(func(q quoting) (expr, error) {
		r := &regexps{char: q.char}
		if body, ok := r.run(re, lo, hi); ok {
			return body, nil
		}
		return r.anchored(re, star(q.char(class{0, maxRune})))
	})
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", place.pointer, err)
	}
	return x, nil
}

func between(lo, hi int) string {
	if hi == math.MaxInt {
		return fmt.Sprintf("%d or more", lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}

// run is for patterns such as ^[a-z]+$: the lengths are numbers of repetitions then.
func (r *regexps) run(re *syntax.Regexp, lo, hi int) (expr, bool) {
	times, least, most, ok := runOf(re)
	if !ok {
		return nil, false
	}
	x, err := r.expr(times)
	if err != nil {
		return nil, false
	}
	if most < 0 || hi >= 0 && hi < most {
		most = hi
	}
	return rep{x, max(lo, least), most}, true
}

// runOf takes apart an expression that is one character again and again; most < 0 is no bound.
func runOf(re *syntax.Regexp) (char *syntax.Regexp, least, most int, ok bool) {
	if re.Op != syntax.OpConcat || len(re.Sub) != 3 || re.Sub[0].Op != syntax.OpBeginText ||
		re.Sub[2].Op != syntax.OpEndText {
		return nil, 0, 0, false
	}
	times := re.Sub[1]
	most = -1
	switch times.Op {
	case syntax.OpStar:
	case syntax.OpPlus:
		least = 1
	case syntax.OpRepeat:
		least, most = times.Min, times.Max
	default:
		return nil, 0, 0, false
	}
	a, b := lengths(times.Sub[0])
	return times.Sub[0], least, most, a == 1 && b == 1
}

// lengths returns how many characters texts of an expression have; math.MaxInt is no bound.
func lengths(re *syntax.Regexp) (lo, hi int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune), len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpCapture:
		return lengths(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			a, b := lengths(sub)
			lo, hi = plus(lo, a), plus(hi, b)
		}
		return lo, hi
	case syntax.OpAlternate:
		lo = math.MaxInt
		for _, sub := range re.Sub {
			a, b := lengths(sub)
			lo, hi = min(lo, a), max(hi, b)
		}
		return lo, hi
	case syntax.OpStar:
		return 0, math.MaxInt
	case syntax.OpPlus:
		lo, _ = lengths(re.Sub[0])
		return lo, math.MaxInt
	case syntax.OpQuest:
		_, hi = lengths(re.Sub[0])
		return 0, hi
	case syntax.OpRepeat:
		a, b := lengths(re.Sub[0])
		lo, hi = a*re.Min, math.MaxInt
		if re.Max >= 0 && b < math.MaxInt {
			hi = b * re.Max
		}
		return lo, hi
	}
	return 0, 0
}

// anchoredLengths is lengths of the whole text: none is bounded that does not begin with ^ and end with $.
func anchoredLengths(re *syntax.Regexp) (lo, hi int) {
	if re.Op == syntax.OpCapture {
		return anchoredLengths(re.Sub[0])
	}
	if re.Op == syntax.OpAlternate {
		lo = math.MaxInt
		for _, sub := range re.Sub {
			a, b := anchoredLengths(sub)
			lo, hi = min(lo, a), max(hi, b)
		}
		return lo, hi
	}
	lo, hi = lengths(re)
	if n := len(re.Sub); re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText ||
		re.Sub[n-1].Op != syntax.OpEndText {
		hi = math.MaxInt
	}
	return lo, hi
}

func plus(a, b int) int {
	if a == math.MaxInt || b == math.MaxInt {
		return math.MaxInt
	}
	return a + b
}
