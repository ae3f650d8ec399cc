#!/usr/bin/env python3
"""Writes what Jinja2 makes of random templates, for TestDifferential.

  pip install jinja2; python3 differential.py SEED COUNT [TEMPLATE.jinja ...] > cases.json

COUNT cases of each kind: expressions, statements, white space around tags; and, for each TEMPLATE, COUNT/20 random conversations.
differential.json.gz holds 1,500 of each kind with seed 1 and the templates beside it:

  python3 differential.py 1 1500 *.jinja | gzip -9n > differential.json.gz

The environment is that of Hugging Face's transformers for chat templates, with from_json = json.loads.
"""
import datetime, json, os, random, re, sys
import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENV = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
ENV.filters["tojson"] = tojson
ENV.filters["from_json"] = json.loads
ENV.globals["raise_exception"] = raise_exception
ENV.globals["strftime_now"] = NOW.strftime

VARS = {
    "s": "Hello World foo", "t": "  x\u00c9\u00df\u65e5\u672c \n", "h": "<a href=\"x\">'&'</a>", "m": "l1\n\n l2\r\nl3\n", "w": "a,b,,c",
    "i": -7, "j": 3, "f": 2.5, "big": 12345678901234567890123, "n": None, "b": True, "e": [], "ed": {}, "es": "",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "ll": [[1, 2], [3], []], "d": {"b": 1, "A": "x", "c": [3, 1, 2], "items": 5, "0": "zero"},
    "p": [{"n": "Bob", "a": {"x": 3}}, {"n": "al", "a": {"x": 1}}, {"n": "Cy", "a": {}}, {"n": "AL", "a": {"x": 2}}],
    "js": "{\"a\": [1, 2.0, null, \"\\u00e9\"], \"b\": {\"c\": true}}", "num": " 42 ",
}


class Gen:
    """Random source text; values are drawn by kind so that most of it means something. ` stands for a double quote."""

    def __init__(self, r):
        self.r = r

    def c(self, *options):
        return self.r.choice(options)

    def string(self, d=0):
        r, c = self.r, self.c
        if d <= 0 or r.random() < .25:
            return c("s", "t", "h", "m", "w", "es", "'ab'", '"x-Y z"', "'a\\nb'", "'\u00e9\u00df'", "num", "js", "d.A", "ls[0]", "p[0].n", "'%s|%5s'", "''")
        x = self.string(d - 1)
        return c(
            lambda: f"{x}{self.slice(d)}", lambda: f"({x} ~ {self.any(d - 1)})", lambda: f"({x} + {self.string(d - 1)})",
            lambda: f"{x}|{c('upper', 'lower', 'title', 'capitalize', 'trim', 'string', 'e', 'escape', 'safe', 'forceescape', 'reverse', 'urlencode', 'striptags')}",
            lambda: f"{x}.{c('upper', 'lower', 'title', 'capitalize', 'strip', 'lstrip', 'rstrip', 'swapcase', 'casefold')}()",
            lambda: f"{x}.{c('strip', 'lstrip', 'rstrip')}({self.short()})", lambda: f"{x}.replace({self.short()}, {self.short()}{c('', ', 1', ', -1', ', 0')})",
            lambda: f"{x}|replace({self.short()}, {self.any(0)}{c('', ', 1')})", lambda: f"{x}.{c('center', 'ljust', 'rjust')}({self.int(0)}{c('', ', ' + self.short())})",
            lambda: f"{x}.zfill({self.int(0)})", lambda: f"{x}|center({self.int(0)})", lambda: f"{x}|indent({c('', '2', 'width=3, first=true', '2, blank=true', self.short())})",
            lambda: f"{x}|truncate({c('5', '3, true', '9, false, `..`', '6, true, ``, 0', '12, leeway=0')})", lambda: f"{x}|wordwrap({c('5', '8', '3, false', '6, true, `|`', '79')})",
            lambda: f"{x}.{c('removeprefix', 'removesuffix')}({self.short()})", lambda: f"{self.short()}.join({self.list(d - 1)})",
            lambda: f"{self.list(d - 1)}|join({c('', self.short(), self.any(0))})", lambda: f"{self.any(d - 1)}|tojson{c('', '(indent=2)', '(ensure_ascii=true)', '(sort_keys=true)', '(separators=(`,`, `:`))', '(indent=1, sort_keys=true)')}",
            lambda: f"{self.any(d - 1)}|string", lambda: f"({self.percent(d)})", lambda: self.format(d), lambda: f"{x} * {self.int(0)}", lambda: f"({x} if {self.bool(d - 1)} else {self.string(d - 1)})",
            lambda: f"{x}|default({self.string(0)}{c('', ', true')})", lambda: f"{x}.{c('split', 'rsplit')}({self.short()})[{self.int(0)}]", lambda: f"{x}.{c('partition', 'rpartition')}({self.short()})[{c('0', '1', '2', '-1')}]",
            lambda: f"{self.list(d - 1)}|{c('first', 'last', 'min', 'max')}", lambda: f"{self.int(d - 1)}|filesizeformat{c('', '(true)')}", lambda: f"{x}.expandtabs({c('', '4')})",
            lambda: f"{self.dict(d - 1)}|xmlattr", lambda: f"strftime_now({c('`%Y-%m-%d`', '`%B %-d`', x)})",
        )()

    def short(self):
        return self.c("' '", "'l'", "','", "'o'", "''", "'ab'", "'\\n'", "'-'", "'\u00e9'", "'<'", "d.A")

    def slice(self, d):
        part = lambda: self.c("", self.int(0), "none")
        return self.c(f"[{part()}:{part()}]", f"[{part()}:{part()}:{self.c('1', '2', '-1', '-2', '3')}]", f"[{self.int(0)}]", "[::-1]", "[:]")

    def percent(self, d):
        spec = lambda: "%" + self.c("", "-", "+", "0", " ", "#") + self.c("", "5", "8") + self.c("", ".2", ".0", ".10") + self.c(*"sdifFeEgGxXorc%")
        k = self.r.randrange(1, 3)
        vals = [self.any(d - 1) for _ in range(k)]
        form = "'" + "|".join(spec() for _ in range(k)) + "'"
        return self.c(f"{form} % ({', '.join(vals)},)", f"{form}|format({', '.join(vals)})", f"'%s' % {vals[0]}", f"'%(b)s-%(A)5s' % d", f"{form} % {vals[0]}")

    def format(self, d):
        spec = lambda: self.c("", ":>8", ":<8", ":^9", ":*^9", ":05", ":+", ":.2f", ":,", ":_", ":x", ":#x", ":b", ":e", ":g", ":.3", ":010.3f", ":,.2f", ":%", ":.1%", "!r", "!s", "!r:>12", ":=+8", ":c", ":d", ":s", ":n", ":#o", ":X", ":+010,", ":.3e", ":.12", ":G")
        k = self.r.randrange(1, 3)
        vals = [self.any(d - 1) for _ in range(k)]
        fields = self.c(lambda: "{" + spec() + "}" + ("{" + spec() + "}" if k > 1 else ""), lambda: "{0" + spec() + "}", lambda: "{x" + spec() + "}{{}}", lambda: "{0[0]}", lambda: "{d[b]}{d.x}", lambda: "{" + str(k - 1) + spec() + "}")()
        return f"'{fields}'.format({', '.join(vals)}, x={self.any(0)}, d=d)"

    def int(self, d=0):
        r, c = self.r, self.c
        if d <= 0 or r.random() < .3:
            return c("i", "j", "0", "1", "2", "-1", "5", "d.b", "l[1]", "-3", "b", "7")
        return c(
            lambda: f"({self.num(d - 1)} {c('+', '-', '*', '//', '%')} {self.num(d - 1)})", lambda: f"{self.any(d - 1)}|length", lambda: f"{self.string(d - 1)}.{c('find', 'rfind', 'count', 'index')}({self.short()}{c('', ', 1', ', -3, -1')})",
            lambda: f"{self.any(d - 1)}|int{c('', '(5)', '(0, 16)', '(base=8)')}", lambda: f"{self.num(d - 1)}|abs", lambda: f"-{self.num(d - 1)}", lambda: f"{self.list(d - 1)}|sum", lambda: f"{self.string(d - 1)}|wordcount",
            lambda: f"{self.list(d - 1)}.{c('index', 'count')}({self.any(0)})", lambda: f"({self.num(d - 1)} if {self.bool(d - 1)} else {self.int(d - 1)})", lambda: f"{self.list(d - 1)}|count", lambda: f"({c('2', '3', 'j', 'big', 'f')} ** {c('2', '3', '0', '10', '-1', '0.5')})",
        )()

    def num(self, d=0):
        c = self.c
        if d <= 0 or self.r.random() < .4:
            return c("f", "big", "1.5", "0.1", "1e3", "-0.0", "1e22", "1e-7", "100", self.int(0))
        return c(lambda: self.int(d), lambda: f"({self.num(d - 1)} {c('+', '-', '*', '/', '//', '%')} {self.num(d - 1)})", lambda: f"{self.any(d - 1)}|float{c('', '(1.5)')}",
                 lambda: f"{self.num(d - 1)}|round{c('', '(1)', '(2)', '(0, `ceil`)', '(1, `floor`)', '(-1)', '(method=`ceil`)')}")()

    def bool(self, d=0):
        c = self.c
        if d <= 0 or self.r.random() < .2:
            return c("b", "true", "false", "n", "undef", "e", "s", "l", "es")
        x = self.any(d - 1)
        return c(
            lambda: f"({x} {c('==', '!=')} {self.any(d - 1)})", lambda: f"({self.num(d - 1)} {c('<', '<=', '>', '>=')} {self.num(d - 1)})", lambda: f"({self.string(d - 1)} {c('<', '>=')} {self.string(d - 1)})",
            lambda: f"({self.num(0)} < {self.num(0)} <= {self.num(0)})", lambda: f"({x} {c('in', 'not in')} {c(self.list, self.string, self.dict)(d - 1)})", lambda: f"(not {self.bool(d - 1)})", lambda: f"({self.bool(d - 1)} {c('and', 'or')} {x})",
            lambda: f"({x} is {c('', 'not ')}{c('defined', 'undefined', 'none', 'string', 'number', 'integer', 'float', 'mapping', 'sequence', 'iterable', 'boolean', 'true', 'false', 'lower', 'upper', 'escaped', 'callable')})",
            lambda: f"({self.num(d - 1)} is {c('odd', 'even', 'divisibleby 3', 'eq 3', 'gt(2)', 'lt 5', 'ne 1', 'divisibleby(2)')})", lambda: f"({x} is in {self.list(d - 1)})", lambda: f"({self.short()} is {c('filter', 'test', 'in s')})",
            lambda: f"{self.string(d - 1)}.{c('startswith', 'endswith')}({self.short()}{c('', ', 1')})", lambda: f"{self.string(d - 1)}.startswith(('H', {self.short()}))", lambda: f"{self.string(d - 1)}.{c('isupper', 'islower', 'isalpha', 'isdigit', 'isalnum', 'isspace', 'istitle', 'isnumeric', 'isidentifier')}()",
        )()

    def list(self, d=0):
        c = self.c
        if d <= 0 or self.r.random() < .2:
            return c("l", "ls", "ll", "e", "[1, 'a', none]", "(1, 2)", "range(3)", "d.c", "p", "s", "d", "w.split(',')", "[1.5, 1, true]", "undef")
        x = self.list(d - 1)
        return c(
            lambda: f"{x}{self.slice(d)}", lambda: f"({x} + {self.list(d - 1)})", lambda: f"[{self.any(d - 1)}, {self.any(d - 1)}]", lambda: f"({self.any(d - 1)},)", lambda: f"{x}|list", lambda: f"{self.string(d - 1)}|list",
            lambda: f"{x}|sort{c('', '(true)', '(reverse=true)', '(case_sensitive=true)', '(attribute=`n`)')}", lambda: f"{x}|unique{c('', '(true)')}|list", lambda: f"{x}|reverse|list", lambda: f"{x}|map({c('`upper`', '`string`', '`length`', 'attribute=`n`', 'attribute=`a.x`', 'attribute=`a.x`, default=0', '`default`, 1', '`int`', 'attribute=0')})|list",
            lambda: f"{x}|{c('select', 'reject')}({c('', '`string`', '`odd`', '`defined`', '`gt`, 1', '`in`, l', '`none`')})|list", lambda: f"p|{c('selectattr', 'rejectattr')}({c('`a.x`', '`n`, `eq`, `al`', '`a.x`, `defined`', '`a.x`, `gt`, 1', '`n`, `in`, [`Bob`]')})|list",
            lambda: f"{self.dict(d - 1)}|dictsort{c('', '(true)', '(by=`value`)', '(false, `key`, true)')}", lambda: f"{self.dict(d - 1)}|items|list", lambda: f"{self.dict(d - 1)}.{c('keys', 'values', 'items')}()|list", lambda: f"{x}|batch({c('2', '3, `-`', '1')})|list", lambda: f"{x}|slice({c('2', '3', '2, `-`')})|list",
            lambda: f"{self.string(d - 1)}.{c('split', 'rsplit')}({c('', self.short(), self.short() + ', 1', 'none, 1', 'maxsplit=1')})", lambda: f"{self.string(d - 1)}.splitlines({c('', 'true')})", lambda: f"{x} * {self.int(0)}", lambda: f"range({self.int(0)}, {self.int(0)}{c('', ', 2', ', -1')})|list", lambda: f"p|groupby({c('`n`', '`a.x`, default=0', 'attribute=`n`, case_sensitive=true', '`a.x`')})",
            lambda: f"{self.string(d - 1)}.partition({self.short()})", lambda: f"({x} if {self.bool(d - 1)} else {self.list(d - 1)})", lambda: f"js|from_json", lambda: f"{self.dict(d - 1)}.get({self.c('`c`', '`b`', '`zz`', '1')}{c('', ', l')})",
        )()

    def dict(self, d=0):
        c = self.c
        if d <= 0 or self.r.random() < .4:
            return c("d", "ed", "p[0]", "p[0].a", "{'k': 1, 2: 'v'}", "dict(a=1)", "(js|from_json)")
        return c(lambda: f"{{'x': {self.any(d - 1)}, {c('1', 'true', '`1`', 'none', '1.5', '(1, 2)')}: {self.any(d - 1)}}}", lambda: f"dict({self.dict(d - 1)}, z={self.any(d - 1)})", lambda: f"dict([('a', {self.any(d - 1)})])", lambda: f"{self.dict(d - 1)}.copy()", lambda: f"({self.dict(d - 1)} if {self.bool(d - 1)})")()

    def any(self, d=0):
        if d <= 0 and self.r.random() < .3:
            return self.c("n", "undef", "d.zz", "true", "p[9]", "d['items']", "d.items", "p[0]['n']", "l.0")
        return self.r.choices([self.string, self.int, self.num, self.bool, self.list, self.dict], [5, 3, 2, 2, 4, 2])[0](d)

    # Statements.
    def body(self, d, loop=False):
        return "".join(self.stmt(d, loop) for _ in range(self.r.randrange(1, 4)))

    def var(self):
        return self.c("x", "y", "z", "q", "s", "l")

    def out(self):
        e = self.c("x", "y", "z", "q", "s", "j", "l", "ns.v", "loop.index", "f1(x)", "f2(y, q)", "x ~ y", "q|default('?')", self.any(1), self.string(1), "loop.last", "loop.first", "loop.length", "loop.revindex", "loop.previtem", "loop.nextitem", "loop.cycle('a', 'b')", "loop.changed(x)", "loop.depth", "varargs", "kwargs", "caller()", "caller(j)", "x is defined", "loop is defined", "self.b0()", "f1", "f2(1, y=2)", "f1(undef)", "f3(1, 2, k=x)")
        return "{{ " + e + " }}"

    def args(self):
        return self.c("", "x", "x, y", "x, y=1", "x='d', y=x", "a=q", "x, y, z=s")

    def stmt(self, d, loop=False):
        r, c = self.r, self.c
        if d <= 0 or r.random() < .4:
            if loop and r.random() < .15:
                return "{% if " + c("loop.index == 2", "x", "loop.last", "y is defined", "true") + " %}{% " + c("break", "continue") + " %}{% endif %}"
            return c(lambda: self.out(), lambda: self.out(), lambda: c("T", " u ", "\n", "<b>"), lambda: "{% set " + self.var() + " = " + self.any(1) + " %}", lambda: "{% set ns.v = " + self.any(1) + " %}", lambda: "{% set x, y = " + c("1, 2", "ll[0]", "'ab'", "y, x", self.list(1)) + " %}")()
        over = lambda: c("l", "ls", "d", "d.items()", "p", "e", "range(3)", "ll", "s[:3]", "l|sort", "undef", "ls|map('upper')", "[1, [2, [3]]]", "n", self.list(1))
        target = lambda o: c("k, v", "x") if "items" in o else c("x", "y", "x", "x, y") if o == "ll" else c("x", "y")
        def loop_():
            o = over()
            return "{% for " + target(o) + " in " + o + c("", "", " if x", " if x != 1", " if loop") + c("", "", "", " recursive") + " %}" + self.body(d - 1, True) + c("", "{{ loop(x) }}" if r.random() < .3 else "") + c("", "{% else %}" + self.body(d - 1, loop)) + "{% endfor %}"
        def macro():
            return "{% macro " + c("f1", "f2", "f3") + "(" + self.args() + ") %}" + self.body(d - 1) + "{% endmacro %}"
        return c(
            loop_, loop_, loop_, macro, macro,
            lambda: "{% if " + self.bool(1) + " %}" + self.body(d - 1, loop) + c("", "{% elif " + self.bool(1) + " %}" + self.body(d - 1, loop)) + c("", "{% else %}" + self.body(d - 1, loop)) + "{% endif %}",
            lambda: "{% set " + self.var() + c("", "", " | upper", " | replace('a', 'b') | trim") + " %}" + self.body(d - 1) + "{% endset %}",
            lambda: "{% with " + c("", "x = 1", "x = y, y = x", "q = " + self.any(1)) + " %}" + self.body(d - 1, loop) + "{% endwith %}",
            lambda: "{% filter " + c("upper", "trim", "replace('1', '2')", "upper | indent", "length") + " %}" + self.body(d - 1) + "{% endfilter %}",
            lambda: "{% call" + c("", "", "(x)", "(x, y=5)", "(q='d')") + " " + c("f1(1)", "f2(x, 3)", "f3()", "f1()") + " %}" + self.body(d - 1) + "{% endcall %}",
            lambda: "{% generation %}" + self.body(d - 1) + "{% endgeneration %}", lambda: "{% autoescape " + c("true", "false", "j") + " %}" + self.body(d - 1) + "{% endautoescape %}",
            lambda: "{% block b" + str(r.randrange(10 ** 6)) + c("", "", " scoped") + " %}" + self.body(d - 1) + "{% endblock %}", lambda: "{% raw %}{{ x }}{% endraw %}", lambda: "{# c #}",
        )()

    def statements(self):
        src = "{% set ns = namespace(v=1) %}{% macro f1(x) %}[{{ x }}" + self.c("", "{{ caller() }}", "{{ caller(x) }}", "{{ caller(x, y=2) }}") + "]{% endmacro %}"
        src += "{% macro f2(x, y='d', z=y) %}({{ x }}{{ y }}{{ z }}" + self.c("", "{{ varargs }}", "{{ caller(1) if caller }}") + "){% endmacro %}{% macro f3() %}{{ varargs }}{{ kwargs }}" + self.c("", "{{ caller() }}") + "{% endmacro %}"
        return src + self.body(3) + self.body(2)

    def white(self):
        r, c = self.r, self.c
        space = lambda: "".join(c(" ", "\n", "\t", "a", "  ", "\n\n", "", "\r\n", "b", " \n", "\n ") for _ in range(r.randrange(4)))
        sign = lambda: c("", "", "", "-", "+")
        end = lambda: c("", "", "", "-")
        tag = lambda s: "{%" + sign() + c(" ", "", "\n") + s + c(" ", "") + sign() + "%}"
        def piece(d):
            k = r.random()
            if k < .3 or d <= 0:
                return c("{{" + end() + c(" j ", "' x '", "\n3\n", " '{{' ", " \"%}\" ", " {'a': {}} ") + end() + "}}", "{#" + c("", "-", "+") + c(" c ", "\n", " {{ x }} ") + c("", "-", "+") + "#}", "x", tag("set a = 1"))
            if k < .6:
                return tag("if " + c("b", "false")) + inner(d - 1) + c("", tag("else") + inner(d - 1)) + tag("endif")
            if k < .8:
                return tag("for a in [1, 2]") + inner(d - 1) + tag("endfor")
            if k < .9:
                return tag("raw") + space() + c("", "{{ x }}", "{% if %}", "{# #}") + space() + tag("endraw")
            return tag("macro m()") + inner(d - 1) + tag("endmacro") + "{{ m() }}"
        inner = lambda d: "".join(space() + piece(d) for _ in range(r.randrange(3))) + space()
        return "".join(space() + piece(2) for _ in range(1 + r.randrange(4))) + space()


def conversation(r):
    text = lambda: r.choice(["Hi", "  spaced  ", "Line 1\nLine 2", "", "\u00e9\u00df \u65e5\u672c \U0001f600", "<b>'q' & \"r\"</b>", "{{ x }} {% if %}", "<think>why</think>so", "a</think>b", "1", "\n", "[INST] x [/INST]", "<|im_end|>"])
    value = lambda d=2: r.choice([lambda: text(), lambda: r.randrange(-5, 100), lambda: r.choice([0.5, 1e20, True, None, 2.0]), lambda: [value(d - 1) for _ in range(r.randrange(3))] if d else 1, lambda: {text() or "k": value(d - 1) for _ in range(r.randrange(3))} if d else "v"])()
    args = lambda: {k: value() for k in r.sample(["city", "days", "unit", "x y", "flag"], r.randrange(4))}
    prop = lambda: {k: v for k, v in {"type": r.choice(["string", "integer", "number", "boolean", ["string", "null"]]), "description": r.choice(["A thing", "\u00e9 <x>", "two\nlines"]), "enum": ["a", "b"], "default": value(1), "items": {"type": "string"}, "nullable": True}.items() if k == "type" or r.random() < .3}
    def tool():
        f = {"name": r.choice(["get_weather", "f", "search-web"]), "description": text() or "d", "parameters": {"type": "object", "properties": {k: prop() for k in r.sample(["city", "days", "unit", "flag"], r.randrange(4))}, "required": r.sample(["city", "days"], r.randrange(3))}}
        if r.random() < .2:
            f["return"] = {"type": "string"}
        return {"type": "function", "function": f}
    msgs = []
    if r.random() < .5:
        msgs.append({"role": r.choice(["system", "system", "developer"]), "content": text()})
    for _ in range(r.randrange(1, 4)):
        msgs.append({"role": "user", "content": text()})
        k = r.random()
        if k < .35:
            m = {"role": "assistant", "content": r.choice(["", text()])}
            m["tool_calls"] = [{"id": "call%05d" % r.randrange(10 ** 5), "type": "function", "function": {"name": "get_weather", "arguments": args()}} for _ in range(r.randrange(1, 3))]
            if r.random() < .2:
                m["reasoning_content"] = text()
            msgs.append(m)
            for call in m["tool_calls"]:
                msgs.append({"role": "tool", "tool_call_id": call["id"], "name": "get_weather", "content": text()})
            if r.random() < .6:
                msgs.append({"role": "assistant", "content": text()})
        elif k < .8:
            m = {"role": "assistant", "content": text()}
            if r.random() < .3:
                m[r.choice(["reasoning_content", "thinking", "reasoning"])] = text()
            msgs.append(m)
    if r.random() < .7 and msgs[-1]["role"] == "assistant":
        msgs.append({"role": "user", "content": text()})
    conv = {"messages": msgs, "add_generation_prompt": r.random() < .7}
    if r.random() < .5:
        conv["tools"] = [tool() for _ in range(r.randrange(1, 3))]
    for k, v in {"enable_thinking": r.random() < .5, "thinking": True, "reasoning_effort": "low", "documents": [{"title": "T", "text": "X"}], "keep_cot": True}.items():
        if r.random() < .15:
            conv[k] = v
    return conv


ADDRESS = re.compile(r" at 0x[0-9a-f]+|<(generator|function|bound method|built-in|class|jinja2|Template|Block|method)|\d+j\)")


def render(template, variables):
    """The text, None for an error."""
    try:
        if isinstance(template, str):
            template = ENV.from_string(template)
        return template.render(**json.loads(json.dumps(variables)))
    except Exception:
        return None


def cases(make, count):
    out = []
    while len(out) < count:
        src = make().replace("`", '"')
        text = render(src, VARS)
        if len(src) > 1500 or text is not None and (len(text) > 4000 or ADDRESS.search(text)):
            continue  # long, or text that depends on the run or on Python
        if text is not None or len(out) % 3 == 0:  # of sources that fail, a third is enough
            out.append([src, text])
    return out


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    g = Gen(random.Random(seed))
    r = random.Random(seed + 1)
    data = {"vars": VARS, "now": NOW.isoformat()}
    data["cases"] = cases(lambda: "{{ " + g.any(3) + " }}", count) + cases(g.statements, count) + cases(g.white, count)
    data["conversations"] = []
    for path in sys.argv[3:]:
        template = ENV.from_string(open(path, encoding="utf-8").read())
        for _ in range(max(1, count // 20)):
            conv = conversation(r)
            data["conversations"].append([os.path.basename(path), conv, render(template, {**conv, "bos_token": "<BOS>", "eos_token": "<EOS>"})])
    json.dump(data, sys.stdout, ensure_ascii=True, separators=(",", ":"))


main()
