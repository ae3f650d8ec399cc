package jinja

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// render parses and renders src with variables.
func render(t testing.TB, src string, opt Options, vars ...Var) (string, error) {
	t.Helper()
	tmpl, err := Parse(src)
	if err != nil {
		return "", err
	}
	spans, err := tmpl.Render(context.Background(), vars, opt)
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String(), err
}

// TestParseErrors: a wrong source is an ErrSyntax with its line.
func TestParseErrors(t *testing.T) {
	for src, line := range map[string]int{
		"\n{{ }}": 2, "{{ 1 + }}": 1, "a\nb{{ 'x }}": 2, "{% if x %}\n": 1, "{% endif %}": 1, "\n\n{% else %}": 3, "{{ x": 1, "{% x %}": 1,
		"{# x": 1, "{% raw %}": 1, "{{ x y }}": 1, "{{ (1 }}": 1, "{{ [1 }}": 1, "{{ {1} }}": 1, "{{ x. }}": 1, "{{ f(a=1, 2) }}": 1,
		"{{ f(**a, 1) }}": 1, "{% for x %}{% endfor %}": 1, "{% for 1 in x %}{% endfor %}": 1, "{% set 1 = 2 %}": 1, "{% set true = 2 %}": 1,
		"{% macro %}{% endmacro %}": 1, "{% macro m(a=1, b) %}{% endmacro %}": 1, "{% call x %}{% endcall %}": 1, "{% break %}": 1,
		"{% for x in y %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}": 1, "{% block a %}{% endblock %}\n{% block a %}{% endblock %}": 2,
		"{% include 'x' %}": 1, "{% extends 'x' %}": 1, "{% import 'x' as y %}": 1, "{% from 'x' import y %}": 1, "{{ 1 is odd is even }}": 1,
		"{{ a if }}": 1, "{{ not }}": 1, "{{ a|1 }}": 1, "{{ $ }}": 1, "{{ 0x }}": 1, "{% with a %}{% endwith %}": 1, "{% filter %}{% endfilter %}": 1,
	} {
		_, err := Parse(src)
		at, ok := errors.AsType[*Error](err)
		if !ok || at.Line != line || !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", src, err)
		}
	}
}

// TestEvalErrors: what Python refuses is an ErrEval with its line and a reason.
func TestEvalErrors(t *testing.T) {
	for src, reason := range map[string]string{
		"{{ 'a' + 1 }}": `can only concatenate str (not "int")`, "\n{{ x.y }}": "'x' is undefined", "{{ 1 / 0 }}": "division by zero",
		"{{ [1] + (2,) }}": "unsupported operand", "{{ 1 < 'a' }}": "not supported between", "{{ {[]: 1} }}": "unhashable type: 'list'",
		"{{ x|nofilter }}": "no filter named 'nofilter'", "{{ 1 is notest }}": "no test named 'notest'", "{{ 5() }}": "'int' object is not callable",
		"{{ 'a'.nomethod() }}": "no attribute 'nomethod'", "{{ none.x.y }}": "'None' has no attribute 'x'", "{% for x in 5 %}{% endfor %}": "not iterable",
		"{% set a, b = [1] %}": "cannot unpack", "{% set x.y = 1 %}": "non-namespace", "{{ range(1, 2, 0) }}": "zero", "{{ 'x'.split('') }}": "empty separator",
		"{{ '%d' % 'x' }}": "a number is required", "{{ '{} {}'.format(1) }}": "out of range", "{{ '{'.format(1) }}": "'}'", "{{ 5|length }}": "no len()",
		"{{ 'x'|from_json }}": "from_json", "{{ {}|attr(1) }}": "expected str", "{{ urls|urlize }}": "not supported", "{% macro m() %}{% endmacro %}{{ m(1) }}": "takes not more",
		"{{ 'a'[::0] }}": "step cannot be zero", "{% set x = none %}{{ x[:2] }}": "not subscriptable", "{% set x = {} %}{{ x[1:2] }}": "not subscriptable", "{{ namespace(1) }}": "not iterable", "{{ cycler() }}": "at least one",
	} {
		_, err := render(t, src, Options{})
		if at, ok := errors.AsType[*Error](err); !ok || at.Line != 1+strings.Count(src, "\n") || !errors.Is(err, ErrEval) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, want %q", src, err, reason)
		}
	}
}

// TestInternalFault: a fault of the engine itself is an error of the rendering, with the mark that the fuzz test looks
// for.
func TestInternalFault(t *testing.T) {
	broken := &function{name: "broken", call: func(*run, args) Value { panic("broken") }}
	_, err := render(t, "\n{{ broken() }}", Options{}, Var{"broken", broken})
	if !errors.Is(err, errInternal) || !errors.Is(err, ErrEval) || !strings.HasPrefix(err.Error(), "line 2:") {
		t.Errorf("error %v", err)
	}
}

// TestNoClock: a rendering that takes long because the machine is slow, or has stood still, is not an error.
func TestNoClock(t *testing.T) {
	pause := &function{name: "pause", call: func(*run, args) Value {
		time.Sleep(1500 * time.Millisecond)
		return text{}
	}}
	got, err := render(t, "{{ pause() }}{% for i in range(1000) %}{{ i }}{% endfor %}", Options{}, Var{"pause", pause})
	if err != nil || len(got) != 2890 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestLimits reaches each limit by its own setting.
func TestLimits(t *testing.T) {
	const loop = `{% for i in range(1000) %}{{ "abcdefgh" }}{% endfor %}`
	const deep = `{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(20) }}`
	const nested = `{% for x in [[[[1]]]] recursive %}{{ loop(x) if x is iterable }}{% endfor %}`
	for _, c := range []struct {
		src string
		lim Limits
		ok  bool
	}{
		{loop, Limits{}, true}, {loop, Limits{Steps: 1000}, false}, {loop, Limits{Bytes: 1000}, false},
		{loop, Limits{Output: 7999}, false}, {loop, Limits{Output: 8000}, true},
		{deep, Limits{Depth: 20}, false}, {deep, Limits{Depth: 21}, true}, {nested, Limits{Depth: 2}, false}, {nested, Limits{Depth: 3}, true},
	} {
		_, err := render(t, c.src, Options{Limits: c.lim})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%.20s %+v: %v", c.src, c.lim, err)
		}
	}
}

// TestText: cutting and joining texts of mixed origin keeps spans apart and in their shortest form.
func TestText(t *testing.T) {
	r := &run{budget: budget{ctx: context.Background(), lim: Limits{}.withDefaults()}}
	mixed := r.concat(r.concat(own("ab"), callerText("cd")), r.concat(callerText("ef"), own("gh")))
	show := func(t text) string {
		s := ""
		t.pieces(0, len(t.s), func(p string, caller bool) { s += fmt.Sprintf("%s:%v ", p, caller) })
		return s
	}
	for got, want := range map[string]string{
		show(mixed):              "ab:false cdef:true gh:false ",
		show(mixed.cut(2, 6)):    "cdef:true ",
		show(mixed.cut(0, 2)):    "ab:false ",
		show(mixed.cut(3, 7)):    "def:true g:false ",
		show(mixed.cut(3, 3)):    "",
		show(repeated(mixed, 2)): "ab:false cdef:true ghab:false cdef:true gh:false ",
		show(r.upper(mixed)):     "AB:false CDEF:true GH:false ",
		show(r.escaped(r.concat(callerText("<"), own("<")))): "&lt;:true &lt;:false ",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if c := mixed.cut(2, 6); c.src != allCaller {
		t.Error("a part that is all the caller's is not in its shortest form")
	}
	if c := mixed.cut(6, 8); c.src != nil {
		t.Error("a part without the caller's is not in its shortest form")
	}
}

// TestVariables: the last of several variables counts, and hides a function.
func TestVariables(t *testing.T) {
	got, err := render(t, "{{ x }}{{ range }}{{ dict(a=1) }}", Options{}, Var{"x", Bool(true)}, Var{"x", Float(2)}, Var{"range", CallerText("r")})
	if err != nil || got != "2.0r{'a': 1}" {
		t.Errorf("got %q, %v", got, err)
	}
}
