package jinja

import "math/big"

// CallerText returns a string that came from outside the template; its characters are marked so in the output.
func CallerText(s string) Value { return callerText(s) }

// TemplateText returns a string that counts as written by the template, such as the text of the BOS token.
func TemplateText(s string) Value { return own(s) }

// None returns None.
func None() Value { return none{} }

// MutedNone returns a None for a template that may test it but must not write it: printing it or turning it into JSON
// by itself is an evaluation error.
func MutedNone() Value { return none{mute: true} }

// Bool returns True or False.
func Bool(b bool) Value { return b }

// Int returns an integer. The caller gives n away.
func Int(n *big.Int) Value { return normal(n) }

// Float returns a float.
func Float(f float64) Value { return f }

// List returns a list of values. The caller gives items away.
func List(items []Value) Value { return newList(items) }

// Dict is a dict under construction.
type Dict struct{ d dict }

// NewDict returns an empty dict with room for n entries.
func NewDict(n int) *Dict { return &Dict{dict{entries: make([]entry, 0, n)}} }

// Set puts a value under a key that came from outside the template; a key that is there keeps its place.
func (d *Dict) Set(name string, v Value) {
	d.d.set(key{kind: 's', s: name}, callerText(name), v)
}

// Value returns the dict as a value; Set must not be called after it.
func (d *Dict) Value() Value { return &d.d }
