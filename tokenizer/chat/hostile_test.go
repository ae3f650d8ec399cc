package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// manySets assigns 20,000 variables.
var manySets = func() string {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "{%% set v%d = 1 %%}", i)
	}
	return b.String()
}()

// hostile are templates that ask for unbounded time, memory or stack.
var hostile = map[string]string{
	"range":           `{% for i in range(10**9) %}x{% endfor %}`,
	"range huge":      `{% for i in range(10**30) %}x{% endfor %}`,
	"range negative":  `{% for i in range(0, 0 - 10**18, -1) %}x{% endfor %}`,
	"range list":      `{{ range(99999) | list * 100000 }}`,
	"nested loops":    `{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}`,
	"loops over text": `{% set l = "a" * 9999 %}{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}`,
	"loop filter":     `{% set l = "a" * 99999 %}{% for a in l if l | list %}{% endfor %}`,
	"repeat":          `{{ "x" * 10**9 }}`,
	"repeat list":     `{{ [1, 2] * 10**9 }}`,
	"repeat big":      `{{ "x" * 10**40 }}`,
	"double concat":   "{% set s = 'x' %}" + strings.Repeat("{% set s = s ~ s %}", 60) + "{{ s }}",
	"double plus":     "{% set s = 'x' %}" + strings.Repeat("{% set s = s + s %}", 60) + "{{ s }}",
	"double list":     "{% set s = [1] %}" + strings.Repeat("{% set s = s + s %}", 60) + "{{ s }}",
	"double extend":   "{% set s = [1] %}" + strings.Repeat("{% set _ = s.extend(s) %}", 60),
	"double join":     "{% set s = 'xx' %}" + strings.Repeat("{% set s = s.join(s) %}", 60),
	"double replace":  "{% set s = 'xx' %}" + strings.Repeat("{% set s = s.replace('', s) %}", 60),
	"double filter":   "{% set s = 'xx' %}" + strings.Repeat("{% set s = s | replace('x', s) %}", 60),
	"double format":   "{% set s = 'xx' %}" + strings.Repeat("{% set s = '%s%s' % (s, s) %}", 60),
	"double method":   "{% set s = 'xx' %}" + strings.Repeat("{% set s = '{0}{0}'.format(s) %}", 60),
	"double block":    "{% set s = 'xx' %}" + strings.Repeat("{% set s %}{{ s }}{{ s }}{% endset %}", 40),
	"double sum":      "{% set s = [1] %}" + strings.Repeat("{% set s = [s, s] | sum(start=[]) %}", 60),
	"shared list":     "{% set s = [1] %}" + strings.Repeat("{% set s = [s, s] %}", 60) + "{{ s }}",
	"shared json":     "{% set s = [1] %}" + strings.Repeat("{% set s = {'a': s, 'b': s} %}", 60) + "{{ s | tojson }}",
	"shared equal":    "{% set s = [1] %}{% set t = [1] %}" + strings.Repeat("{% set s = [s, s] %}{% set t = [t, t] %}", 60) + "{{ s == t }}",
	"long loop text":  "{% for i in range(99999) %}" + strings.Repeat("x", 9999) + "{% endfor %}",
	"escape grows":    `{% set s = "<" * 9999999 %}{% for i in range(999) %}{{ s | e | length }}{% endfor %}`,
	"indent":          `{{ ("\n" * 999999) | indent(4000, blank=true) }}`,
	"json indent":     `{{ [[[[1]]]] | tojson(indent="x" * 9999999) }}`,
	"center":          `{{ "x".center(10**10) }}`,
	"width":           `{{ "%999999999d" % 1 }}`,
	"precision":       `{{ "%.999999999f" % 1 }}`,
	"power":           `{{ 9 ** (9 ** (9 ** 9)) }}`,
	"power chain":     "{% set n = 9 %}" + strings.Repeat("{% set n = n * n %}", 60) + "{{ n }}",
	"slice step":      `{% set s = "x" * 9999999 %}{% for i in range(99999) %}{% set t = s[::2] %}{% endfor %}`,
	"split":           `{% set s = "x" * 9999999 %}{% for i in range(99999) %}{% set t = s.split("x") %}{% endfor %}`,
	"find":            `{% set s = "x" * 9999999 %}{% for i in range(99999) %}{{ "y" in s }}{{ s.find("y") }}{% endfor %}`,
	"strip":           `{% set s = " " * 9999999 %}{% for i in range(99999) %}{{ s.strip() }}{% endfor %}`,
	"index text":      `{% set s = "x" * 9999999 %}{% for i in range(99999) %}{{ s[-1] }}{{ s | length }}{% endfor %}`,
	"length":          `{% set s = "x" * 9999999 %}{% for i in range(99999) %}{{ s | length }}{% endfor %}`,
	"long key":        `{% set s = "x" * 9999999 %}{% set d = {} %}{% for i in range(99999) %}{{ d[s] }}{{ d.get(s) }}{{ s in d }}{% endfor %}`,
	"long number":     `{% set s = "1" * 9999999 %}{% for i in range(99999) %}{{ s | float }}{{ s | int }}{% endfor %}`,
	"unique":          `{% for i in range(999) %}{{ range(99999) | unique | list }}{% endfor %}`,
	"sort":            `{% for i in range(999) %}{{ range(99999) | sort(reverse=true) | first }}{% endfor %}`,
	"in list":         `{% set l = range(99999) | list %}{% for i in l %}{{ -1 in l }}{% endfor %}`,
	"batch":           `{{ range(99999) | batch(99999, "x") | list }}{% for i in range(999) %}{{ [1] | batch(99999, "x") | list }}{% endfor %}`,
	"macro forever":   `{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`,
	"macro tree":      `{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}`,
	"macro mutual":    `{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}`,
	"macro default":   `{% macro m(x=1) %}{% endmacro %}{% macro n(x=n()) %}{% endmacro %}{{ n() }}`,
	"caller":          `{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}`,
	"self append":     `{% set l = [] %}{% set _ = l.append(l) %}{{ l }}`,
	"self json":       `{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}`,
	"self equal":      `{% set l = [] %}{% set _ = l.append(l) %}{% set m = [] %}{% set _ = m.append(m) %}{{ l == m }}`,
	"self order":      `{% set l = [] %}{% set _ = l.append(l) %}{% set m = [] %}{% set _ = m.append(m) %}{{ l < m }}`,
	"deep value":      `{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}`,
	"deep json":       `{% set ns = namespace(l={}) %}{% for i in range(99999) %}{% set ns.l = {"a": ns.l} %}{% endfor %}{{ ns.l | tojson }}`,
	"append forever":  `{% set l = [] %}{% for i in range(99999) %}{% for j in range(99999) %}{% set _ = l.append("x" * 99) %}{% endfor %}{% endfor %}`,
	"grow dict":       `{% set ns = namespace(k="x") %}{% set d = {} %}{% for i in range(99999) %}{% set ns.k = ns.k ~ "x" %}{% set _ = d.update([[ns.k, i]]) %}{% endfor %}`,
	"namespaces":      `{% for i in range(99999) %}{% for j in range(99999) %}{% set n = namespace(a=1) %}{% endfor %}{% endfor %}`,
	"tuples":          `{% for i in range(99999) %}{% for j in range(99999) %}{% set n = (1, 2) %}{% endfor %}{% endfor %}`,
	"strftime":        `{% for i in range(99999) %}{{ strftime_now("%c" * 999) | length }}{% endfor %}`,
	"format width":    `{{ "{:999999999d}".format(1) }}`,
	"format nested":   `{{ "{:{}d}".format(1, 10**12) }}`,
	"format group":    `{{ "{:0999999999,}".format(1) }}`,
	"format precise":  `{{ "{:.999999999f}".format(1.5) }}`,
	"percent star":    `{{ "%*d" % (10**12, 1) }}`,
	"expandtabs":      `{{ ("\t" * 999).expandtabs(10**9) }}`,
	"zfill":           `{{ "-1".zfill(10**12) }}`,
	"slices":          `{{ [1] | slice(10**12) | list }}`,
	"batch fill":      `{{ [1] | batch(10**12, "x") | list }}`,
	"json deep":       `{{ ("[" * 99999 ~ "]" * 99999) | from_json }}`,
	"json wide":       `{% set s = "[" ~ "1," * 999999 ~ "1]" %}{% for i in range(999) %}{{ s | from_json | length }}{% endfor %}`,
	"recursive loop":  `{% set l = [] %}{% set _ = l.append(l) %}{% for x in l recursive %}{{ loop(x) }}{% endfor %}`,
	"recursive wide":  `{% set l = range(99) | list %}{% for x in l recursive %}{{ loop(l) }}{% endfor %}`,
	"block itself":    `{% block b %}{{ self.b() }}{% endblock %}`,
	"groups":          `{% for i in range(999) %}{{ range(99999) | groupby("x", default=1) | length }}{% endfor %}`,
	"wrap":            `{% set s = "x-y " * 999999 %}{% for i in range(999) %}{{ s | wordwrap(3) | length }}{% endfor %}`,
	"url":             `{% set s = "<" * 9999999 %}{% for i in range(999) %}{{ s | urlencode | length }}{% endfor %}`,
	"origins":         `{% set s = ("a" ~ u) * 999999 %}{% for i in range(9999) %}{% set t = s[1:] ~ s %}{% endfor %}`,
	"origins split":   `{% set s = ("a" ~ u) * 999999 %}{% for i in range(9999) %}{{ s.split("a") | length }}{% endfor %}`,
	"origins upper":   `{% set s = ("é" ~ u) * 999999 %}{% for i in range(9999) %}{{ s.upper() | length }}{% endfor %}`,
	"many sets":       "{% for i in range(99999) %}{% for a in range(99999) %}" + manySets + "{% endfor %}{% endfor %}",
	"many hidden":     "{% for i in range(99999) %}{% for a in range(99999) %}{% continue %}" + manySets + "{% endfor %}{% endfor %}",
	"many ifs":        "{% for i in range(99999) %}" + strings.Repeat("{% if 1 %}{% endif %}", 40_000) + "{% endfor %}",
	"many arguments":  "{% macro m() %}{{ varargs | length }}{% endmacro %}{% for i in range(99999) %}{{ m(" + strings.Repeat("1,", 400_000) + "1) }}{% endfor %}",
	"many parts":      "{% for i in range(99999) %}{{ ''" + strings.Repeat("~''", 300_000) + " }}{% endfor %}",
	"lazy chain":      "{% set s = range(99999) %}" + strings.Repeat("{% set s = s | map('string') %}", 400) + "{{ s | list | length }}",
	"raise big":       `{{ raise_exception("x" * 10**9) }}`,
}

// TestTemplateHostile holds each hostile template to an error within about a
// second and to bounded memory.
func TestTemplateHostile(t *testing.T) {
	lim := chat.Limits{} // the defaults
	if testing.Short() {
		lim = chat.Limits{Steps: 1_000_000, Bytes: 32 << 20}
	}
	for name, src := range hostile {
		t.Run(name, func(t *testing.T) {
			tmpl, err := chat.Parse(src)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			out, err := tmpl.Render(context.Background(), chat.Conversation{}, chat.RenderOptions{Limits: lim, Vars: chat.NewObject(chat.Field{Name: "u", Value: "u"})})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatalf("no error, %d bytes of output", len(out.String()))
			}
			if !errors.Is(err, chat.ErrLimit) && !errors.Is(err, chat.ErrEval) {
				t.Errorf("error %v is neither a limit nor an evaluation error", err)
			}
			if took > 10*time.Second { // below a second on an idle machine
				t.Errorf("took %v", took)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 4<<30 {
				t.Errorf("allocated %d MiB in total", made>>20)
			}
			t.Logf("%v, %d MiB: %v", took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, err)
		})
	}
}

// TestTemplateHostileSource has sources that do not compile, however large.
func TestTemplateHostileSource(t *testing.T) {
	const n = 100_000
	for name, src := range map[string]string{
		"parentheses":  "{{ " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) + " }}",
		"open only":    "{{ " + strings.Repeat("(", n),
		"lists":        "{{ " + strings.Repeat("[", n) + strings.Repeat("]", n) + " }}",
		"dicts":        "{{ " + strings.Repeat("{1:", n) + "1" + strings.Repeat("}", n) + " }}",
		"not":          "{{ " + strings.Repeat("not ", n) + "1 }}",
		"minus":        "{{ " + strings.Repeat("-", n) + "1 }}",
		"sums":         "{{ 1" + strings.Repeat("+1", n) + " }}",
		"ands":         "{{ 1" + strings.Repeat(" and 1", n) + " }}",
		"ifs inline":   "{{ 1" + strings.Repeat(" if 1 else 1", n) + " }}",
		"filters":      "{{ 1" + strings.Repeat("|abs", n) + " }}",
		"attributes":   "{{ a" + strings.Repeat(".a", n) + " }}",
		"subscripts":   "{{ a" + strings.Repeat("[0]", n) + " }}",
		"calls":        "{{ a" + strings.Repeat("()", n) + " }}",
		"nested calls": "{{ " + strings.Repeat("a(", n) + strings.Repeat(")", n) + " }}",
		"tests":        "{{ 1" + strings.Repeat(" is odd", n) + " }}",
		"blocks":       strings.Repeat("{% if 1 %}", n) + strings.Repeat("{% endif %}", n),
		"loops":        strings.Repeat("{% for a in b %}", n) + strings.Repeat("{% endfor %}", n),
		"too long":     strings.Repeat("x", 1<<20+1),
		"comment":      strings.Repeat("{#", n),
		"raw":          strings.Repeat("{% raw %}", n),
		"string":       "{{ '" + strings.Repeat("x", n),
		"number":       "{{ 1" + strings.Repeat("0", n) + " }}",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := chat.Parse(src)
			if !errors.Is(err, chat.ErrSyntax) && !errors.Is(err, chat.ErrLimit) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestTemplateLargeSource compiles sources near the limit of length, of kinds
// whose cost could grow faster than their length.
func TestTemplateLargeSource(t *testing.T) {
	var names strings.Builder
	names.WriteString("{% for a in b %}")
	for i := range 20_000 {
		fmt.Fprintf(&names, "{%% set v%d = 1 %%}", i)
	}
	names.WriteString("{% endfor %}")
	for name, src := range map[string]string{
		"names":   manySets + strings.Repeat("{% if a %}{% endif %}", 20_000),
		"text":    strings.Repeat("x", 1<<20),
		"outputs": strings.Repeat("{{a}}", 1<<20/5),
		"strings": strings.Repeat("{{'a'}}", 1<<20/7),
		"sets":    names.String(),
		"elifs":   "{% if a %}" + strings.Repeat("{% elif b %}", 80_000) + "{% endif %}",
		"args":    "{{ [" + strings.Repeat("1,", 500_000) + "] }}",
		"concat":  "{{ 'a'" + strings.Repeat("~'a'", 250_000) + " }}",
		"macros":  strings.Repeat("{% macro m(a) %}{% endmacro %}", 30_000),
		"braces":  strings.Repeat("{ ", 1<<19),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tmpl, err := chat.Parse(src)
			if err != nil {
				t.Fatal(err)
			}
			compiled := time.Since(start)
			_, err = tmpl.Render(context.Background(), chat.Conversation{}, chat.RenderOptions{})
			t.Logf("compiled in %v, rendered in %v: %v", compiled, time.Since(start)-compiled, err)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestTemplateCancelled ends a long rendering by its context.
func TestTemplateCancelled(t *testing.T) {
	tmpl, err := chat.Parse(hostile["nested loops"])
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	lim := chat.Limits{Steps: math.MaxInt}
	_, err = tmpl.Render(ctx, chat.Conversation{}, chat.RenderOptions{Limits: lim})
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the context's cause", err)
	}
}

// TestTemplateLimits reaches each limit by its own setting.
func TestTemplateLimits(t *testing.T) {
	const loop = `{% for i in range(1000) %}{{ "abcdefgh" }}{% endfor %}`
	const deep = `{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(20) }}`
	for _, c := range []struct {
		src string
		lim chat.Limits
		ok  bool
	}{
		{loop, chat.Limits{}, true},
		{loop, chat.Limits{Steps: 1000}, false},
		{loop, chat.Limits{Bytes: 1000}, false},
		{loop, chat.Limits{Output: 7999}, false},
		{loop, chat.Limits{Output: 8000}, true},
		{deep, chat.Limits{}, true},
		{deep, chat.Limits{Depth: 20}, false},
		{deep, chat.Limits{Depth: 21}, true},
	} {
		tmpl, err := chat.Parse(c.src)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Render(context.Background(), chat.Conversation{}, chat.RenderOptions{Limits: c.lim})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, chat.ErrLimit) {
			t.Errorf("%+v: %v", c.lim, err)
		}
	}
}
