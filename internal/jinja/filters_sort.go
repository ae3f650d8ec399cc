package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// getter returns how to get an attribute such as "a.b.0" of an item; the item itself if there is no path. What is
// undefined becomes def unless that is nil or None.
func (r *run) getter(path, def Value) func(Value) Value {
	if path == nil || isNone(path) {
		return func(v Value) Value { return v }
	}
	parts := r.path(path)
	return func(v Value) Value {
		for _, part := range parts {
			r.step(1)
			v = r.item(v, part)
			if isUndefined(v) && def != nil && !isNone(def) {
				v = def
			}
		}
		return v
	}
}

// path takes an attribute's path apart: digits are indices.
func (r *run) path(v Value) []Value {
	t, ok := v.(text)
	if !ok {
		return []Value{v}
	}
	r.items(strings.Count(t.s, ".") + 1)
	var parts []Value
	for s := range strings.SplitSeq(t.s, ".") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && s[0] != '-' && s[0] != '+' {
			parts = append(parts, n)
		} else {
			parts = append(parts, own(s))
		}
	}
	return parts
}

// keyedItem is an item with the keys that it is ordered by.
type keyedItem struct {
	item Value
	keys []Value
}

// folded returns the key of a value: strings in lower case unless cased.
func (r *run) folded(v Value, cased bool) Value {
	if t, ok := v.(text); ok && !cased {
		return r.lower(t)
	}
	return v
}

// keyed pairs items with their keys: each item itself, or the attributes that path lists with commas.
func (r *run) keyed(items []Value, path Value, cased bool) []keyedItem {
	gets := []func(Value) Value{r.getter(path, nil)}
	if t, ok := path.(text); ok && strings.Contains(t.s, ",") {
		gets = gets[:0]
		r.items(strings.Count(t.s, ","))
		for part := range strings.SplitSeq(t.s, ",") {
			gets = append(gets, r.getter(own(part), nil))
		}
	}
	r.items(3 * len(items))
	out := make([]keyedItem, len(items))
	for i, item := range items {
		keys := make([]Value, len(gets))
		for j, get := range gets {
			keys[j] = r.folded(get(item), cased)
		}
		r.items(len(gets))
		out[i] = keyedItem{item, keys}
	}
	return out
}

// sorted orders items by their keys, stably, also when reversed. keys are compared as lists are if they are listed:
// equal ones, such as two undefined values, need no order.
func (r *run) sorted(items []keyedItem, listed, reverse bool) []Value {
	slices.SortStableFunc(items, func(a, b keyedItem) int {
		c := r.orderKeys(a.keys, b.keys, listed)
		if reverse {
			return -c
		}
		return c
	})
	out := make([]Value, len(items))
	for i, k := range items {
		out[i] = k.item
	}
	return out
}

// orderKeys compares key by key.
func (r *run) orderKeys(a, b []Value, listed bool) int {
	for i := range a {
		r.step(1)
		if listed && r.equal(a[i], b[i], 0) {
			continue
		}
		if c, ok := r.order(a[i], b[i], 0, "<"); ok && c != 0 {
			return c
		}
	}
	return 0
}

// filterSort is sort(reverse=False, case_sensitive=False, attribute=None).
func filterSort(r *run, v Value, a args) Value {
	b := a.bind(r, "sort", 0, "reverse", "case_sensitive", "attribute")
	keyed := r.keyed(r.iterate(v), b[2], b[1] != nil && r.truth(b[1]))
	return newList(r.sorted(keyed, true, b[0] != nil && r.truth(b[0])))
}

// filterDictSort is dictsort(case_sensitive=False, by="key", reverse=False).
func filterDictSort(r *run, v Value, a args) Value {
	b := a.bind(r, "dictsort", 0, "case_sensitive", "by", "reverse")
	d, ok := v.(*dict)
	if !ok {
		r.defined(v)
		r.fail("'%s object' has no attribute 'items'", typeName(v))
	}
	at := int64(0)
	if b[1] != nil {
		switch r.string(b[1], "dictsort").s {
		case "key":
		case "value":
			at = 1
		default:
			r.fail(`You can only sort by either "key" or "value"`)
		}
	}
	keyed := r.keyed(r.viewItems(&view{d, "dict_items"}), at, b[0] != nil && r.truth(b[0]))
	return newList(r.sorted(keyed, false, b[2] != nil && r.truth(b[2])))
}

// filterUnique is unique(case_sensitive=False, attribute=None).
func filterUnique(r *run, v Value, a args) Value {
	b := a.bind(r, "unique", 0, "case_sensitive", "attribute")
	get, cased := r.getter(b[1], nil), b[0] != nil && r.truth(b[0])
	return lazily("sync_do_unique", func() func() (Value, bool) {
		seen, next := map[key]bool{}, r.puller(v)
		return func() (Value, bool) {
			for {
				item, ok := next()
				if !ok {
					return nil, false
				}
				k := r.key(r.folded(get(item), cased))
				if !seen[k] {
					r.items(3)
					seen[k] = true
					return item, true
				}
			}
		}
	})
}

// filterExtreme returns min (sign -1) or max (+1) with (case_sensitive=False, attribute=None).
func filterExtreme(sign int) filterFunc {
	return func(r *run, v Value, a args) Value {
		b := a.bind(r, "min", 0, "case_sensitive", "attribute")
		get, cased := r.getter(b[1], nil), b[0] != nil && r.truth(b[0])
		var best, bestKey Value
		for _, item := range r.iterate(v) {
			k := r.folded(get(item), cased)
			if best == nil {
				best, bestKey = item, k
				continue
			}
			r.step(1)
			if c, ok := r.order(k, bestKey, 0, "<"); ok && c*sign > 0 {
				best, bestKey = item, k
			}
		}
		if best == nil {
			return &undefined{"No aggregated item, sequence was empty."}
		}
		return best
	}
}

// filterGroupBy is groupby(attribute, default=None, case_sensitive=False): pairs of an attribute's value and the items
// that have it, in the order of the values.
func filterGroupBy(r *run, v Value, a args) Value {
	b := a.bind(r, "groupby", 1, "attribute", "default", "case_sensitive")
	get, cased := r.getter(b[0], b[1]), b[2] != nil && r.truth(b[2])
	items := r.iterate(v)
	r.items(4 * len(items))
	keyed := make([]keyedItem, len(items))
	for i, item := range items {
		keyed[i] = keyedItem{item, []Value{r.folded(get(item), cased)}}
	}
	sorted := r.sorted(keyed, false, false) // keyed is in order now
	groups := &list{}
	for i := 0; i < len(keyed); {
		n := i + 1
		for n < len(keyed) && r.equal(keyed[i].keys[0], keyed[n].keys[0], 0) {
			r.step(1)
			n++
		}
		group := newTuple(get(sorted[i]), newList(slices.Clone(sorted[i:n])))
		group.names = []string{"grouper", "list"}
		groups.items = append(groups.items, group)
		r.items(4)
		i = n
	}
	return groups
}
