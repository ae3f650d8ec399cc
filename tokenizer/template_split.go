package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// Methods of str that take a text apart or make it longer.

// strList returns a list of strings with the mark of v.
func (g *tmplGuard) strList(v jinja.Value, parts []string) (jinja.Value, error) {
	if err := g.items(len(parts)); err != nil {
		return jinja.Undefined(), err
	}
	items := make([]jinja.Value, len(parts))
	for i, part := range parts {
		items[i] = tmplLike(v, part)
	}
	return jinja.NewList(items), nil
}

// splitArgs binds (sep, maxsplit); sep "" stands for white space, max -1 for
// no limit.
func (g *tmplGuard) splitArgs(v jinja.Value, a tmplArgs) (sep string, limit int, err error) {
	args, err := a.bind("sep", "maxsplit")
	if err != nil {
		return "", 0, err
	}
	if !args[0].IsNone() && !args[0].IsUndefined() {
		if sep, err = a.strArg(args[0]); err == nil && sep == "" {
			err = tmplEval("%s: empty separator", a.fn)
		}
		if err != nil {
			return "", 0, err
		}
	}
	limit = -1
	if !args[1].IsUndefined() {
		limit, err = tmplIndex(args[1])
	}
	switch n := len(tmplStr(v)); { // charged before the list is made
	case err != nil:
	case sep == "":
		err = g.spend(8 * n)
	default:
		err = g.items(strings.Count(tmplStr(v), sep) + 1)
	}
	return sep, max(limit, -1), err
}

// tmplStrSplit is str.split(sep=none, maxsplit=-1).
func tmplStrSplit(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	sep, limit, err := g.splitArgs(v, a)
	if err != nil {
		return v, err
	}
	if sep == "" {
		return g.strList(v, tmplFields(tmplStr(v), limit))
	}
	n := limit
	if n >= 0 {
		n++
	}
	return g.strList(v, strings.SplitN(tmplStr(v), sep, n))
}

// tmplFields splits at white space, at most limit times if limit >= 0.
func tmplFields(s string, limit int) []string {
	var parts []string
	for {
		s = strings.TrimLeftFunc(s, tmplSpace)
		if s == "" {
			return parts
		}
		if limit >= 0 && len(parts) == limit {
			return append(parts, s)
		}
		n := strings.IndexFunc(s, tmplSpace)
		if n < 0 {
			n = len(s)
		}
		parts, s = append(parts, s[:n]), s[n:]
	}
}

// tmplLastFields splits at white space from the right, at most limit times if
// limit >= 0.
func tmplLastFields(s string, limit int) []string {
	var parts []string
	for {
		s = strings.TrimRightFunc(s, tmplSpace)
		if s == "" {
			break
		}
		n := strings.LastIndexFunc(s, tmplSpace)
		if limit >= 0 && len(parts) == limit || n < 0 {
			parts = append(parts, s)
			break
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		parts, s = append(parts, s[n+size:]), s[:n]
	}
	slices.Reverse(parts)
	return parts
}

// tmplStrRSplit is str.rsplit(sep=none, maxsplit=-1).
func tmplStrRSplit(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	sep, limit, err := g.splitArgs(v, a)
	if err != nil {
		return v, err
	}
	if sep == "" {
		return g.strList(v, tmplLastFields(tmplStr(v), limit))
	}
	parts := strings.Split(tmplStr(v), sep)
	if cut := len(parts) - 1 - limit; limit >= 0 && cut > 0 {
		head := strings.Join(parts[:cut+1], sep)
		parts = append([]string{head}, parts[cut+1:]...)
	}
	return g.strList(v, parts)
}

// tmplLines splits at the line ends that Python knows.
func tmplLines(s string, keep bool) []string {
	var lines []string
	for s != "" {
		n := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if n < 0 {
			return append(lines, s)
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		if strings.HasPrefix(s[n:], "\r\n") {
			size = 2
		}
		end := n
		if keep {
			end += size
		}
		lines, s = append(lines, s[:end]), s[n+size:]
	}
	return lines
}

// tmplStrLines is str.splitlines(keepends=false).
func tmplStrLines(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("keepends")
	if err == nil {
		err = g.spend(4 * len(tmplStr(v)))
	}
	if err != nil {
		return v, err
	}
	return g.strList(v, tmplLines(tmplStr(v), args[0].IsTruthy()))
}

// tmplPartition returns partition or rpartition.
func tmplPartition(find func(s, sub string) int, last bool) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		args, err := a.bind("sep")
		if err != nil {
			return v, err
		}
		sep, err := a.strArg(args[0])
		if err == nil && sep == "" {
			err = tmplEval("%s: empty separator", a.fn)
		}
		if err != nil {
			return v, err
		}
		s := tmplStr(v)
		at := find(s, sep)
		parts := []string{s, "", ""}
		switch {
		case at >= 0:
			parts = []string{s[:at], sep, s[at+len(sep):]}
		case last:
			parts = []string{"", "", s}
		}
		list, err := g.strList(v, parts)
		if err == nil {
			g.tuples[list.AsList()] = true
		}
		return list, err
	}
}

// tmplStrCount is str.count(sub, start, end), without overlaps.
func tmplStrCount(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	what, part, _, err := g.window(v, a)
	if err != nil {
		return v, err
	}
	sub, err := a.strArg(what)
	return jinja.NewInt(int64(strings.Count(part, sub))), err
}

// tmplStrReplace is str.replace(old, new, count=-1).
func tmplStrReplace(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("old", "new", "count")
	if err != nil {
		return v, err
	}
	from, err := a.strArg(args[0])
	if err != nil {
		return v, err
	}
	to, err := a.strArg(args[1])
	if err != nil {
		return v, err
	}
	s, err := g.replace(tmplStr(v), from, to, args[2])
	return tmplLike(v, s), err
}

// replace replaces up to limit (undefined, none or negative: all) occurrences.
func (g *tmplGuard) replace(s, from, to string, limit jinja.Value) (string, error) {
	n := -1
	if !limit.IsUndefined() && !limit.IsNone() {
		var err error
		if n, err = tmplIndex(limit); err != nil {
			return "", err
		}
	}
	hits := strings.Count(s, from)
	if n >= 0 {
		hits = min(hits, n)
	}
	if grow := len(to) - len(from); grow > 0 && hits > g.lim.Bytes/grow {
		return "", g.spend(-1)
	}
	if err := g.spend(len(s) + max(0, hits*(len(to)-len(from)))); err != nil {
		return "", err
	}
	return strings.Replace(s, from, to, n), nil
}

// tmplStrJoin is str.join(iterable); unlike the filter it takes strings only.
func tmplStrJoin(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("iterable")
	if err != nil {
		return v, err
	}
	items, err := g.iterate(args[0])
	if err != nil {
		return v, err
	}
	parts := make([]string, len(items))
	for i, item := range items {
		if parts[i], err = a.strArg(item); err != nil {
			return v, err
		}
	}
	return g.join(parts, tmplStr(v))
}

// join joins strings.
func (g *tmplGuard) join(parts []string, sep string) (jinja.Value, error) {
	if len(parts) > 0 && len(sep) > g.lim.Bytes/len(parts) {
		return jinja.Undefined(), g.spend(-1)
	}
	n := len(sep) * len(parts)
	for _, part := range parts {
		n += len(part)
	}
	if err := g.items(len(parts)); err != nil {
		return jinja.Undefined(), err
	}
	if err := g.spend(n); err != nil {
		return jinja.Undefined(), err
	}
	return jinja.NewString(strings.Join(parts, sep)), nil
}

// tmplPadder returns a method (width, fillchar=" ") that pads; split divides
// the missing characters over left and right.
func tmplPadder(split func(int) (left, right int)) tmplMethodFunc {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		args, err := a.bind("width", "fillchar")
		if err != nil {
			return v, err
		}
		fill := args[1]
		if fill.IsUndefined() {
			fill = jinja.NewString(" ")
		}
		width, err := tmplIndex(args[0])
		if err != nil {
			return v, err
		}
		if n, _ := tmplLen(fill); !tmplIsStr(fill) || n != 1 {
			return v, tmplEval("%s pads with one character", a.fn)
		}
		s := tmplStr(v)
		n := max(0, width-utf8.RuneCountInString(s))
		if n > g.lim.Bytes/4 {
			return v, g.spend(-1)
		}
		left, right := split(n)
		if err := g.spend(len(s) + 4*n); err != nil {
			return v, err
		}
		c := tmplStr(fill)
		return tmplLike(v, strings.Repeat(c, left)+s+strings.Repeat(c, right)), nil
	}
}

// tmplZFill pads with zeros behind a sign.
func tmplZFill(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	s := tmplStr(v)
	if s == "" || s[0] != '-' && s[0] != '+' {
		return tmplStrMethods["rjust"](g, v, tmplArgs{fn: a.fn, pos: append(a.pos[:len(a.pos):len(a.pos)], jinja.NewString("0")), names: a.names, vals: a.vals})
	}
	args, err := a.bind("width")
	if err != nil {
		return v, err
	}
	width, err := tmplIndex(args[0])
	if err != nil {
		return v, err
	}
	rest, err := tmplStrMethods["rjust"](g, jinja.NewString(s[1:]),
		tmplArgs{fn: a.fn, pos: []jinja.Value{jinja.NewInt(int64(width - 1)), jinja.NewString("0")}})
	if err != nil {
		return v, err
	}
	return tmplLike(v, s[:1]+tmplStr(rest)), nil
}
