package tokenizer

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// The library's values are none, bool, int64, float64, string, list, dict
// and callable. Three kinds of Python values are missing and are carried by
// callables with a marked name, which no template can make itself: integers
// beyond 64 bits, strings that the filters safe and escape mark as HTML, and
// generators, which are true even when nothing comes out of them.
const (
	tmplMarkBig  = "\x00int:"
	tmplMarkHTML = "\x00html:"
	tmplMarkGen  = "\x00generator"
)

// tmplMaxDigits is the longest integer in decimal digits, Python's own limit
// for conversions.
const tmplMaxDigits = 4300

// tmplType is the Python type of a value.
type tmplType uint8

const (
	tmplUndef tmplType = iota
	tmplNone
	tmplBool
	tmplInteger // any size
	tmplFloat
	tmplString // HTML or not
	tmplList   // or a tuple
	tmplDict
	tmplCallable
	tmplGenerator
)

// tmplTypeNames are the names in error messages.
var tmplTypeNames = [...]string{"undefined", "none", "bool", "int", "float", "str", "list", "dict", "function", "generator"}

// String returns the name that messages use.
func (t tmplType) String() string { return tmplTypeNames[t] }

// tmplTypeOf returns a value's type.
func tmplTypeOf(v jinja.Value) tmplType {
	switch {
	case v.IsString():
		return tmplString
	case v.IsDict():
		return tmplDict
	case v.IsList():
		return tmplList
	case v.IsInt():
		return tmplInteger
	case v.IsBool():
		return tmplBool
	case v.IsNone():
		return tmplNone
	case v.IsUndefined():
		return tmplUndef
	case v.IsFloat():
		return tmplFloat
	}
	name := v.AsCallable().Name
	switch {
	case strings.HasPrefix(name, tmplMarkBig):
		return tmplInteger
	case strings.HasPrefix(name, tmplMarkHTML):
		return tmplString
	case name == tmplMarkGen:
		return tmplGenerator
	}
	return tmplCallable
}

// tmplGenerate returns a generator of items: it gives them once.
func tmplGenerate(items []jinja.Value) jinja.Value {
	return jinja.NewCallable(tmplMarkGen, func([]jinja.Value, map[string]jinja.Value) (jinja.Value, error) {
		list := jinja.NewList(items)
		items = nil
		return list, nil
	})
}

// tmplConsume returns what a generator still has to give.
func tmplConsume(v jinja.Value) []jinja.Value {
	list, _ := v.AsCallable().Fn(nil, nil)
	return list.AsList().Items
}

// tmplCarrier returns a value that only carries a name.
func tmplCarrier(mark, text string) jinja.Value {
	return jinja.NewCallable(mark+text, func([]jinja.Value, map[string]jinja.Value) (jinja.Value, error) {
		return jinja.Undefined(), tmplEval("a value that is not a function was called")
	})
}

// tmplInt returns an integer of any size.
func tmplInt(n *big.Int) jinja.Value {
	if n.IsInt64() {
		return jinja.NewInt(n.Int64())
	}
	return tmplCarrier(tmplMarkBig, n.String())
}

// tmplHTML returns a string that is marked as HTML. The mark of an empty one
// would say nothing.
func tmplHTML(s string) jinja.Value {
	if s == "" {
		return jinja.NewString("")
	}
	return tmplCarrier(tmplMarkHTML, s)
}

// tmplLike returns s with the mark that v has.
func tmplLike(v jinja.Value, s string) jinja.Value {
	if tmplIsHTML(v) {
		return tmplHTML(s)
	}
	return jinja.NewString(s)
}

// tmplIsHTML tells whether v is a string that is marked as HTML.
func tmplIsHTML(v jinja.Value) bool {
	return v.IsCallable() && strings.HasPrefix(v.AsCallable().Name, tmplMarkHTML)
}

// tmplStr returns the text of a string value, marked or not.
func tmplStr(v jinja.Value) string {
	if v.IsString() {
		return v.AsString()
	}
	return strings.TrimPrefix(v.AsCallable().Name, tmplMarkHTML)
}

// tmplIsStr tells whether v is a string.
func tmplIsStr(v jinja.Value) bool { return tmplTypeOf(v) == tmplString }

// tmplBig returns the value of an integer or bool.
func tmplBig(v jinja.Value) *big.Int {
	switch {
	case v.IsInt():
		return big.NewInt(v.AsInt())
	case v.IsBool():
		if v.AsBool() {
			return big.NewInt(1)
		}
		return new(big.Int)
	}
	n, _ := new(big.Int).SetString(strings.TrimPrefix(v.AsCallable().Name, tmplMarkBig), 10)
	return n
}

// tmplIsInt tells whether v counts as an integer in arithmetic: int or bool.
func tmplIsInt(v jinja.Value) bool {
	t := tmplTypeOf(v)
	return t == tmplInteger || t == tmplBool
}

// tmplFar is beyond every index, and the difference of two such is an int.
const tmplFar = math.MaxInt / 4

// tmplIndex returns an integer as an int, clamped to ±tmplFar.
func tmplIndex(v jinja.Value) (int, error) {
	if !tmplIsInt(v) {
		return 0, tmplEval("%v where an integer is needed", tmplTypeOf(v))
	}
	n := tmplBig(v)
	if n.CmpAbs(big.NewInt(tmplFar)) > 0 {
		return n.Sign() * tmplFar, nil
	}
	return int(n.Int64()), nil
}

// tmplFloatOf returns a number as float64.
func tmplFloatOf(v jinja.Value) float64 {
	if v.IsFloat() {
		return v.AsFloat()
	}
	f, _ := new(big.Float).SetInt(tmplBig(v)).Float64()
	return f
}

// tmplIsNum tells whether v is a number or bool.
func tmplIsNum(v jinja.Value) bool { return v.IsFloat() || tmplIsInt(v) }

// scanned charges a look at each byte of a string; other values are free.
func (g *tmplGuard) scanned(v jinja.Value) error {
	if !tmplIsStr(v) {
		return nil
	}
	return g.step(len(tmplStr(v)) / 32)
}

// tmplLen returns the length of a string (in characters), list or dict;
// ok is false for other types.
func tmplLen(v jinja.Value) (n int, ok bool) {
	switch tmplTypeOf(v) {
	case tmplString:
		return utf8.RuneCountInString(tmplStr(v)), true
	case tmplList:
		return v.AsList().Len(), true
	case tmplDict:
		return v.AsDict().Len(), true
	}
	return 0, tmplTypeOf(v) == tmplUndef
}
