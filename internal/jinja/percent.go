package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// percent is Python's format % values.
func (r *run) percent(format text, values Value) Value {
	f := &percentFormat{r: r, t: format, values: []Value{values}, single: true}
	if l, ok := values.(*list); ok && l.tuple {
		f.values, f.single = l.items, false
	}
	f.dict, _ = values.(*dict)
	f.run()
	out := f.b.text()
	out.html = format.html
	return out
}

// percentFormat is a format with conversions such as %s, %-5d, %.2f, %(name)s.
type percentFormat struct {
	r      *run
	t      text
	at     int
	values []Value
	single bool // values is the operand itself
	used   int
	dict   *dict
	b      builder
}

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

// run formats everything and checks that all values were used.
func (f *percentFormat) run() {
	f.r.spend(f.t.size())
	for {
		n := strings.IndexByte(f.t.s[f.at:], '%')
		if n < 0 {
			break
		}
		f.b.cut(f.t, f.at, f.at+n)
		f.at += n + 1
		f.conversion()
	}
	if f.dict == nil && f.used < len(f.values) && !(f.single && f.mayBeUnused()) {
		f.r.fail("not all arguments converted during string formatting")
	}
	f.b.cut(f.t, f.at, len(f.t.s))
}

// mayBeUnused reports whether the operand is a mapping in Python's eyes, which need not be used.
func (f *percentFormat) mayBeUnused() bool {
	l, ok := f.values[0].(*list)
	return ok && !l.tuple
}

// conversion formats one value; the "%" is behind it.
func (f *percentFormat) conversion() {
	var v Value
	named := false
	if strings.HasPrefix(f.t.s[f.at:], "(") {
		v, named = f.named(), true
	}
	fl := f.flags()
	if fl.verb == '%' {
		f.b.own("%")
		return
	}
	if !named {
		v = f.next()
	}
	f.r.write1(&f.b, fl, v, f.t.html)
}

// named returns the value of a (name).
func (f *percentFormat) named() Value {
	if f.dict == nil {
		f.r.fail("format requires a mapping")
	}
	end, depth := f.at, 0
	for ; end < len(f.t.s); end++ {
		switch f.t.s[end] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	if end == len(f.t.s) {
		f.r.fail("incomplete format key")
	}
	name := f.t.s[f.at+1 : end]
	f.at = end + 1
	v, ok := f.dict.named(name)
	if !ok {
		f.r.fail("format needs the key %.40q", name)
	}
	return v
}

// next returns the next value.
func (f *percentFormat) next() Value {
	if f.used >= len(f.values) {
		f.r.fail("not enough arguments for format string")
	}
	f.used++
	return f.values[f.used-1]
}

// flags reads flags, width, precision and the letter.
func (f *percentFormat) flags() flags {
	fl := flags{precision: -1, sign: '-'}
	for ; f.at < len(f.t.s); f.at++ {
		switch f.t.s[f.at] {
		case '-':
			fl.left = true
		case '+':
			fl.sign = '+'
		case ' ':
			if fl.sign == '-' {
				fl.sign = ' '
			}
		case '#':
			fl.alternate = true
		case '0':
			fl.zero = true
		default:
			fl.width = f.number()
			if fl.width < 0 {
				fl.left, fl.width = true, -fl.width
			}
			if strings.HasPrefix(f.t.s[f.at:], ".") {
				f.at++
				fl.precision = max(0, f.number())
			}
			for f.at < len(f.t.s) && strings.IndexByte("hlL", f.t.s[f.at]) >= 0 {
				f.at++
			}
			if f.at < len(f.t.s) {
				fl.verb = f.t.s[f.at]
				f.at++
				return fl
			}
		}
	}
	f.r.fail("incomplete format")
	return fl
}

// number reads a number or a "*", which stands for the next value.
func (f *percentFormat) number() int {
	if strings.HasPrefix(f.t.s[f.at:], "*") {
		f.at++
		v := f.next()
		if !isInt(v) {
			f.r.fail("* wants int")
		}
		return f.r.index(v)
	}
	n, size := leadingInt(f.t.s[f.at:])
	f.at += size
	return n
}

// leadingInt reads digits at the start of s; a number that is too long is a large one.
func leadingInt(s string) (n, size int) {
	for size < len(s) && s[size] >= '0' && s[size] <= '9' {
		n = min(n*10+int(s[size]-'0'), 1<<40)
		size++
	}
	return n, size
}

// write1 formats a value for a % conversion.
func (r *run) write1(b *builder, fl flags, v Value, html bool) {
	switch fl.verb {
	case 's', 'r', 'a':
		t := r.str2(fl.verb, v)
		if html {
			t = r.escaped(t)
		}
		if fl.precision >= 0 {
			t = t.cut(0, runeOffset(t.s, fl.precision))
		}
		r.align(b, t, fl, '>')
	case 'c':
		r.align(b, r.charOf(v), fl, '>')
	case 'd', 'i', 'u', 'x', 'X', 'o':
		r.percentInt(b, fl, v)
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if !isNumber(v) {
			r.defined(v)
			r.fail("must be real number, not %s", typeName(v))
		}
		r.number1(b, r.formatFloat(r.floatOf(v), fl), fl)
	default:
		r.fail("unsupported format character %q", fl.verb)
	}
}

// str2 is str or, for 'r' and 'a', repr.
func (r *run) str2(verb byte, v Value) text {
	if verb == 's' {
		return r.str(v)
	}
	var b builder
	r.repr(&b, v, 0)
	t := b.text()
	if verb == 'a' {
		t = r.mapRunes(t, func(_ int, c rune) string {
			if c < 0x80 {
				return string(c)
			}
			return codeText(c)
		})
	}
	return t
}

// charOf is the character of %c: of a code, or a string of one.
func (r *run) charOf(v Value) text {
	if t, ok := v.(text); ok && t.runes() == 1 {
		return t
	}
	if !isInt(v) {
		r.fail("%%c requires int or char")
	}
	n := r.index(v)
	if n < 0 || n > 0x10ffff {
		r.fail("%%c arg not in range(0x110000)")
	}
	return callerText(string(rune(n))) // a number knows no origin
}

// percentInt formats an integer for %d and the like.
func (r *run) percentInt(b *builder, fl flags, v Value) {
	n := bigOf(v)
	if f, ok := v.(float64); ok && strings.IndexByte("diu", fl.verb) >= 0 {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			r.fail("cannot convert float %s to integer", floatText(f))
		}
		n, _ = big.NewFloat(f).Int(nil)
	} else if !isInt(v) {
		r.defined(v)
		r.fail("%%%c format: a number is required, not %s", fl.verb, typeName(v))
	}
	digits, prefix := r.digits(n, fl.verb)
	if fl.precision > len(digits) {
		r.spend(fl.precision)
		digits = strings.Repeat("0", fl.precision-len(digits)) + digits
	}
	if !fl.alternate {
		prefix = ""
	}
	fl.precision = -1
	r.number1(b, numText{neg: n.Sign() < 0, prefix: prefix, whole: digits}, fl)
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

// number1 writes a number with sign, prefix, groups and padding.
func (r *run) number1(b *builder, n numText, fl flags) {
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
