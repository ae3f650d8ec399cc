package jinja

import (
	"math"
	"math/big"
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
	f.r.formatPercent(&f.b, fl, v, f.t.html)
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
		n = min(n*10+int(s[size]-'0'), math.MaxInt>>4)
		size++
	}
	return n, size
}

// formatPercent formats a value for a % conversion.
func (r *run) formatPercent(b *builder, fl flags, v Value, html bool) {
	switch fl.verb {
	case 's', 'r', 'a':
		t := r.strOrRepr(fl.verb, v)
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
		r.writeNumber(b, r.formatFloat(r.floatOf(v), fl), fl)
	default:
		r.fail("unsupported format character %q", fl.verb)
	}
}

// strOrRepr is str or, for 'r' and 'a', repr.
func (r *run) strOrRepr(verb byte, v Value) text {
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
	r.writeNumber(b, numText{neg: n.Sign() < 0, prefix: prefix, whole: digits}, fl)
}
