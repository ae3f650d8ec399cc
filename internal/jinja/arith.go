package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// maxBits bounds integers: about 30,000 digits.
const maxBits = 100_000

// normal returns an integer as int64 where it fits.
func normal(n *big.Int) Value {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// bigOf returns an integer, or a bool as Python counts with it, as a big.Int.
func bigOf(v Value) *big.Int {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1)
		}
	case int64:
		return big.NewInt(v)
	case *big.Int:
		return v
	}
	return new(big.Int)
}

func isInt(v Value) bool {
	switch v.(type) {
	case bool, int64, *big.Int:
		return true
	}
	return false
}

func isNumber(v Value) bool {
	_, ok := v.(float64)
	return ok || isInt(v)
}

// floatOf returns a number as a float; one that is too large fails.
func (r *run) floatOf(v Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			r.fail("int too large to convert to float")
		}
		return f
	}
	if v == true {
		return 1
	}
	return 0
}

// index returns an integer that counts or indexes; beyond the range of an int it is the nearest one of ±MaxInt/2.
func (r *run) index(v Value) int {
	const far = math.MaxInt >> 1
	switch v := v.(type) {
	case int64:
		return int(min(max(v, -far), far))
	case bool:
		if v {
			return 1
		}
		return 0
	case *big.Int:
		return v.Sign() * far
	}
	r.defined(v)
	r.fail("'%s' object cannot be interpreted as an integer", typeName(v))
	return 0
}

// sign is -v or +v.
func (r *run) sign(op byte, v Value) Value {
	switch v := v.(type) {
	case float64:
		if op == '-' {
			return -v
		}
		return v
	case bool, int64, *big.Int:
		n := bigOf(v)
		if op == '-' {
			n = new(big.Int).Neg(n)
		}
		return normal(n)
	}
	r.defined(v)
	r.fail("bad operand type for unary %c: '%s'", op, typeName(v))
	return nil
}

// arith is a op b.
func (r *run) arith(op string, a, b Value) Value {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			if v, ok := smallArith(op, x, y); ok {
				return v
			}
		}
	}
	switch {
	case op == "+":
		if v := r.plus(a, b); v != nil {
			return v
		}
	case op == "*":
		if v := r.times(a, b); v != nil {
			return v
		}
	case op == "%":
		if t, ok := a.(text); ok {
			return r.percent(t, b)
		}
	}
	if isInt(a) && isInt(b) {
		return r.intArith(op, bigOf(a), bigOf(b))
	}
	if isNumber(a) && isNumber(b) {
		return r.floatArith(op, r.floatOf(a), r.floatOf(b))
	}
	r.defined(a)
	r.defined(b)
	if x, ok := a.(text); ok && op == "+" {
		r.fail("can only concatenate str (not \"%s\") to str (%.40q)", typeName(b), x.s)
	}
	r.fail("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	return nil
}

// smallArith is the fast path for integers; false where it may not fit.
func smallArith(op string, x, y int64) (Value, bool) {
	switch op {
	case "+":
		z := x + y
		return z, (z > x) == (y > 0)
	case "-":
		z := x - y
		return z, (z < x) == (y > 0)
	case "*":
		hi, lo := bits.Mul64(uint64(max(x, -x)), uint64(max(y, -y)))
		return x * y, hi == 0 && lo < 1<<63 && x != math.MinInt64 && y != math.MinInt64
	case "%":
		if y <= 0 {
			return nil, false
		}
		z := x % y
		if z < 0 {
			z += y
		}
		return z, true
	}
	return nil, false
}

// plus is a + b for strings and lists; nil for other types.
func (r *run) plus(a, b Value) Value {
	switch a := a.(type) {
	case text:
		if b, ok := b.(text); ok {
			if a.html || b.html {
				a, b = r.escaped(a), r.escaped(b)
			}
			return r.concat(a, b)
		}
	case *list:
		if b, ok := b.(*list); ok && a.tuple == b.tuple {
			r.items(len(a.items) + len(b.items))
			return &list{items: append(append(make([]Value, 0, len(a.items)+len(b.items)), a.items...), b.items...), tuple: a.tuple}
		}
	}
	return nil
}

// times is a * b for a string or list and a number, in either order; nil for other types.
func (r *run) times(a, b Value) Value {
	if isInt(a) {
		a, b = b, a
	}
	if !isInt(b) {
		return nil
	}
	switch a := a.(type) {
	case text:
		n := max(0, r.index(b))
		r.repeat(n, a.size())
		return repeated(a, n)
	case *list:
		n := max(0, r.index(b))
		r.repeat(n, len(a.items)*itemBytes)
		r.step(n * len(a.items))
		var items []Value
		for i := 0; i < n && len(a.items) > 0; i++ {
			items = append(items, a.items...)
		}
		return &list{items: items, tuple: a.tuple}
	}
	return nil
}

// repeated returns n copies of t.
func repeated(t text, n int) text {
	if t.src == nil || t.src == allCaller {
		t.s = strings.Repeat(t.s, n)
		return t
	}
	var b builder
	for range n {
		b.add(t)
	}
	out := b.text()
	out.html = t.html
	return out
}

// intArith is x op y for integers of any size.
func (r *run) intArith(op string, x, y *big.Int) Value {
	z := new(big.Int)
	r.spend((x.BitLen() + y.BitLen()) / 8)
	switch op {
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		if x.BitLen()+y.BitLen() > maxBits {
			r.limit("an integer of more than %d bits", maxBits)
		}
		z.Mul(x, y)
	case "**":
		return r.power(x, y)
	default:
		if y.Sign() == 0 {
			r.fail("division by zero")
		}
		if op == "/" {
			return r.trueDiv(x, y)
		}
		m := new(big.Int)
		z.DivMod(x, y, m) // Euclid's: 0 <= m < |y|
		if y.Sign() < 0 && m.Sign() != 0 {
			z.Sub(z, big.NewInt(1))
			m.Add(m, y)
		}
		if op == "%" {
			z = m
		}
	}
	if z.BitLen() > maxBits {
		r.limit("an integer of more than %d bits", maxBits)
	}
	return normal(z)
}

// trueDiv is x / y, rounded once.
func (r *run) trueDiv(x, y *big.Int) Value {
	f, _ := new(big.Rat).SetFrac(x, y).Float64()
	if math.IsInf(f, 0) {
		r.fail("integer division result too large for a float")
	}
	return f
}

// power is x ** y: an integer, or a float for a negative exponent.
func (r *run) power(x, y *big.Int) Value {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			r.fail("0.0 cannot be raised to a negative power")
		}
		return math.Pow(r.floatOf(normal(x)), r.floatOf(normal(y)))
	}
	if x.BitLen() <= 1 { // -1, 0, 1
		if y.Sign() == 0 || x.Sign() < 0 && y.Bit(0) == 0 {
			return int64(1)
		}
		return normal(x)
	}
	if !y.IsInt64() || y.Int64() > maxBits || int64(x.BitLen()-1)*y.Int64() > maxBits {
		r.limit("an integer of more than %d bits", maxBits)
	}
	r.step(1000)
	return normal(new(big.Int).Exp(x, y, nil))
}

// floatArith is x op y for floats.
func (r *run) floatArith(op string, x, y float64) Value {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "**":
		return r.floatPower(x, y)
	}
	if y == 0 {
		r.fail("float division by zero")
	}
	switch op {
	case "/":
		return x / y
	case "%":
		return floatMod(x, y)
	}
	return floatFloorDiv(x, y)
}

func (r *run) floatPower(x, y float64) Value {
	switch {
	case x == 0 && y < 0:
		r.fail("0.0 cannot be raised to a negative power")
	case x < 0 && y != math.Trunc(y) && !math.IsInf(y, 0):
		r.fail("the power is a complex number")
	}
	z := math.Pow(x, y)
	if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		r.fail("numerical result out of range")
	}
	return z
}

// floatMod has the sign of y, as in Python.
func floatMod(x, y float64) float64 {
	m := math.Mod(x, y)
	switch {
	case m == 0:
		return math.Copysign(0, y)
	case (m < 0) != (y < 0):
		m += y
	}
	return m
}

// floatFloorDiv follows CPython's float_divmod.
func floatFloorDiv(x, y float64) float64 {
	m := math.Mod(x, y)
	d := (x - m) / y
	if m != 0 && (m < 0) != (y < 0) {
		d--
	}
	if d == 0 {
		return math.Copysign(0, x/y)
	}
	f := math.Floor(d)
	if d-f > 0.5 {
		f++
	}
	return f
}
