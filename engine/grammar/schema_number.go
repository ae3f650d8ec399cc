package grammar

import (
	"math/big"
	"strings"
)

// Digits of numbers before and behind the point: what a float64 holds, and an int64.
const (
	maxDigits   = 16
	maxFraction = 16
)

// bound is one end of a range of numbers.
type bound struct {
	at     *big.Rat
	strict bool // at itself is outside
}

// limits are the numbers that a schema allows.
type limits struct {
	low, high *bound // nil is none
	decimals  int    // behind the point; −1 is any number of them
	step      *big.Rat
}

// number is the grammar of numbers, or of integers.
func (c *conj) number(integer bool) (expr, error) {
	l, err := c.bounds()
	if err != nil {
		return nil, err
	}
	if integer {
		l.decimals = 0
	}
	if l.step != nil && l.step.Cmp(big.NewRat(1, 1)) > 0 {
		return c.multiples(l)
	}
	switch {
	case l.low == nil && l.high == nil && l.decimals < 0:
		return c.anyNumber(), nil
	case l.low == nil && l.high == nil && l.decimals == 0:
		return c.anyInteger(), nil
	}
	return l.expr(), nil
}

// bounds reads the keywords of numbers.
func (c *conj) bounds() (l limits, err error) {
	l.decimals = -1
	for _, k := range []struct {
		name         string
		high, strict bool
	}{{"minimum", false, false}, {"exclusiveMinimum", false, true}, {"maximum", true, false}, {"exclusiveMaximum", true, true}} {
		err := c.each(k.name, func(v *value) error {
			r, err := v.number()
			if err == nil {
				l.narrow(bound{r, k.strict}, k.high)
			}
			return err
		})
		if err != nil {
			return l, err
		}
	}
	err = c.each("format", func(v *value) error {
		if bits := map[any]uint{"int32": 31, "int64": 63}[v.raw]; bits > 0 {
			end := new(big.Int).Lsh(big.NewInt(1), bits)
			l.narrow(bound{new(big.Rat).SetInt(new(big.Int).Neg(end)), false}, false)
			l.narrow(bound{new(big.Rat).SetInt(end), true}, true)
			l.decimals = 0
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	return l, c.each("multipleOf", l.multiple)
}

// narrow takes one more bound.
func (l *limits) narrow(b bound, high bool) {
	at, sign := &l.low, 1
	if high {
		at, sign = &l.high, -1
	}
	if *at == nil {
		*at = &b
		return
	}
	switch c := sign * b.at.Cmp((*at).at); {
	case c > 0:
		*at = &b
	case c == 0:
		(*at).strict = (*at).strict || b.strict
	}
}

// multiple takes multipleOf, a power of ten.
func (l *limits) multiple(v *value) error {
	r, err := v.number()
	if err != nil {
		return err
	}
	if r.Sign() <= 0 {
		return v.errorf(ErrSyntax, "must be above 0")
	}
	n, exact := r.FloatPrec()
	digits := strings.Trim(r.FloatString(n), "0.")
	if !exact || digits != "1" || n > maxFraction {
		return v.errorf(ErrUnsupported, "a multiple of something else than a power of ten")
	}
	if l.step == nil || r.Cmp(l.step) > 0 {
		l.step = r
	}
	if l.decimals < 0 || n < l.decimals {
		l.decimals = n
	}
	return nil
}

// allows reports whether a number is within.
func (l limits) allows(r *big.Rat) bool {
	if l.step != nil && !new(big.Rat).Quo(r, l.step).IsInt() || l.decimals == 0 && !r.IsInt() {
		return false
	}
	if l.low != nil && (r.Cmp(l.low.at) < 0 || l.low.strict && r.Cmp(l.low.at) == 0) {
		return false
	}
	return l.high == nil || r.Cmp(l.high.at) < 0 || !l.high.strict && r.Cmp(l.high.at) == 0
}

// multiples are those of 10, 100 and so on.
func (c *conj) multiples(l limits) (expr, error) {
	zeros := len(l.step.FloatString(0)) - 1
	if l.low != nil || l.high != nil || zeros >= maxDigits {
		return nil, c.all[0].errorf(ErrUnsupported, "multipleOf above 1 together with minimum or maximum")
	}
	head := seq{class{'1', '9'}, rep{digit, 0, maxDigits - 1 - zeros}, lit(strings.Repeat("0", zeros))}
	return seq{opt(lit("-")), alt{lit("0"), head}}, nil
}

// expr is the numbers within, in decimal notation.
func (l limits) expr() expr {
	decimals := l.decimals
	if decimals < 0 {
		decimals = maxFraction
	}
	low, high := l.low, l.high
	var out alt
	if low == nil || low.at.Sign() < 0 { // the negative numbers, as those of opposite sign with a minus
		from, to := &bound{new(big.Rat), true}, low.negated()
		if high != nil && high.at.Sign() < 0 {
			from = high.negated()
		}
		out = append(out, seq{lit("-"), decimalsBetween(from, to, decimals)})
	}
	if high == nil || high.at.Sign() >= 0 {
		if low == nil || low.at.Sign() < 0 {
			low = &bound{new(big.Rat), false}
		}
		out = append(out, decimalsBetween(low, high, decimals))
	}
	return out
}

func (b *bound) negated() *bound {
	if b == nil {
		return nil
	}
	return &bound{new(big.Rat).Neg(b.at), b.strict}
}
