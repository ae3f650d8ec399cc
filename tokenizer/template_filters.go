package tokenizer

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplFilter is a filter: its value, then its arguments.
type tmplFilter = func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error)

// tmplFilters are the filters by name. Left out of Jinja2's are those for
// HTML pages (urlize, xmlattr, …), random, pprint and groupby.
var tmplFilters map[string]tmplFilter

func init() {
	tmplFilters = map[string]tmplFilter{
		"tojson": tmplToJSON, "items": tmplItemsFilter, "default": tmplDefault, "d": tmplDefault,
		"string": tmplStringFilter, "safe": tmplSafe, "escape": tmplEscapeFilter, "e": tmplEscapeFilter,
		"trim": tmplTrim, "replace": tmplReplaceFilter, "indent": tmplIndent, "truncate": tmplTruncate,
		"upper": tmplTextFilter("upper"), "lower": tmplTextFilter("lower"),
		"capitalize": tmplTextFilter("capitalize"), "title": tmplTitleFilter,
		"center": tmplCenter, "format": tmplFormatFilter, "wordcount": tmplWordCount,
		"int": tmplIntFilter, "float": tmplFloatFilter, "abs": tmplAbs, "round": tmplRound,
		"length": tmplLength, "count": tmplLength, "attr": tmplAttrFilter,

		"list": tmplListFilter, "first": tmplFirst, "last": tmplLast, "reverse": tmplReverse,
		"join": tmplJoin, "sum": tmplSum, "min": tmplExtreme(-1), "max": tmplExtreme(1),
		"sort": tmplSort, "dictsort": tmplDictSort, "unique": tmplUnique,
		"map": tmplMap, "batch": tmplBatch, "slice": tmplSliceFilter,
		"select": tmplSelector(false, true), "reject": tmplSelector(false, false),
		"selectattr": tmplSelector(true, true), "rejectattr": tmplSelector(true, false),
	}
}

// tmplItemsFilter is items: the pairs of a dict, nothing for undefined, an
// error for everything else.
func tmplItemsFilter(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	switch {
	case v.IsUndefined():
		return tmplGenerate(nil), nil
	case !v.IsDict():
		return v, tmplEval("can only get item pairs from a mapping, not %v", tmplTypeOf(v))
	}
	pairs, err := g.dictItems(v.AsDict())
	if err != nil {
		return v, err
	}
	return tmplGenerate(pairs.AsList().Items), nil
}

// tmplDefault is default(default_value="", boolean=false): the other value if
// this one is undefined or, with boolean, false in any way.
func tmplDefault(_ *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("default_value", "boolean")
	if err != nil {
		return v, err
	}
	if !v.IsUndefined() && (!args[1].IsTruthy() || v.IsTruthy()) {
		return v, nil
	}
	if len(a.pos) == 0 && args[0].IsUndefined() {
		return jinja.NewString(""), nil
	}
	return args[0], nil
}

// tmplStringFilter is string: the text that {{ }} would write. A string keeps
// its mark as HTML.
func tmplStringFilter(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if tmplIsStr(v) {
		return v, nil
	}
	s, err := g.str(v)
	return jinja.NewString(s), err
}

// tmplSafe is safe: the text marked as HTML, so that "+" does not escape it.
func tmplSafe(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	s, err := g.str(v)
	return tmplHTML(s), err
}

// tmplEscape replaces the characters that mean something in HTML.
var tmplEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace

// tmplEscapeFilter is escape, or e: the text with HTML escapes unless it is
// marked already. An escape has at most five bytes, which is charged.
func tmplEscapeFilter(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if tmplIsHTML(v) {
		return v, nil
	}
	s, err := g.str(v)
	if err == nil {
		err = g.spend(5 * len(s))
	}
	if err != nil {
		return v, err
	}
	return tmplHTML(tmplEscape(s)), nil
}

// tmplTrim is trim(chars=none), on the text of any value.
func tmplTrim(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	v, err := tmplStringFilter(g, v, a)
	if err != nil {
		return v, err
	}
	a.fn = "strip"
	return tmplStrMethods["strip"](g, v, a)
}

// tmplTextFilter makes a filter of a method of str.
func tmplTextFilter(method string) tmplFilter {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		v, err := tmplStringFilter(g, v, a)
		if err != nil {
			return v, err
		}
		return tmplStrMethods[method](g, v, a)
	}
}

// tmplTitleFilter differs from the method: a word begins after white space,
// "-" and opening brackets only.
func tmplTitleFilter(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	s, err := g.str(v)
	if err == nil {
		err = g.spend(3 * len(s))
	}
	if err != nil {
		return v, err
	}
	inWord := false
	return tmplLike(v, strings.Map(func(r rune) rune {
		was := inWord
		inWord = !tmplSpace(r) && !strings.ContainsRune("-({[<", r)
		if was {
			return []rune(strings.ToLower(string(r)))[0]
		}
		return []rune(strings.ToUpper(string(r)))[0]
	}, s)), nil
}

// tmplReplaceFilter is replace(old, new, count=none), on the texts of any
// values. The result is never marked as HTML.
func tmplReplaceFilter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("old", "new", "count")
	if err != nil {
		return v, err
	}
	var text [3]string
	for i, part := range []jinja.Value{v, args[0], args[1]} {
		if text[i], err = g.str(part); err != nil {
			return v, err
		}
	}
	s, err := g.replace(text[0], text[1], text[2], args[2])
	return jinja.NewString(s), err
}

// tmplCenter is center(width=80).
func tmplCenter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("width")
	if err != nil {
		return v, err
	}
	if args[0].IsUndefined() {
		args[0] = jinja.NewInt(80)
	}
	return tmplTextFilter("center")(g, v, tmplArgs{fn: "center", pos: args})
}

// tmplFormatFilter is "%s"|format(x): positional values or named ones.
func tmplFormatFilter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	if !tmplIsStr(v) || len(a.pos) > 0 && len(a.names) > 0 {
		return v, tmplEval("format takes a string and positional or named values")
	}
	if len(a.names) == 0 {
		return g.percent(v, g.tuple(a.pos...))
	}
	d := jinja.NewDict()
	if err := g.fill(d.AsDict(), a); err != nil {
		return v, err
	}
	return g.percent(v, d)
}

// tmplWordCount is wordcount: runs of letters, digits and underscores.
func tmplWordCount(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	s, err := g.str(v)
	if err == nil {
		err = g.spend(8 * len(s))
	}
	if err != nil {
		return v, err
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return !tmplNameRune(r) })
	return jinja.NewInt(int64(len(words))), nil
}

// tmplLength is length, or count: characters, items or keys; 0 for undefined.
// Numbers, none and generators have none.
func tmplLength(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	n, ok := tmplLen(v)
	if !ok {
		return v, tmplEval("%v has no length", tmplTypeOf(v))
	}
	return jinja.NewInt(int64(n)), g.scanned(v)
}

// tmplAttrFilter is attr(name): a method, never the item of a dict.
func tmplAttrFilter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("name")
	if err != nil {
		return v, err
	}
	name, err := a.strArg(args[0])
	if err != nil {
		return v, err
	}
	if m, ok := g.method(v, name); ok {
		return g.bound(v, name, m), nil
	}
	return jinja.Undefined(), nil
}

// tmplIntFilter is int(default=0, base=10).
func tmplIntFilter(_ *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("default", "base")
	if err != nil {
		return v, err
	}
	def, base := args[0], 10
	if def.IsUndefined() {
		def = jinja.NewInt(0)
	}
	if !args[1].IsUndefined() {
		if base, err = tmplIndex(args[1]); err != nil || base != 0 && (base < 2 || base > 36) {
			return v, tmplEval("int: bad base")
		}
	}
	switch {
	case v.IsUndefined():
		return v, tmplEval("int of an undefined value")
	case tmplIsInt(v):
		return tmplInt(tmplBig(v)), nil
	case v.IsFloat():
		return tmplTruncInt(v.AsFloat(), def), nil
	case !tmplIsStr(v) || len(tmplStr(v)) > tmplMaxDigits:
		return def, nil
	}
	s := strings.TrimFunc(tmplStr(v), tmplSpace)
	if prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]; prefix != "" {
		s = strings.TrimPrefix(strings.ToLower(s), prefix)
	}
	if n, ok := new(big.Int).SetString(s, base); ok {
		return tmplInt(n), nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return tmplTruncInt(f, def), nil
	}
	return def, nil
}

// tmplTruncInt returns a float without its fraction, def if it has no value.
func tmplTruncInt(f float64, def jinja.Value) jinja.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return def
	}
	n, _ := big.NewFloat(f).Int(nil)
	return tmplInt(n)
}

// tmplFloatFilter is float(default=0.0).
func tmplFloatFilter(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("default")
	if err == nil {
		err = g.scanned(v)
	}
	if err != nil {
		return v, err
	}
	switch {
	case v.IsUndefined():
		return v, tmplEval("float of an undefined value")
	case tmplIsNum(v):
		return jinja.NewFloat(tmplFloatOf(v)), nil
	case tmplIsStr(v):
		if f, err := strconv.ParseFloat(strings.TrimFunc(tmplStr(v), tmplSpace), 64); err == nil || math.IsInf(f, 0) {
			return jinja.NewFloat(f), nil
		}
	}
	if args[0].IsUndefined() {
		return jinja.NewFloat(0), nil
	}
	return args[0], nil
}

// tmplAbs is abs.
func tmplAbs(_ *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	switch {
	case v.IsFloat():
		return jinja.NewFloat(math.Abs(v.AsFloat())), nil
	case tmplIsInt(v):
		return tmplInt(new(big.Int).Abs(tmplBig(v))), nil
	}
	return v, tmplEval("abs of %v", tmplTypeOf(v))
}

// tmplRound is round(precision=0, method="common"), which rounds half to even.
func tmplRound(_ *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("precision", "method")
	if err != nil {
		return v, err
	}
	places := 0
	if !args[0].IsUndefined() {
		if places, err = tmplIndex(args[0]); err != nil || places < 0 || places > 300 {
			return v, tmplEval("round: bad precision")
		}
	}
	method := "common"
	if tmplIsStr(args[1]) {
		method = tmplStr(args[1])
	}
	scale := math.Pow(10, float64(places))
	switch {
	case !tmplIsNum(v):
		return v, tmplEval("round of %v", tmplTypeOf(v))
	case method == "common" && tmplIsInt(v):
		return tmplInt(tmplBig(v)), nil
	case method == "common":
		f, _ := strconv.ParseFloat(strconv.FormatFloat(v.AsFloat(), 'f', places, 64), 64)
		return jinja.NewFloat(f), nil
	case method == "ceil":
		return jinja.NewFloat(math.Ceil(tmplFloatOf(v)*scale) / scale), nil
	case method == "floor":
		return jinja.NewFloat(math.Floor(tmplFloatOf(v)*scale) / scale), nil
	}
	return v, tmplEval("round: unknown method %.20q", method)
}
