package tokenizer

import (
	"math"
	"math/big"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplMaxBits is the longest integer that arithmetic makes.
const tmplMaxBits = 14_000 // about tmplMaxDigits decimal digits

// tmplArith runs a binary arithmetic operator.
func tmplArith(g *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	return g.arith(op.name, args[0], args[1])
}

// arith is a op b with Python's rules for strings, lists and numbers.
func (g *tmplGuard) arith(op string, a, b jinja.Value) (jinja.Value, error) {
	ta, tb := tmplTypeOf(a), tmplTypeOf(b)
	switch {
	case op == "%" && ta == tmplString:
		return g.percent(a, b)
	case op == "+" && ta == tmplString && tb == tmplString:
		return g.addStr(a, b)
	case op == "+" && ta == tmplList && tb == tmplList && g.isTuple(a) == g.isTuple(b):
		sum, err := g.addList(a.AsList().Items, b.AsList().Items)
		if err == nil && g.isTuple(a) {
			g.tuples[sum.AsList()] = true
		}
		return sum, err
	case op == "*" && (ta == tmplString || ta == tmplList) && tmplIsInt(b):
		return g.repeat(a, b)
	case op == "*" && (tb == tmplString || tb == tmplList) && tmplIsInt(a):
		return g.repeat(b, a)
	case !tmplIsNum(a) || !tmplIsNum(b):
		return jinja.Undefined(), tmplEval("%v %s %v is not possible", ta, op, tb)
	case a.IsFloat() || b.IsFloat() || op == "/":
		return tmplFloatArith(op, tmplFloatOf(a), tmplFloatOf(b))
	}
	return tmplIntArith(op, tmplBig(a), tmplBig(b))
}

// addStr joins two strings; the one that is not HTML is escaped if the other is.
func (g *tmplGuard) addStr(a, b jinja.Value) (jinja.Value, error) {
	html := tmplIsHTML(a) || tmplIsHTML(b)
	sa, sb := tmplStr(a), tmplStr(b)
	if html {
		if !tmplIsHTML(a) {
			sa = tmplEscape(sa)
		}
		if !tmplIsHTML(b) {
			sb = tmplEscape(sb)
		}
	}
	if err := g.spend(len(sa) + len(sb)); err != nil {
		return jinja.Undefined(), err
	}
	if html {
		return tmplHTML(sa + sb), nil
	}
	return jinja.NewString(sa + sb), nil
}

// addList joins two lists into a new one.
func (g *tmplGuard) addList(a, b []jinja.Value) (jinja.Value, error) {
	if err := g.items(len(a) + len(b)); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewList(append(append(make([]jinja.Value, 0, len(a)+len(b)), a...), b...)), nil
}

// repeat returns a string or list n times.
func (g *tmplGuard) repeat(v, times jinja.Value) (jinja.Value, error) {
	n, err := tmplIndex(times)
	if err != nil {
		return jinja.Undefined(), err
	}
	n = max(n, 0)
	if tmplIsStr(v) {
		s := tmplStr(v)
		if len(s) == 0 {
			return v, nil
		}
		if n > g.lim.Bytes/len(s) {
			return jinja.Undefined(), g.spend(-1)
		}
		err := g.spend(n * len(s))
		if err != nil {
			return jinja.Undefined(), err
		}
		return tmplLike(v, strings.Repeat(s, n)), nil
	}
	items := v.AsList().Items
	if len(items) == 0 || n == 0 {
		return jinja.NewList(nil), nil
	}
	if n > g.lim.Bytes/len(items) {
		return jinja.Undefined(), g.spend(-1)
	}
	if err := g.items(n * len(items)); err != nil {
		return jinja.Undefined(), err
	}
	out := make([]jinja.Value, 0, n*len(items))
	for range n {
		out = append(out, items...)
	}
	return jinja.NewList(out), nil
}

// tmplFloatArith is arithmetic on floats.
func tmplFloatArith(op string, a, b float64) (jinja.Value, error) {
	if b == 0 && (op == "/" || op == "//" || op == "%") {
		return jinja.Undefined(), tmplEval("division by zero")
	}
	var r float64
	switch op {
	case "+":
		r = a + b
	case "-":
		r = a - b
	case "*":
		r = a * b
	case "/":
		r = a / b
	case "//":
		r = math.Floor(a / b)
	case "%":
		if r = math.Mod(a, b); r != 0 && (r < 0) != (b < 0) {
			r += b
		}
	case "**":
		r = math.Pow(a, b)
	}
	return jinja.NewFloat(r), nil
}

// tmplIntArith is arithmetic on integers of any size; division rounds down.
func tmplIntArith(op string, a, b *big.Int) (jinja.Value, error) {
	if b.Sign() == 0 && (op == "//" || op == "%") {
		return jinja.Undefined(), tmplEval("division by zero")
	}
	if op == "**" {
		return tmplPow(a, b)
	}
	r := new(big.Int)
	switch op {
	case "+":
		r.Add(a, b)
	case "-":
		r.Sub(a, b)
	case "*":
		r.Mul(a, b)
	default:
		q, m := tmplDivMod(a, b)
		if r = q; op == "%" {
			r = m
		}
	}
	return tmplShortInt(r)
}

// tmplDivMod divides with the quotient rounded down.
func tmplDivMod(a, b *big.Int) (q, m *big.Int) {
	q, m = new(big.Int).QuoRem(a, b, new(big.Int))
	if m.Sign() != 0 && m.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
		m.Add(m, b)
	}
	return q, m
}

// tmplPow is the power of integers; a negative exponent gives a float.
func tmplPow(a, b *big.Int) (jinja.Value, error) {
	if b.Sign() < 0 {
		fa, _ := new(big.Float).SetInt(a).Float64()
		fb, _ := new(big.Float).SetInt(b).Float64()
		if fa == 0 {
			return jinja.Undefined(), tmplEval("division by zero")
		}
		return jinja.NewFloat(math.Pow(fa, fb)), nil
	}
	if a.BitLen() > 1 && (b.BitLen() > 16 || a.BitLen()*int(b.Int64()) > tmplMaxBits+a.BitLen()) {
		return jinja.Undefined(), tmplEval("integer is too large")
	}
	if a.BitLen() <= 1 && b.BitLen() > 1 { // of 0, 1 and -1 only the parity counts
		b = big.NewInt(2 + int64(b.Bit(0)))
	}
	return tmplShortInt(new(big.Int).Exp(a, b, nil))
}

// tmplShortInt returns an integer that is not too long.
func tmplShortInt(n *big.Int) (jinja.Value, error) {
	if n.BitLen() > tmplMaxBits {
		return jinja.Undefined(), tmplEval("integer is too large")
	}
	return tmplInt(n), nil
}

// tmplSign is the unary "-" and "+".
func tmplSign(_ *tmplGuard, op *tmplOp, args []jinja.Value) (jinja.Value, error) {
	v := args[0]
	switch {
	case !tmplIsNum(v):
		return v, tmplEval("%s%v is not possible", op.name, tmplTypeOf(v))
	case v.IsFloat() && op.name == "-":
		return jinja.NewFloat(-v.AsFloat()), nil
	case v.IsFloat():
		return v, nil
	case op.name == "-":
		return tmplInt(new(big.Int).Neg(tmplBig(v))), nil
	}
	return tmplInt(tmplBig(v)), nil
}
