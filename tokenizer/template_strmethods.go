package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// tmplStrMethods are the methods of Python's str.
var tmplStrMethods map[string]tmplMethodFunc

func init() {
	tmplStrMethods = map[string]tmplMethodFunc{
		"strip":  tmplStripper(true, true),
		"lstrip": tmplStripper(true, false),
		"rstrip": tmplStripper(false, true),

		"upper":      tmplMapper(strings.ToUpper),
		"lower":      tmplMapper(strings.ToLower),
		"casefold":   tmplMapper(strings.ToLower),
		"title":      tmplMapper(tmplTitle),
		"capitalize": tmplMapper(tmplCapitalize),
		"swapcase":   tmplMapper(tmplSwapCase),

		"startswith":   tmplAffixTest(strings.HasPrefix),
		"endswith":     tmplAffixTest(strings.HasSuffix),
		"removeprefix": tmplAffixCut(strings.TrimPrefix),
		"removesuffix": tmplAffixCut(strings.TrimSuffix),

		"find":  tmplFinder(strings.Index, false),
		"rfind": tmplFinder(strings.LastIndex, false),
		"index": tmplFinder(strings.Index, true),
		"count": tmplStrCount,

		"replace": tmplStrReplace, "join": tmplStrJoin, "format": tmplStrFormat,
		"split": tmplStrSplit, "rsplit": tmplStrRSplit, "splitlines": tmplStrLines,
		"partition":  tmplPartition(strings.Index, false),
		"rpartition": tmplPartition(strings.LastIndex, true),
		"ljust":      tmplPadder(func(n int) (int, int) { return 0, n }),
		"rjust":      tmplPadder(func(n int) (int, int) { return n, 0 }),
		"center":     tmplPadder(func(n int) (int, int) { return n / 2, n - n/2 }),
		"zfill":      tmplZFill,

		"isdigit": tmplAll(unicode.IsDigit), "isdecimal": tmplAll(unicode.IsDigit),
		"isnumeric": tmplAll(unicode.IsNumber), "isalpha": tmplAll(unicode.IsLetter),
		"isspace": tmplAll(tmplSpace),
		"isalnum": tmplAll(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isupper": tmplCased(strings.ToUpper), "islower": tmplCased(strings.ToLower),
	}
}

// strArg returns the text of a string argument.
func (a tmplArgs) strArg(v jinja.Value) (string, error) {
	if !tmplIsStr(v) {
		return "", tmplEval("%s takes a string, not %v", a.fn, tmplTypeOf(v))
	}
	return tmplStr(v), nil
}

// tmplStrip trims white space, or the characters of cut unless it is none or
// undefined.
func tmplStrip(s string, cut jinja.Value, left, right bool) (string, error) {
	pass := tmplSpace
	if tmplIsStr(cut) {
		set := tmplStr(cut)
		pass = func(r rune) bool { return strings.ContainsRune(set, r) }
	} else if !cut.IsNone() && !cut.IsUndefined() {
		return "", tmplEval("strip takes a string, not %v", tmplTypeOf(cut))
	}
	if left {
		s = strings.TrimLeftFunc(s, pass)
	}
	if right {
		s = strings.TrimRightFunc(s, pass)
	}
	return s, nil
}

// tmplStripper returns strip, lstrip or rstrip.
func tmplStripper(left, right bool) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		args, err := a.bind("chars")
		if err != nil {
			return v, err
		}
		if err := g.strip(v, args[0]); err != nil {
			return v, err
		}
		s, err := tmplStrip(tmplStr(v), args[0], left, right)
		return tmplLike(v, s), err
	}
}

// strip charges trimming v by the characters of cut.
func (g *tmplGuard) strip(v, cut jinja.Value) error {
	n := len(tmplStr(v))
	if tmplIsStr(cut) {
		n *= 1 + len(tmplStr(cut))/16
	}
	return g.step(n / 64)
}

// tmplMapper returns a method that maps the whole text. Case mappings may
// make a text up to three times as long.
func tmplMapper(f func(string) string) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		if _, err := a.bind(); err != nil {
			return v, err
		}
		if err := g.spend(3 * len(tmplStr(v))); err != nil {
			return v, err
		}
		return tmplLike(v, f(tmplStr(v))), nil
	}
}

// tmplTitle starts each run of letters in upper case and goes on in lower.
func tmplTitle(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		was := inWord
		inWord = unicode.IsLetter(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, s)
}

// tmplCapitalize has the first character in upper case, the rest in lower.
func tmplCapitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}

// tmplSwapCase is str.swapcase().
func tmplSwapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// tmplAffixTest returns startswith or endswith; a list means any of it.
func tmplAffixTest(has func(s, affix string) bool) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		what, part, _, err := g.window(v, a)
		if err != nil {
			return v, err
		}
		affixes := []jinja.Value{what}
		if what.IsList() {
			affixes = what.AsList().Items
		}
		for _, affix := range affixes {
			text, err := a.strArg(affix)
			if err != nil {
				return v, err
			}
			if has(part, text) {
				return jinja.NewBool(true), nil
			}
		}
		return jinja.NewBool(false), g.step(len(affixes))
	}
}

// tmplAffixCut returns removeprefix or removesuffix.
func tmplAffixCut(cut func(s, affix string) string) tmplMethodFunc {
	return func(_ *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		args, err := a.bind("affix")
		if err != nil {
			return v, err
		}
		affix, err := a.strArg(args[0])
		return tmplLike(v, cut(tmplStr(v), affix)), err
	}
}

// window binds (what, start, end) and returns the first and the part of the
// text between the others, with the number of characters before it.
func (g *tmplGuard) window(v jinja.Value, a tmplArgs) (what jinja.Value, part string, skipped int, err error) {
	args, err := a.bind("sub", "start", "end")
	if err != nil {
		return v, "", 0, err
	}
	s := tmplStr(v)
	if err := g.step(len(s) / 16); err != nil {
		return v, "", 0, err
	}
	n, bounds := utf8.RuneCountInString(s), [3]jinja.Value{jinja.None(), jinja.None(), jinja.None()}
	for i, arg := range args[1:] {
		if !arg.IsUndefined() {
			bounds[i] = arg
		}
	}
	skipped, _, count, err := tmplRange(bounds[:], n)
	s = s[tmplOffset(s, skipped):]
	return args[0], s[:tmplOffset(s, count)], skipped, err
}

// tmplFinder returns find, rfind or index; positions are in characters.
func tmplFinder(find func(s, sub string) int, must bool) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		what, part, skipped, err := g.window(v, a)
		if err != nil {
			return v, err
		}
		sub, err := a.strArg(what)
		if err != nil {
			return v, err
		}
		at := find(part, sub)
		if at < 0 && must {
			return v, tmplEval("%s: substring not found", a.fn)
		}
		if at >= 0 {
			at = skipped + utf8.RuneCountInString(part[:at])
		}
		return jinja.NewInt(int64(at)), nil
	}
}

// tmplAll returns a test that all characters pass and there is one.
func tmplAll(pass func(rune) bool) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
		s := tmplStr(v)
		return jinja.NewBool(s != "" && tmplPrefix(s, pass) == len(s)), g.step(len(s) / 64)
	}
}

// tmplCased returns isupper or islower: the mapping changes nothing, and
// there is a letter that has a case.
func tmplCased(f func(string) string) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
		s := tmplStr(v)
		if err := g.spend(3 * len(s)); err != nil {
			return v, err
		}
		return jinja.NewBool(f(s) == s && strings.ToUpper(s) != strings.ToLower(s)), nil
	}
}
