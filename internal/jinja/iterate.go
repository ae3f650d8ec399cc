package jinja

import "unicode/utf8"

// iterator returns the items of a value: a list of them, then, if more is not nil, those that it gives until it is
// false. Changes of the list do not change items.
func (r *run) iterator(v Value) (items []Value, more func() (Value, bool)) {
	switch v := v.(type) {
	case *list:
		return v.items[:len(v.items):len(v.items)], nil
	case *undefined:
		return nil, nil
	case *generator:
		return nil, v.next
	case *object:
		if v.iter != nil {
			return nil, v.iter(r).next
		}
	case *dict:
		return r.viewItems(&view{v, "dict_keys"}), nil
	case *view:
		return r.viewItems(v), nil
	case *rangeValue:
		r.items(int(v.n))
		items = make([]Value, v.n)
		for i := range items {
			items[i] = v.at(int64(i))
		}
		return items, nil
	case text:
		return r.chars(v), nil
	}
	r.fail("'%s' object is not iterable", typeName(v))
	return nil, nil
}

// iterate returns all items of a value. The caller must not change them.
func (r *run) iterate(v Value) []Value {
	items, more := r.iterator(v)
	for more != nil {
		item, ok := more()
		if !ok {
			break
		}
		r.items(1)
		items = append(items, item)
	}
	return items
}

// viewItems returns keys, values or pairs of a dict.
func (r *run) viewItems(v *view) []Value {
	r.items(v.of.len())
	items := make([]Value, v.of.len())
	if v.kind == "dict_items" {
		r.items(3 * v.of.len())
	}
	for i, e := range v.of.entries {
		switch v.kind {
		case "dict_keys":
			items[i] = e.name
		case "dict_values":
			items[i] = e.value
		default:
			items[i] = newTuple(e.name, e.value)
		}
	}
	return items
}

// chars returns the characters of a text, which lose its mark as HTML.
func (r *run) chars(t text) []Value {
	t.html = false
	n := t.runes()
	r.items(2 * n)
	items := make([]Value, 0, n)
	for i := 0; i < len(t.s); {
		_, size := utf8.DecodeRuneInString(t.s[i:])
		items = append(items, t.cut(i, i+size))
		i += size
	}
	return items
}

// generate returns a generator.
func generate(name string, next func() (Value, bool)) *generator {
	return &generator{name: name, next: next}
}

// lazily returns a generator that calls start when the first item is asked for.
func lazily(name string, start func() func() (Value, bool)) *generator {
	var next func() (Value, bool)
	return generate(name, func() (Value, bool) {
		if next == nil {
			next = start()
		}
		return next()
	})
}

// puller returns the items of a value one by one.
func (r *run) puller(v Value) func() (Value, bool) {
	items, more := r.iterator(v)
	at := 0
	return func() (Value, bool) {
		if at < len(items) {
			at++
			r.step(1)
			return items[at-1], true
		}
		if more == nil {
			return nil, false
		}
		return more()
	}
}

// giver returns items one by one.
func giver(items []Value) func() (Value, bool) {
	at := 0
	return func() (Value, bool) {
		if at == len(items) {
			return nil, false
		}
		at++
		return items[at-1], true
	}
}
