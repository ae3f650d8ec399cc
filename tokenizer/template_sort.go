package tokenizer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplKeyed is an item with the keys that it is ordered by.
type tmplKeyed struct {
	item jinja.Value
	keys []jinja.Value
}

// foldCase returns the key of a value: strings in lower case unless cased.
func (g *tmplGuard) foldCase(v jinja.Value, cased bool) (jinja.Value, error) {
	if cased || !tmplIsStr(v) {
		return v, nil
	}
	s := tmplStr(v)
	if err := g.spend(3 * len(s)); err != nil {
		return v, err
	}
	return jinja.NewString(strings.ToLower(s)), nil
}

// keyed pairs items with their keys: each item itself, or the attributes
// that path lists with commas.
func (g *tmplGuard) keyed(items []jinja.Value, path jinja.Value, cased bool) ([]tmplKeyed, error) {
	paths := []jinja.Value{path}
	if tmplIsStr(path) {
		paths = paths[:0]
		for part := range strings.SplitSeq(tmplStr(path), ",") {
			paths = append(paths, jinja.NewString(part))
		}
	}
	if err := g.items(2 * len(items)); err != nil {
		return nil, err
	}
	out := make([]tmplKeyed, len(items))
	for i := range items {
		out[i].item = items[i]
	}
	for _, path := range paths {
		keys, err := g.attributes(items, path, jinja.Undefined())
		if err != nil {
			return nil, err
		}
		for i, key := range keys {
			if key, err = g.foldCase(key, cased); err != nil {
				return nil, err
			}
			out[i].keys = append(out[i].keys, key)
		}
	}
	return out, nil
}

// sort orders items by their keys, stably, also when reversed.
func (g *tmplGuard) sort(items []tmplKeyed, reverse bool) ([]jinja.Value, error) {
	var failed error
	slices.SortStableFunc(items, func(a, b tmplKeyed) int {
		if failed != nil {
			return 0
		}
		c, err := g.orderKeys(a.keys, b.keys)
		failed = err
		if reverse {
			return -c
		}
		return c
	})
	out := make([]jinja.Value, len(items))
	for i, k := range items {
		out[i] = k.item
	}
	return out, failed
}

// orderKeys compares key by key.
func (g *tmplGuard) orderKeys(a, b []jinja.Value) (int, error) {
	for i := range a {
		c, err := g.order(a[i], b[i], 0)
		if err != nil {
			return 0, err
		}
		if c != 0 && c != tmplUnordered {
			return c, nil
		}
	}
	return 0, nil
}

// tmplSort is sort(reverse=false, case_sensitive=false, attribute=none).
func tmplSort(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("reverse", "case_sensitive", "attribute")
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err != nil {
		return v, err
	}
	keyed, err := g.keyed(items, args[2], args[1].IsTruthy())
	if err != nil {
		return v, err
	}
	out, err := g.sort(keyed, args[0].IsTruthy())
	return jinja.NewList(out), err
}

// tmplDictSort is dictsort(case_sensitive=false, by="key", reverse=false).
func tmplDictSort(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("case_sensitive", "by", "reverse")
	if err != nil {
		return v, err
	}
	if !v.IsDict() {
		return v, tmplEval("dictsort of %v", tmplTypeOf(v))
	}
	at := 0
	if by := args[1]; !by.IsUndefined() {
		name, err := a.strArg(by)
		if err != nil || name != "key" && name != "value" {
			return v, tmplEval("dictsort sorts by key or value")
		}
		at = cmp.Compare(name, "key")
	}
	pairs, err := g.dictItems(v.AsDict())
	if err != nil {
		return v, err
	}
	keyed, err := g.keyed(pairs.AsList().Items, jinja.NewInt(int64(at)), args[0].IsTruthy())
	if err != nil {
		return v, err
	}
	out, err := g.sort(keyed, args[2].IsTruthy())
	return jinja.NewList(out), err
}

// tmplUnique is unique(case_sensitive=false, attribute=none).
func tmplUnique(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("case_sensitive", "attribute")
	if err != nil {
		return v, err
	}
	items, err := g.iterate(v)
	if err != nil {
		return v, err
	}
	keyed, err := g.keyed(items, args[1], args[0].IsTruthy())
	if err != nil {
		return v, err
	}
	var out, seen []jinja.Value
	for _, k := range keyed {
		old, err := g.contains(jinja.NewList(seen), k.keys[0])
		if err != nil {
			return v, err
		}
		if !old {
			out, seen = append(out, k.item), append(seen, k.keys[0])
		}
	}
	return tmplGenerate(out), nil
}

// tmplExtreme returns min (sign -1) or max (+1) with the arguments
// case_sensitive=false, attribute=none.
func tmplExtreme(sign int) tmplFilter {
	return func(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
		args, err := a.bind("case_sensitive", "attribute")
		if err != nil {
			return v, err
		}
		items, err := g.iterate(v)
		if err != nil {
			return v, err
		}
		keyed, err := g.keyed(items, args[1], args[0].IsTruthy())
		if err != nil || len(keyed) == 0 {
			return jinja.Undefined(), err
		}
		best := keyed[0]
		for _, k := range keyed[1:] {
			c, err := g.orderKeys(k.keys, best.keys)
			if err != nil {
				return v, err
			}
			if c == sign {
				best = k
			}
		}
		return best.item, nil
	}
}
