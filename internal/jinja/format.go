package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// strFormat is str.format.
func strFormat(r *run, v Value, a args) Value {
	f := &braceFormat{r: r, t: v.(text), a: a}
	t := f.run(0, len(f.t.s), 2)
	t.html = f.t.html
	return t
}

// strFormatMap is str.format_map(mapping).
func strFormatMap(r *run, v Value, a args) Value {
	d, ok := a.bind(r, "format_map", 1, "mapping")[0].(*dict)
	if !ok {
		r.fail("format_map() takes a mapping")
	}
	named := args{}
	r.spread(&named, d)
	return strFormat(r, v, named)
}

// braceFormat is a format with fields such as {}, {0}, {name.attr[key]!r:>10}.
type braceFormat struct {
	r      *run
	t      text
	a      args
	auto   int  // the next number of a field without one
	manual bool // fields have numbers
}

// run formats the bytes [lo,hi) of the format; fields may have others in their specification, up to a depth.
func (f *braceFormat) run(lo, hi, depth int) text {
	f.r.spend(f.t.size())
	if depth < 0 {
		f.r.fail("Max string recursion exceeded")
	}
	var b builder
	for lo < hi {
		n := strings.IndexAny(f.t.s[lo:hi], "{}")
		if n < 0 {
			break
		}
		b.cut(f.t, lo, lo+n)
		lo += n
		c := f.t.s[lo]
		if depth == 2 && lo+1 < hi && f.t.s[lo+1] == c {
			b.cut(f.t, lo, lo+1)
			lo += 2
			continue
		}
		if c == '}' {
			f.r.fail("Single '}' encountered in format string")
		}
		end := f.fieldEnd(lo+1, hi)
		f.field(&b, lo+1, end, depth)
		lo = end + 1
	}
	b.cut(f.t, lo, hi)
	return b.text()
}

// fieldEnd returns where the field that begins at lo ends.
func (f *braceFormat) fieldEnd(lo, hi int) int {
	depth := 0
	for i := lo; i < hi; i++ {
		switch f.t.s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	f.r.fail("expected '}' before end of string")
	return 0
}

// field writes the field in the bytes [lo,hi).
func (f *braceFormat) field(b *builder, lo, hi, depth int) {
	s := f.t.s[lo:hi]
	name, spec := s, text{}
	brackets := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			brackets++
		case ']':
			brackets--
		}
		if brackets <= 0 && (s[i] == ':' || s[i] == '!') {
			name = s[:i]
			break
		}
	}
	rest := s[len(name):]
	conv := byte(0)
	if strings.HasPrefix(rest, "!") {
		if len(rest) < 2 || len(rest) > 2 && rest[2] != ':' || strings.IndexByte("rsa", rest[1]) < 0 {
			f.r.fail("bad conversion in a format field")
		}
		conv, rest = rest[1], rest[2:]
	}
	v := f.value(name)
	if len(rest) > 1 {
		spec = f.run(hi-len(rest)+1, hi, depth-1)
	}
	if conv != 0 {
		v = f.r.strOrRepr(conv, v)
	}
	f.r.formatValue(b, v, spec.s, f.t.html)
}

// value returns the value that a field names.
func (f *braceFormat) value(name string) Value {
	n := strings.IndexAny(name, ".[")
	if n < 0 {
		n = len(name)
	}
	v := f.argument(name[:n])
	for rest := name[n:]; rest != ""; {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				f.r.fail("bad index in a format field")
			}
			var key Value = own(rest[1:end])
			if i, err := strconv.Atoi(rest[1:end]); err == nil && i >= 0 {
				key = int64(i)
			}
			v, rest = f.r.item(v, key), rest[end+1:]
		} else {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			if end == 1 {
				f.r.fail("Empty attribute in format string")
			}
			v, rest = f.r.attr(v, rest[1:end]), rest[end:]
		}
	}
	return v
}

// argument returns the argument of a number or name; "" is the next number.
func (f *braceFormat) argument(name string) Value {
	if name == "" {
		if f.manual {
			f.r.fail("cannot switch from manual field specification to automatic field numbering")
		}
		name = strconv.Itoa(f.auto)
		f.auto++
	} else if name[0] >= '0' && name[0] <= '9' {
		if f.auto > 0 {
			f.r.fail("cannot switch from automatic field numbering to manual field specification")
		}
		f.manual = true
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 {
		if i >= len(f.a.pos) {
			f.r.fail("Replacement index %d out of range for positional args tuple", i)
		}
		return f.a.pos[i]
	}
	i := f.a.index(name)
	if i < 0 {
		f.r.fail("format has no argument named %.40q", name)
	}
	return f.a.vals[i]
}

// formatValue writes a value by a format specification.
func (r *run) formatValue(b *builder, v Value, spec string, html bool) {
	if html {
		if t, ok := v.(text); ok {
			v = r.escaped(t)
		}
	}
	switch {
	case spec == "":
		t := r.str(v)
		if html {
			t = r.escaped(t)
		}
		r.spend(t.size())
		b.add(t)
	case isInt(v) && !isBool(v), isBool(v):
		r.formatInt(b, v, r.spec(spec))
	case isNumber(v):
		r.formatNumber(b, v.(float64), r.spec(spec))
	default:
		t, ok := v.(text)
		if !ok {
			r.fail("unsupported format string passed to %s.__format__", typeName(v))
		}
		fl := r.spec(spec)
		if fl.verb != 0 && fl.verb != 's' || fl.align == '=' || fl.sign != 0 || fl.group != 0 || fl.alternate {
			r.fail("invalid format specification %.40q for a string", spec)
		}
		if fl.zero && fl.fill == "" {
			fl.fill = "0"
		}
		if fl.precision >= 0 {
			t = t.cut(0, runeOffset(t.s, fl.precision))
		}
		r.align(b, t, fl, '<')
	}
}

// spec reads a format specification: [[fill]align][sign][#][0][width][group][.precision][type].
func (r *run) spec(s string) flags {
	fl := flags{precision: -1}
	rest := s
	_, n := utf8.DecodeRuneInString(rest)
	if len(rest) > n && strings.IndexByte("<>=^", rest[n]) >= 0 {
		fl.fill, fl.align, rest = rest[:n], rest[n], rest[n+1:]
	} else if strings.IndexByte("<>=^", rest[0]) >= 0 {
		fl.align, rest = rest[0], rest[1:]
	}
	take := func(set string) byte {
		if rest == "" || strings.IndexByte(set, rest[0]) < 0 {
			return 0
		}
		c := rest[0]
		rest = rest[1:]
		return c
	}
	fl.sign = take("+- ")
	fl.alternate = take("#") != 0
	fl.zero = take("0") != 0
	fl.width, n = leadingInt(rest)
	rest = rest[n:]
	fl.group = take(",_")
	if take(".") != 0 {
		if fl.precision, n = leadingInt(rest); n == 0 {
			r.fail("Format specifier missing precision")
		}
		rest = rest[n:]
	}
	fl.verb = take("bcdeEfFgGnosxX%")
	if rest != "" {
		r.fail("Invalid format specifier %.40q", s)
	}
	return fl
}

// formatInt writes an integer by a specification.
func (r *run) formatInt(b *builder, v Value, fl flags) {
	switch fl.verb {
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		r.formatNumber(b, r.floatOf(v), fl)
		return
	case 's':
		r.fail("Unknown format code 's' for object of type 'int'")
	case 'c':
		r.align(b, r.charOf(v), fl, '<')
		return
	}
	if fl.precision >= 0 {
		r.fail("Precision not allowed in integer format specifier")
	}
	n := bigOf(v)
	digits, prefix := r.digits(n, fl.verb)
	if !fl.alternate {
		prefix = ""
	}
	r.writeNumber(b, numText{neg: n.Sign() < 0, prefix: prefix, whole: digits}, fl)
}

// formatNumber writes a float by a specification.
func (r *run) formatNumber(b *builder, v float64, fl flags) {
	var n numText
	switch fl.verb {
	case 0:
		n = r.plainFloat(v, fl)
	case '%':
		fl.verb = 'f'
		n = r.formatFloat(v*100, fl)
		n.rest += "%"
	case 'n':
		fl.verb = 'g'
		n = r.formatFloat(v, fl)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		n = r.formatFloat(v, fl)
	default:
		r.fail("Unknown format code '%c' for object of type 'float'", fl.verb)
	}
	r.writeNumber(b, n, fl)
}

// plainFloat is the form without a type: like repr, or like g with a digit behind the point.
func (r *run) plainFloat(v float64, fl flags) numText {
	if fl.precision < 0 {
		s := strings.TrimPrefix(floatText(v), "-")
		whole, rest := splitPoint(s)
		f, _ := new(big.Float).SetFloat64(0).Float64()
		return numText{neg: v < f || strings.HasPrefix(floatText(v), "-"), whole: whole, rest: rest}
	}
	fl.verb = 'g'
	n := r.formatFloat(v, fl)
	if n.rest == "" && n.whole != "inf" && n.whole != "nan" {
		if len(n.whole) >= max(fl.precision, 1) { // Python goes over to an exponent one digit earlier
			e := fl
			e.verb, e.precision = 'e', max(fl.precision, 1)-1
			n = r.formatFloat(v, e)
			mantissa, exp, _ := strings.Cut(n.rest, "e")
			n.rest = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".") + "e" + exp
			return n
		}
		n.rest = ".0"
	}
	return n
}
