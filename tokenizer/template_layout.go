package tokenizer

import (
	"strings"

	"github.com/ardanlabs/jinja"
)

// Filters that lay text out.

// tmplIndent is indent(width=4, first=false, blank=false).
func tmplIndent(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("width", "first", "blank")
	if err != nil {
		return v, err
	}
	pad, err := tmplPad(args[0])
	if err != nil {
		return v, err
	}
	if !tmplIsStr(v) {
		return v, tmplEval("indent of %v", tmplTypeOf(v))
	}
	s := tmplStr(v)
	if err := g.spend(4 * len(s)); err != nil {
		return v, err
	}
	lines := tmplLines(s+"\n", false)
	if len(pad) > g.lim.Bytes/len(lines) {
		return v, g.spend(-1)
	}
	if err := g.spend(len(s) + len(pad)*len(lines)); err != nil {
		return v, err
	}
	first, blank := args[1].IsTruthy(), args[2].IsTruthy()
	for i, line := range lines {
		if i == 0 && first || i > 0 && (line != "" || blank) {
			lines[i] = pad + line
		}
	}
	return tmplLike(v, strings.Join(lines, "\n")), nil
}

// tmplPad returns the text that indents a line.
func tmplPad(width jinja.Value) (string, error) {
	switch {
	case width.IsUndefined():
		return "    ", nil
	case tmplIsStr(width):
		return tmplStr(width), nil
	}
	n, err := tmplIndex(width)
	if err == nil && n > 4096 {
		err = tmplEval("indent by %d", n)
	}
	return strings.Repeat(" ", min(max(n, 0), 4096)), err
}

// tmplTruncate is truncate(length=255, killwords=false, end="...", leeway=5).
func tmplTruncate(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("length", "killwords", "end", "leeway")
	if err != nil {
		return v, err
	}
	nums := [2]int{255, 5}
	for i, arg := range []jinja.Value{args[0], args[3]} {
		if arg.IsUndefined() || arg.IsNone() {
			continue
		}
		if nums[i], err = tmplIndex(arg); err != nil {
			return v, err
		}
	}
	end := "..."
	if tmplIsStr(args[2]) {
		end = tmplStr(args[2])
	}
	endLen, _ := tmplLen(jinja.NewString(end))
	if !tmplIsStr(v) || nums[0] < endLen || nums[1] < 0 {
		return v, tmplEval("truncate of %v to %d", tmplTypeOf(v), nums[0])
	}
	s := tmplStr(v)
	if n, _ := tmplLen(v); n <= nums[0]+nums[1] {
		return v, g.scanned(v)
	}
	s = s[:tmplOffset(s, nums[0]-endLen)]
	if cut := strings.LastIndexByte(s, ' '); cut >= 0 && !args[1].IsTruthy() {
		s = s[:cut]
	}
	return tmplLike(v, s+end), g.spend(len(s) + len(end))
}

// tmplJoin is join(d="", attribute=none).
func tmplJoin(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("d", "attribute")
	if err != nil {
		return v, err
	}
	sep, err := g.str(args[0])
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err == nil {
		items, err = g.attributes(items, args[1], jinja.Undefined())
	}
	if err != nil {
		return v, err
	}
	parts := make([]string, len(items))
	for i, item := range items {
		if parts[i], err = g.str(item); err != nil {
			return v, err
		}
	}
	return g.join(parts, sep)
}
