package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// flags are what stands between "%" and the letter of a conversion, and what a format specification says.
type flags struct {
	fill                  string // "" is a space
	align                 byte   // '<', '>', '^', '=' or 0
	sign                  byte   // '-', '+' or ' '
	alternate, zero, left bool
	width, precision      int // precision -1: none
	group                 byte
	verb                  byte
}

// digits returns the digits of |n| in the base of a letter, and the base's prefix.
func (r *run) digits(n *big.Int, verb byte) (digits, prefix string) {
	base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'b': 2}[verb]
	if base == 0 {
		return strings.TrimPrefix(r.bigText(n), "-"), ""
	}
	s := new(big.Int).Abs(n).Text(base)
	r.spend(len(s))
	if verb == 'X' {
		return strings.ToUpper(s), "0X"
	}
	return s, "0" + string(verb)
}

// numText is a number as text, taken apart.
type numText struct {
	neg                 bool
	prefix, whole, rest string // 0x, digits before the point, point and what follows
}

// formatFloat formats |v| by the letters e, f, g and their capitals.
func (r *run) formatFloat(v float64, fl flags) numText {
	n := numText{neg: math.Signbit(v)}
	upper := fl.verb >= 'A' && fl.verb <= 'Z'
	v = math.Abs(v)
	if math.IsNaN(v) {
		n.neg = false
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		n.whole = strings.TrimPrefix(floatText(v), "+")
		if upper {
			n.whole = strings.ToUpper(n.whole)
		}
		return n
	}
	prec := fl.precision
	if prec < 0 {
		prec = 6
	}
	if prec > 100_000 {
		r.fail("precision too big")
	}
	r.spend(prec + 320)
	verb := fl.verb | 0x20
	if verb == 'g' {
		n.whole, n.rest = generalFloat(v, max(prec, 1), fl.alternate)
	} else {
		n.whole, n.rest = splitPoint(strconv.FormatFloat(v, verb, prec, 64))
		if fl.alternate && !strings.HasPrefix(n.rest, ".") {
			n.rest = "." + n.rest
		}
	}
	if upper {
		n.rest = strings.ToUpper(n.rest)
	}
	return n
}

// splitPoint takes a number apart in front of its point or exponent.
func splitPoint(s string) (whole, rest string) {
	if i := strings.IndexAny(s, ".e"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// generalFloat is C's %g with prec significant digits; keep leaves zeros at the end.
func generalFloat(v float64, prec int, keep bool) (whole, rest string) {
	e := strconv.FormatFloat(v, 'e', prec-1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	s := e
	if exp >= -4 && exp < prec {
		s = strconv.FormatFloat(v, 'f', prec-1-exp, 64)
	}
	mantissa, tail := s, ""
	if i := strings.IndexByte(s, 'e'); i >= 0 {
		mantissa, tail = s[:i], s[i:]
	}
	if !keep && strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	whole, rest = splitPoint(mantissa)
	if keep && rest == "" {
		rest = "."
	}
	return whole, rest + tail
}

// writeNumber writes a number with sign, prefix, groups and padding.
func (r *run) writeNumber(b *builder, n numText, fl flags) {
	sign := ""
	switch {
	case n.neg:
		sign = "-"
	case fl.sign == '+' || fl.sign == ' ':
		sign = string(fl.sign)
	}
	head := sign + n.prefix
	width := 0
	finite := n.whole != "" && n.whole[0] >= '0' && (n.whole[0] <= '9' || n.prefix != "" || n.whole[0] < 'i')
	if fl.zero && !fl.left && fl.align == 0 || fl.align == '=' && (fl.fill == "0" || fl.fill == "" && fl.zero) {
		width = fl.width - len(head) - len(n.rest)
		r.spend(max(0, width))
		fl.zero = true
	}
	whole := n.whole
	if fl.group != 0 && finite {
		whole = grouped(whole, fl, width)
	} else if pad := width - len(whole); pad > 0 {
		whole = strings.Repeat("0", pad) + whole
	}
	if fl.align == '=' {
		if pad := fl.width - len(head) - len(whole) - len(n.rest); pad > 0 {
			r.repeat(pad, len(fl.fill)+1)
			fill := fl.fill
			if fill == "" {
				fill = " "
			}
			head += strings.Repeat(fill, pad)
		}
	}
	r.align(b, own(head+whole+n.rest), fl, '>')
}

// grouped puts separators between the digits, and zeros before them up to a width.
func grouped(digits string, fl flags, width int) string {
	size := 3
	if strings.IndexByte("xXob", fl.verb) >= 0 {
		size = 4
	}
	var parts []string
	total := 0
	for len(digits) > size {
		parts = append(parts, digits[len(digits)-size:])
		digits = digits[:len(digits)-size]
		total += size + 1
	}
	for width > 0 && total+len(digits) < width {
		if len(digits) == size {
			parts, digits = append(parts, digits), ""
			total += size + 1
		}
		digits = "0" + digits
	}
	out := digits
	for i := len(parts) - 1; i >= 0; i-- {
		out += string(fl.group) + parts[i]
	}
	return out
}

// align writes a text in the width of fl; def is the side where it stands by default.
func (r *run) align(b *builder, t text, fl flags, def byte) {
	how := fl.align
	switch {
	case how == '=':
		how = '>'
	case how != 0:
	case fl.left:
		how = '<'
	default:
		how = def
	}
	fill := own(" ")
	if fl.fill != "" {
		fill = own(fl.fill)
	}
	split := rightPad
	switch how {
	case '<':
		split = leftPad
	case '^':
		split = func(missing, _ int) (int, int) { return missing / 2, missing - missing/2 }
	}
	r.spend(t.size())
	b.add(r.pad(t, fill, fl.width, split))
}
