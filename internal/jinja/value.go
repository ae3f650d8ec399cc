package jinja

import (
	"math/big"
)

// Value is a value of the language. It is one of
//
//	none                             None
//	bool, int64, *big.Int, float64   numbers; *big.Int only for what no int64 holds
//	text                             str
//	*list, *dict                     list (or tuple), dict
//	*undefined                       a missing variable, attribute or item
//	*generator, *rangeValue, *view   iterables that are not lists
//	*namespace, *function, *object   namespace(…), what can be called, loop and its like
//
// Callers make them by the functions in input.go.
type Value any

// none is None. mute is set for a None that the template may test but not write, see MutedNone.
type none struct{ mute bool }

// list is a list, or a tuple if tuple is set.
type list struct {
	items []Value
	tuple bool
	names []string // attributes by place, for the pairs of groupby
}

// undefined is what a name without a value stands for. It is printed as nothing, and most operations on it fail.
type undefined struct {
	why string // for the message of such a failure: "'x' is undefined"
}

// generator is an iterable that can be gone through once.
type generator struct {
	name string // as Python's repr has it
	next func() (Value, bool)
}

// rangeValue is range(start, stop, step) with n items.
type rangeValue struct{ start, stop, step, n int64 }

// view is what a dict's keys, values and items methods return.
type view struct {
	of   *dict
	kind string // "dict_keys", "dict_values" or "dict_items"
}

// namespace is namespace(…): attributes that can be set from inner scopes.
type namespace struct{ attrs *dict }

// function is what can be called.
type function struct {
	name string
	call func(r *run, a args) Value
	// macro is set for macros, which have attributes.
	macro *macro
}

// object is a value with attributes of its own, such as loop.
type object struct {
	kind string
	attr func(r *run, name string) (Value, bool)
	call func(r *run, a args) Value // nil: cannot be called
	iter func(r *run) *generator    // nil: cannot be iterated over
	size func(r *run) int           // nil: has no length
	repr func(r *run) string        // nil: <kind>
}

// typeName returns Python's name of a value's type, for messages.
func typeName(v Value) string {
	switch v := v.(type) {
	case none:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case text:
		if v.html {
			return "Markup"
		}
		return "str"
	case *list:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *dict:
		return "dict"
	case *undefined:
		return "Undefined"
	case *generator:
		return v.name
	case *rangeValue:
		return "range"
	case *view:
		return v.kind
	case *namespace:
		return "Namespace"
	case *function:
		return "function"
	case *object:
		return v.kind
	}
	return "object"
}

func isNone(v Value) bool {
	_, ok := v.(none)
	return ok
}

func isUndefined(v Value) bool {
	_, ok := v.(*undefined)
	return ok
}

// defined fails for an undefined value, with the reason why it is.
func (r *run) defined(v Value) {
	if u, ok := v.(*undefined); ok {
		r.fail("%s", u.why)
	}
}

// truth returns what a value means as a condition.
func (r *run) truth(v Value) bool {
	switch v := v.(type) {
	case bool:
		return v
	case none, *undefined:
		return false
	case int64:
		return v != 0
	case float64:
		return v != 0
	case text:
		return v.s != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return v.len() > 0
	case *rangeValue:
		return v.n > 0
	case *view:
		return v.of.len() > 0
	case *object:
		return v.size == nil || v.size(r) > 0
	}
	return true // a *big.Int is never 0
}

// length returns the length of a value, false if it has none.
func (r *run) length(v Value) (int, bool) {
	switch v := v.(type) {
	case text:
		r.scan(len(v.s))
		return v.runes(), true
	case *list:
		return len(v.items), true
	case *dict:
		return v.len(), true
	case *undefined:
		return 0, true
	case *rangeValue:
		return int(v.n), true
	case *view:
		return v.of.len(), true
	case *object:
		if v.size != nil {
			return v.size(r), true
		}
	}
	return 0, false
}

// newList returns a list of items that were charged for.
func newList(items []Value) *list { return &list{items: items} }

// newTuple returns a tuple of items that were charged for.
func newTuple(items ...Value) *list { return &list{items: items, tuple: true} }
