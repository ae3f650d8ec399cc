package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// filterInt is int(default=0, base=10).
func filterInt(r *run, v Value, a args) Value {
	b := a.bind(r, "int", 0, "default", "base")
	def, base := b[0], r.integer(b[1], 10)
	if def == nil {
		def = int64(0)
	}
	switch v := v.(type) {
	case *undefined:
		r.fail("%s", v.why)
	case int64, *big.Int:
		return v
	case bool:
		return normal(bigOf(v))
	case float64:
		return truncated(v, def)
	case text:
		r.scan(16 * len(v.s))
		if base != 0 && (base < 2 || base > 36) {
			return def
		}
		if n, ok := parseInt(v.s, base); ok {
			return normal(n)
		}
		if f, ok := parseFloat(v.s); ok {
			return truncated(f, def)
		}
	}
	return def
}

// parseInt reads an integer as Python's int does.
func parseInt(s string, base int) (*big.Int, bool) {
	s = strings.TrimFunc(s, isSpace)
	neg := strings.HasPrefix(s, "-")
	s = asciiDigits(strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+"))
	prefixes := map[int]string{2: "0b", 8: "0o", 16: "0x"}
	if p := prefixes[base]; p != "" && len(s) > 2 && strings.EqualFold(s[:2], p) {
		s = strings.TrimPrefix(s[2:], "_")
	}
	if s == "" || len(s) > maxDigits || !underscores(s) || s[0] == '-' || s[0] == '+' {
		return nil, false
	}
	if base == 0 && len(s) > 1 && s[0] == '0' && strings.Trim(s, "0_") != "" && s[1] <= '9' {
		return nil, false
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(s, "_", ""), base)
	if ok && neg {
		n.Neg(n)
	}
	return n, ok
}

// underscores reports whether each "_" stands between two other characters.
func underscores(s string) bool {
	return !strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "_") && !strings.Contains(s, "__")
}

// asciiDigits replaces the decimal digits of other scripts.
func asciiDigits(s string) string {
	if ascii(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c < 0x80 || !unicode.IsDigit(c) {
			return c
		}
		zero := c
		for unicode.IsDigit(zero-1) && c-zero < 9 {
			zero--
		}
		return '0' + c - zero
	}, s)
}

// parseFloat reads a float as Python's float does.
func parseFloat(s string) (float64, bool) {
	s = strings.ToLower(asciiDigits(strings.TrimFunc(s, isSpace)))
	if strings.ContainsAny(s, "xp") || !underscores(s) {
		return 0, false
	}
	if strings.Contains(s, "_") {
		for i := range len(s) {
			if s[i] == '_' && (s[i-1] < '0' || s[i-1] > '9' || s[i+1] < '0' || s[i+1] > '9') {
				return 0, false
			}
		}
		s = strings.ReplaceAll(s, "_", "")
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// truncated returns a float without its fraction, def if it has no value.
func truncated(f float64, def Value) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return def
	}
	n, _ := big.NewFloat(f).Int(nil)
	return normal(n)
}

// filterFloat is float(default=0.0).
func filterFloat(r *run, v Value, a args) Value {
	b := a.bind(r, "float", 0, "default")
	r.defined(v)
	if isNumber(v) {
		return r.floatOf(v)
	}
	if t, ok := v.(text); ok {
		r.scan(16 * len(t.s))
		if f, ok := parseFloat(t.s); ok {
			return f
		}
	}
	if b[0] == nil {
		return 0.0
	}
	return b[0]
}

// toFloat is float(v), which must be a number or the text of one.
func (r *run) toFloat(v Value) float64 {
	if isNumber(v) {
		return r.floatOf(v)
	}
	if t, ok := v.(text); ok {
		r.scan(16 * len(t.s))
		if f, ok := parseFloat(t.s); ok {
			return f
		}
	}
	r.defined(v)
	r.fail("could not convert %s to float", typeName(v))
	return 0
}

// filterAbs is abs.
func filterAbs(r *run, v Value, a args) Value {
	a.none(r)
	switch v := v.(type) {
	case float64:
		return math.Abs(v)
	case bool, int64, *big.Int:
		return normal(new(big.Int).Abs(bigOf(v)))
	}
	r.defined(v)
	r.fail("bad operand type for abs(): '%s'", typeName(v))
	return nil
}

// filterRound is round(precision=0, method="common"), which rounds half to even.
func filterRound(r *run, v Value, a args) Value {
	b := a.bind(r, "round", 0, "precision", "method")
	places, method := r.integer(b[0], 0), "common"
	if b[1] != nil {
		method = r.string(b[1], "round").s
	}
	if !isNumber(v) {
		r.defined(v)
		r.fail("type %s doesn't define __round__ method", typeName(v))
	}
	if method == "common" {
		return r.round(v, places)
	}
	if method != "ceil" && method != "floor" {
		r.fail("method must be common, ceil or floor")
	}
	unit := r.arith("**", int64(10), int64(places))
	scaled := r.arith("*", v, unit)
	if f, ok := scaled.(float64); ok {
		if method == "ceil" {
			f = math.Ceil(f)
		}
		if scaled = truncated(math.Floor(f), nil); scaled == nil {
			r.fail("cannot convert float %s to integer", floatText(f))
		}
	}
	return r.arith("/", scaled, unit)
}

// round is Python's round(v, places).
func (r *run) round(v Value, places int) Value {
	f, ok := v.(float64)
	switch {
	case !ok && places >= 0:
		return normal(bigOf(v))
	case !ok:
		return r.roundInt(bigOf(v), -places)
	case math.IsNaN(f) || math.IsInf(f, 0) || places > 323:
		return f
	case places < -308:
		return math.Copysign(0, f)
	case places < 0:
		return math.Copysign(ratRound(new(big.Rat).SetFloat64(f), -places), f)
	}
	out, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', places, 64), 64)
	return out
}

// roundInt rounds an integer to a power of ten, half to even.
func (r *run) roundInt(n *big.Int, places int) Value {
	if places > maxDigits {
		return int64(0)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	return normal(new(big.Int).Mul(nearest(new(big.Rat).SetFrac(n, unit)), unit))
}

// ratRound rounds a number to a power of ten, half to even.
func ratRound(x *big.Rat, places int) float64 {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	n := new(big.Rat).SetInt(nearest(new(big.Rat).Quo(x, unit)))
	f, _ := n.Mul(n, unit).Float64()
	return f
}

// nearest rounds to an integer, half to even.
func nearest(x *big.Rat) *big.Int {
	twice := new(big.Int).Mul(x.Num(), big.NewInt(2))
	twice.Add(twice, x.Denom())
	q, m := new(big.Int).DivMod(twice, new(big.Int).Mul(x.Denom(), big.NewInt(2)), new(big.Int))
	if m.Sign() == 0 && q.Bit(0) == 1 {
		q.Sub(q, big.NewInt(1))
	}
	return q
}
