package grammar

import (
	"math/big"
	"strings"
)

// decimalsBetween is the numbers from low, which is not negative, to high, which may be missing, with at most so many
// decimals.
func decimalsBetween(low, high *bound, decimals int) expr {
	lo, hi := digitsOf(low), digitsOf(high)
	if hi != nil && len(hi.whole) > maxDigits {
		hi = nil // numbers are not as long
	}
	if hi != nil && (low.at.Cmp(high.at) > 0 || low.at.Cmp(high.at) == 0 && (low.strict || high.strict)) {
		return never
	}
	if len(lo.whole) > maxDigits {
		return never
	}
	if hi != nil && lo.whole == hi.whole {
		return seq{lit(lo.whole), fraction(lo, hi, decimals)}
	}
	out := alt{seq{lit(lo.whole), fraction(lo, nil, decimals)}}
	from := new(big.Int)
	from.SetString(lo.whole, 10)
	from.Add(from, big.NewInt(1))
	last := strings.Repeat("9", maxDigits)
	if hi != nil {
		out = append(out, seq{lit(hi.whole), fraction(nil, hi, decimals)})
		to := new(big.Int)
		to.SetString(hi.whole, 10)
		last = to.Sub(to, big.NewInt(1)).String()
	}
	return append(out, seq{integersBetween(from.String(), last), fraction(nil, nil, decimals)})
}

// digits are a bound in decimal notation: before the point, and behind it without zeros at the end.
type digits struct {
	whole, part string
	strict      bool
}

func digitsOf(b *bound) *digits {
	if b == nil {
		return nil
	}
	n, _ := b.at.FloatPrec() // exact, for a number that was written in decimals
	whole, part, _ := strings.Cut(b.at.FloatString(n), ".")
	return &digits{whole, strings.TrimRight(part, "0"), b.strict}
}

// integersBetween is the whole numbers from lo to hi, at least 1 and at most 16 digits long.
func integersBetween(lo, hi string) expr {
	var out alt
	for n := len(lo); n <= len(hi); n++ {
		from, to := "1"+strings.Repeat("0", n-1), strings.Repeat("9", n)
		if n == len(lo) {
			from = lo
		}
		if n == len(hi) {
			to = hi
		}
		if from <= to {
			out = append(out, sameLength(from, to))
		}
	}
	return out
}

// sameLength is the digits from lo to hi, which are equally many.
func sameLength(lo, hi string) expr {
	n := len(lo)
	switch {
	case n == 0:
		return seq{}
	case strings.Trim(lo, "0") == "" && strings.Trim(hi, "9") == "":
		return rep{digit, n, n}
	case lo[0] == hi[0]:
		return seq{lit(lo[:1]), sameLength(lo[1:], hi[1:])}
	}
	out := alt{
		seq{lit(lo[:1]), sameLength(lo[1:], strings.Repeat("9", n-1))},
		seq{lit(hi[:1]), sameLength(strings.Repeat("0", n-1), hi[1:])},
	}
	if lo[0]+1 < hi[0] {
		out = append(out, seq{class{rune(lo[0]) + 1, rune(hi[0]) - 1}, rep{digit, n - 1, n - 1}})
	}
	return out
}

// fraction is what may follow a whole number that equals the whole part of lo, of hi or of both: nothing, or a point
// and decimals. nil is no bound.
func fraction(lo, hi *digits, decimals int) expr {
	r := &decimalRange{}
	if lo != nil {
		r.low, r.hasLow, r.lowStrict = lo.part, true, lo.strict
	}
	if hi != nil {
		r.high, r.hasHigh, r.highStrict = hi.part, true, hi.strict
	}
	var out alt
	if r.zero() {
		out = append(out, seq{})
	}
	if decimals > 0 {
		out = append(out, seq{lit("."), r.more(decimals)})
	}
	return out
}

// decimalRange is a range of decimals that are still to come: those that begin with the digits low to high. Behind
// low and high there are only zeros.
type decimalRange struct {
	low, high             string
	hasLow, hasHigh       bool
	lowStrict, highStrict bool
}

// zero reports whether no further digit is needed.
func (r decimalRange) zero() bool {
	return (!r.hasLow || r.low == "" && !r.lowStrict) && (!r.hasHigh || r.high != "" || !r.highStrict)
}

// more is at least one digit, and at most n.
func (r decimalRange) more(n int) expr {
	if n == 0 {
		return never
	}
	if r.hasLow && r.low == "" && !r.lowStrict {
		r.hasLow = false // all decimals are at least zero
	}
	if !r.hasLow && !r.hasHigh {
		return rep{digit, 1, n}
	}
	var out alt
	var free class // digits behind which all is allowed
	for d := byte('0'); d <= '9'; d++ {
		next, ok := r.after(d)
		switch {
		case !ok:
		case !next.hasLow && !next.hasHigh:
			free = append(free, rune(d), rune(d))
		default:
			rest := alt{next.more(n - 1)}
			if next.zero() {
				rest = append(rest, seq{})
			}
			out = append(out, seq{lit(string(d)), rest})
		}
	}
	return append(out, seq{free, rep{digit, 0, n - 1}})
}

// after is the range behind a digit; false if none is left.
func (r decimalRange) after(d byte) (decimalRange, bool) {
	if r.hasLow {
		first, rest := cutDigit(r.low)
		switch {
		case d < first:
			return r, false
		case d > first:
			r.hasLow = false
		}
		r.low = rest
	}
	if r.hasHigh {
		first, rest := cutDigit(r.high)
		switch {
		case d > first:
			return r, false
		case d < first:
			r.hasHigh = false
		}
		r.high = rest
	}
	return r, true
}

func cutDigit(s string) (byte, string) {
	if s == "" {
		return '0', ""
	}
	return s[0], s[1:]
}
