package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// dict is a dict: it keeps the order in which keys came.
type dict struct {
	entries []entry
	index   map[key]int // place of each key; nil for short dicts, which are searched
}

type entry struct {
	k     key
	name  Value // the key as it was given
	value Value
}

// dictShort is the greatest length of a dict without an index.
const dictShort = 8

// key is what a dict's key is compared by. Numbers that are equal have the same key, as in Python.
type key struct {
	kind byte
	s    string
	n    uint64
}

// keyOf returns the key of a value; false if it cannot be one (lists, dicts, functions).
func keyOf(v Value) (key, bool) {
	switch v := v.(type) {
	case text:
		return key{kind: 's', s: v.s}, true
	case bool:
		if v {
			return key{kind: 'i', n: 1}, true
		}
		return key{kind: 'i'}, true
	case int64:
		return key{kind: 'i', n: uint64(v)}, true
	case *big.Int:
		return key{kind: 'b', s: v.String()}, true
	case float64:
		return floatKey(v), true
	case none:
		return key{kind: 'n'}, true
	case *undefined:
		return key{kind: 'u'}, true
	case *list:
		if v.tuple {
			return tupleKey(v)
		}
	case *rangeValue:
		return key{kind: 'r', s: rangeKey(v)}, true
	case *function, *object, *namespace, *generator:
		return key{kind: 'o', s: fmt.Sprintf("%p", v)}, true
	}
	return key{}, false
}

func floatKey(f float64) key {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return key{kind: 'i', n: uint64(int64(f))}
	}
	return key{kind: 'f', n: math.Float64bits(f)}
}

// rangeKey is the same for ranges with the same items.
func rangeKey(v *rangeValue) string {
	switch v.n {
	case 0:
		return ""
	case 1:
		return fmt.Sprint(v.start)
	}
	return fmt.Sprint(v.n, v.start, v.step)
}

func tupleKey(l *list) (key, bool) {
	var b strings.Builder
	for _, item := range l.items {
		k, ok := keyOf(item)
		if !ok {
			return key{}, false
		}
		b.WriteByte(k.kind)
		b.WriteString(strconv.FormatUint(k.n, 16))
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(len(k.s)))
		b.WriteByte(' ')
		b.WriteString(k.s)
	}
	return key{kind: 't', s: b.String()}, true
}

func (d *dict) len() int { return len(d.entries) }

// find returns the place of a key, or -1.
func (d *dict) find(k key) int {
	if d.index != nil {
		if i, ok := d.index[k]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].k == k {
			return i
		}
	}
	return -1
}

// named returns the value of a key that is a string.
func (d *dict) named(name string) (Value, bool) {
	if i := d.find(key{kind: 's', s: name}); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// set puts a value under a key; one that is there keeps its place.
func (d *dict) set(k key, name, v Value) {
	if i := d.find(k); i >= 0 {
		d.entries[i].value = v
		return
	}
	d.entries = append(d.entries, entry{k, name, v})
	if d.index != nil {
		d.index[k] = len(d.entries) - 1
	} else if len(d.entries) > dictShort {
		d.reindex()
	}
}

func (d *dict) setNamed(name string, v Value) { d.set(key{kind: 's', s: name}, own(name), v) }

// remove takes out the entry at i. The entries get new storage, so that a loop over the old ones is not disturbed.
func (d *dict) remove(i int) {
	old := d.entries
	d.entries = append(append(make([]entry, 0, len(old)), old[:i]...), old[i+1:]...)
	d.index = nil
	if len(d.entries) > dictShort {
		d.reindex()
	}
}

func (d *dict) reindex() {
	d.index = make(map[key]int, 2*len(d.entries))
	for i := range d.entries {
		d.index[d.entries[i].k] = i
	}
}

// put is set for any value as a key, which must be one.
func (r *run) put(d *dict, name, v Value) {
	d.set(r.key(name), name, v)
}

// key returns the key of a value and charges for it.
func (r *run) key(v Value) key {
	if t, ok := v.(text); ok {
		r.scan(len(t.s))
	}
	k, ok := keyOf(v)
	if !ok {
		r.fail("unhashable type: '%s'", typeName(v))
	}
	return k
}

// newDict charges for a dict of n entries and returns it empty.
func (r *run) newDict(n int) *dict {
	r.items(3*n + 2)
	return &dict{entries: make([]entry, 0, n)}
}
