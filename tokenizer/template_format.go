package tokenizer

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// percent is Python's "format" % values.
func (g *tmplGuard) percent(format, values jinja.Value) (jinja.Value, error) {
	f := tmplPercent{g: g, s: tmplStr(format), values: []jinja.Value{values}}
	if g.isTuple(values) {
		f.values = values.AsList().Items
	}
	if values.IsDict() {
		f.dict = values.AsDict()
	}
	err := f.run()
	return jinja.NewString(f.w.b.String()), err
}

// tmplPercent formats by conversions such as %s, %-5d, %.2f, %(name)s.
type tmplPercent struct {
	g      *tmplGuard
	s      string
	values []jinja.Value
	used   int
	dict   *jinja.Dict
	w      tmplWriter
}

// run formats everything and checks that all values were used.
func (f *tmplPercent) run() error {
	f.w.g = f.g
	for {
		n := strings.IndexByte(f.s, '%')
		if n < 0 {
			break
		}
		if err := f.w.add(f.s[:n]); err != nil {
			return err
		}
		f.s = f.s[n+1:]
		if err := f.conversion(); err != nil {
			return err
		}
	}
	if f.dict == nil && f.used < len(f.values) {
		return tmplEval("%% has values left over")
	}
	return f.w.add(f.s)
}

// conversion formats one value; the "%" is behind us.
func (f *tmplPercent) conversion() error {
	var key string
	if strings.HasPrefix(f.s, "(") {
		end := strings.IndexByte(f.s, ')')
		if end < 0 || f.dict == nil {
			return tmplEval("%% needs a dict for named values")
		}
		key, f.s = f.s[1:end], f.s[end+1:]
	}
	n := strings.IndexFunc(f.s, func(r rune) bool { return !strings.ContainsRune("-+ #0123456789.", r) })
	if n < 0 {
		return tmplEval("%% without a conversion")
	}
	flags, verb := f.s[:n], f.s[n]
	f.s = f.s[n+1:]
	if verb == '%' {
		return f.w.add("%")
	}
	if n > 6 {
		return tmplEval("%% width %.20q is too large", flags)
	}
	v, err := f.value(key)
	if err != nil {
		return err
	}
	text, err := f.convert(flags, verb, v)
	if err != nil {
		return err
	}
	return f.w.add(text)
}

// value returns the value of a conversion.
func (f *tmplPercent) value(key string) (jinja.Value, error) {
	if key != "" {
		v, ok := f.dict.Get(key)
		if !ok {
			return v, tmplEval("%% has no value named %.40q", key)
		}
		return v, nil
	}
	if f.used >= len(f.values) {
		return jinja.Undefined(), tmplEval("%% has not enough values")
	}
	f.used++
	return f.values[f.used-1], nil
}

// convert formats v by Go's verbs, which agree with C's for these.
func (f *tmplPercent) convert(flags string, verb byte, v jinja.Value) (string, error) {
	switch verb {
	case 's', 'r':
		text, err := f.g.str(v)
		if verb == 'r' {
			text, err = f.g.repr(v)
		}
		return fmt.Sprintf("%"+tmplTextFlags(flags)+"s", text), err
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if !tmplIsNum(v) {
			return "", tmplEval("%%%c takes a number, not %v", verb, tmplTypeOf(v))
		}
		if strings.IndexByte("iu", verb) >= 0 {
			verb = 'd'
		}
		n := new(big.Int)
		if v.IsFloat() {
			big.NewFloat(v.AsFloat()).Int(n)
		} else {
			n = tmplBig(v)
		}
		return fmt.Sprintf("%"+flags+string(verb), n), nil
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if !tmplIsNum(v) {
			return "", tmplEval("%%%c takes a number, not %v", verb, tmplTypeOf(v))
		}
		if (verb == 'g' || verb == 'G') && !strings.Contains(flags, ".") {
			flags += ".6"
		}
		return fmt.Sprintf("%"+flags+string(verb), tmplFloatOf(v)), nil
	}
	return "", tmplEval("unknown conversion %%%c", verb)
}

// tmplTextFlags keeps those flags of a conversion that mean something for
// text: "-", width and precision.
func tmplTextFlags(flags string) string {
	rest := strings.TrimLeft(flags, "-+ #0")
	if strings.Contains(flags[:len(flags)-len(rest)], "-") {
		return "-" + rest
	}
	return rest
}

// tmplStrFormat is str.format with {}, {0} and {name}; conversions and format
// specifications are not supported.
func tmplStrFormat(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	w, s, next := tmplWriter{g: g}, tmplStr(v), 0
	for {
		n := strings.IndexAny(s, "{}")
		if n < 0 {
			break
		}
		err := w.add(s[:n])
		if err != nil {
			return v, err
		}
		c := s[n : n+1]
		s = s[n+1:]
		if strings.HasPrefix(s, c) { // {{ or }}
			s = s[1:]
			if err := w.add(c); err != nil {
				return v, err
			}
			continue
		}
		end := strings.IndexByte(s, '}')
		if c == "}" || end < 0 {
			return v, tmplEval("format: single %q", c)
		}
		if err := a.field(&w, s[:end], &next); err != nil {
			return v, err
		}
		s = s[end+1:]
	}
	err := w.add(s)
	return tmplLike(v, w.b.String()), err
}

// field writes the value of a replacement field.
func (a tmplArgs) field(w *tmplWriter, name string, next *int) error {
	v, found := jinja.Undefined(), false
	if name == "" {
		name = strconv.Itoa(*next)
		*next++
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(a.pos) {
		v, found = a.pos[i], true
	}
	for i, n := range a.names {
		if n == name {
			v, found = a.vals[i], true
		}
	}
	if !found {
		return tmplEval("format: no value for {%.40s}", name)
	}
	text, err := w.g.str(v)
	if err != nil {
		return err
	}
	return w.add(text)
}
