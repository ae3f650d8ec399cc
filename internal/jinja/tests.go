package jinja

// testFunc is a test: its value, then its arguments.
type testFunc func(r *run, v Value, a args) bool

var tests map[string]testFunc

func init() {
	kind := func(is func(Value) bool) testFunc {
		return func(r *run, v Value, a args) bool {
			a.none(r)
			return is(v)
		}
	}
	op := func(op string) testFunc {
		return func(r *run, v Value, a args) bool { return r.compare(op, v, a.bind(r, op, 1, "other")[0]) }
	}
	is := func(want Value) testFunc { return kind(func(v Value) bool { return v == want }) }
	tests = map[string]testFunc{
		"defined": kind(func(v Value) bool { return !isUndefined(v) }), "undefined": kind(isUndefined),
		"none": kind(isNone), "boolean": kind(isBool), "true": is(true), "false": is(false),
		"integer": kind(func(v Value) bool { return isInt(v) && !isBool(v) }),
		"float":   kind(func(v Value) bool { _, ok := v.(float64); return ok }),
		"number":  kind(isNumber), "string": kind(isText), "mapping": kind(isMapping),
		"sequence": testSequence, "iterable": kind(isIterable), "callable": kind(isCallable),
		"escaped": kind(func(v Value) bool { t, ok := v.(text); return ok && t.html }),
		"sameas":  testSameAs, "in": testIn, "filter": testFilter, "test": testTest,
		"lower": func(r *run, v Value, a args) bool { return isLower(r.str(v).s) },
		"upper": func(r *run, v Value, a args) bool { return isUpper(r.str(v).s) },
		"odd":   testRemainder(2, 1), "even": testRemainder(2, 0), "divisibleby": testDivisible,
	}
	for name, o := range map[string]string{
		"==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", ">": ">", "gt": ">", "greaterthan": ">",
		">=": ">=", "ge": ">=", "<": "<", "lt": "<", "lessthan": "<", "<=": "<=", "le": "<=",
	} {
		tests[name] = op(o)
	}
}

func isBool(v Value) bool { _, ok := v.(bool); return ok }
func isText(v Value) bool { _, ok := v.(text); return ok }

func isMapping(v Value) bool { _, ok := v.(*dict); return ok }

func isIterable(v Value) bool {
	switch v := v.(type) {
	case text, *list, *dict, *undefined, *generator, *rangeValue, *view:
		return true
	case *object:
		return v.iter != nil
	}
	return false
}

// isCallable follows Python, where an undefined value has a method for being called.
func isCallable(v Value) bool {
	switch v := v.(type) {
	case *function, *undefined:
		return true
	case *object:
		return v.call != nil
	}
	return false
}

// testSequence is sequence: what has a length and items.
func testSequence(r *run, v Value, a args) bool {
	a.none(r)
	switch v.(type) {
	case text, *list, *dict, *rangeValue, *undefined:
		return true
	}
	return false
}

// testSameAs is sameas(other): the same object. Small values are the same if they are equal.
func testSameAs(r *run, v Value, a args) bool {
	other := a.bind(r, "sameas", 1, "other")[0]
	if t, ok := v.(text); ok {
		o, ok := other.(text)
		return ok && t.s == o.s
	}
	if isNone(v) {
		return isNone(other)
	}
	return v == other
}

func testIn(r *run, v Value, a args) bool { return r.contains(a.bind(r, "in", 1, "seq")[0], v) }

func testFilter(r *run, v Value, a args) bool {
	a.none(r)
	t, ok := v.(text)
	return ok && filters[t.s] != nil
}

func testTest(r *run, v Value, a args) bool {
	a.none(r)
	t, ok := v.(text)
	return ok && tests[t.s] != nil
}

func testRemainder(n, want int64) testFunc {
	return func(r *run, v Value, a args) bool {
		a.none(r)
		return r.equal(r.arith("%", v, n), want, 0)
	}
}

func testDivisible(r *run, v Value, a args) bool {
	return r.equal(r.arith("%", v, a.bind(r, "divisibleby", 1, "num")[0]), int64(0), 0)
}
