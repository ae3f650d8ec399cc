package tokenizer

import (
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplTest is a test behind "is" that looks at the value alone.
type tmplTest = func(g *tmplGuard, v jinja.Value) (bool, error)

// tmplTests are these tests by name.
var tmplTests map[string]tmplTest

func init() {
	tmplTests = map[string]tmplTest{
		"defined":   tmplKind(func(v jinja.Value) bool { return !v.IsUndefined() }),
		"undefined": tmplKind(jinja.Value.IsUndefined),
		"none":      tmplKind(jinja.Value.IsNone),
		"boolean":   tmplKind(jinja.Value.IsBool),
		"integer":   tmplKind(func(v jinja.Value) bool { return tmplTypeOf(v) == tmplInteger }),
		"float":     tmplKind(jinja.Value.IsFloat),
		"number":    tmplKind(tmplIsNum),
		"string":    tmplKind(tmplIsStr),
		"callable":  tmplKind(func(v jinja.Value) bool { return tmplTypeOf(v) == tmplCallable }),
		"escaped":   tmplKind(tmplIsHTML),
		"true":      tmplKind(func(v jinja.Value) bool { return v.IsBool() && v.AsBool() }),
		"false":     tmplKind(func(v jinja.Value) bool { return v.IsBool() && !v.AsBool() }),
		"mapping":   func(g *tmplGuard, v jinja.Value) (bool, error) { return v.IsDict() && !g.spaces[v.AsDict()], nil },
		"iterable":  tmplKind(func(v jinja.Value) bool { return tmplIsSequence(v) || tmplTypeOf(v) == tmplGenerator }),
		"sequence":  tmplKind(tmplIsSequence),
		"odd":       func(g *tmplGuard, v jinja.Value) (bool, error) { return g.divides(v, jinja.NewInt(2), 1) },
		"even":      func(g *tmplGuard, v jinja.Value) (bool, error) { return g.divides(v, jinja.NewInt(2), 0) },
		"upper":     tmplCaseTest("isupper"),
		"lower":     tmplCaseTest("islower"),
		"filter":    tmplNamed(func(name string) bool { return tmplFilters[name] != nil }),
		"test":      tmplNamed(tmplHasTest),
	}
}

// tmplKind makes a test of a function that cannot fail.
func tmplKind(f func(jinja.Value) bool) tmplTest {
	return func(_ *tmplGuard, v jinja.Value) (bool, error) { return f(v), nil }
}

// tmplNamed makes a test of a function on names.
func tmplNamed(f func(string) bool) tmplTest {
	return tmplKind(func(v jinja.Value) bool { return tmplIsStr(v) && f(tmplStr(v)) })
}

// tmplIsSequence tells whether a value has a length and elements.
func tmplIsSequence(v jinja.Value) bool {
	_, ok := tmplLen(v)
	return ok
}

// tmplCaseTest makes a test of a method of str.
func tmplCaseTest(method string) tmplTest {
	return func(g *tmplGuard, v jinja.Value) (bool, error) {
		s, err := g.str(v)
		if err != nil {
			return false, err
		}
		ok, err := tmplStrMethods[method](g, jinja.NewString(s), tmplArgs{fn: method})
		return err == nil && ok.IsTruthy(), err
	}
}

// divides tells whether v leaves the remainder rest when divided by n.
func (g *tmplGuard) divides(v, n jinja.Value, rest int64) (bool, error) {
	if tmplIsStr(v) {
		return false, tmplEval("%v has no remainder", tmplTypeOf(v))
	}
	m, err := g.arith("%", v, n)
	if err != nil {
		return false, err
	}
	return g.equal(m, jinja.NewInt(rest), 0)
}

// tmplRelations are the tests that compare with an argument.
var tmplRelations = map[string]string{
	"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=",
	"lt": "<", "lessthan": "<", "<": "<", "le": "<=", "<=": "<=",
	"gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=", "in": "in",
}

// tmplHasTest tells whether there is a test of that name.
func tmplHasTest(name string) bool {
	return tmplTests[name] != nil || tmplRelations[name] != "" || strings.Contains(" sameas divisibleby filter test ", " "+name+" ")
}

// test applies a test by name.
func (g *tmplGuard) test(name string, v jinja.Value, a tmplArgs) (bool, error) {
	if f, ok := tmplTests[name]; ok {
		if _, err := a.bind(); err != nil {
			return false, err
		}
		return f(g, v)
	}
	a.fn = name
	args, err := a.bind("other")
	if err == nil && len(a.pos)+len(a.names) == 0 && tmplHasTest(name) {
		err = tmplEval("test %s needs an argument", name)
	}
	if err != nil {
		return false, err
	}
	if rel, ok := tmplRelations[name]; ok {
		return g.relation(rel, v, args[0])
	}
	switch name {
	case "sameas":
		return g.same(v, args[0])
	case "divisibleby":
		return g.divides(v, args[0], 0)
	}
	return false, tmplEval("no test named %.40q", name)
}

// same is Python's "is": the same list or dict, or equal values of one type.
func (g *tmplGuard) same(a, b jinja.Value) (bool, error) {
	switch t := tmplTypeOf(a); {
	case t != tmplTypeOf(b):
		return false, nil
	case t == tmplList:
		return a.AsList() == b.AsList(), nil
	case t == tmplDict:
		return a.AsDict() == b.AsDict(), nil
	}
	return g.equal(a, b, 0)
}
