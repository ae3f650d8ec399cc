package jinja

import "slices"

// The methods of list and dict that change their value work, although the sandbox of transformers refuses them:
// published templates (Kimi K2) need them, other engines allow them, and what they can reach is a copy.
var listMethods, tupleMethods, dictMethods, rangeMethods map[string]methodFunc

func init() {
	listMethods = map[string]methodFunc{
		"append": listAppend, "extend": listExtend, "insert": listInsert, "pop": listPop, "remove": listRemove,
		"reverse": listReverse, "clear": listClear, "copy": listCopy, "index": listIndex, "count": listCount, "sort": listSort,
	}
	tupleMethods = map[string]methodFunc{"index": listIndex, "count": listCount}
	rangeMethods = map[string]methodFunc{"index": rangeIndex, "count": rangeCount}
	dictMethods = map[string]methodFunc{
		"get": dictGet, "items": dictView("dict_items"), "keys": dictView("dict_keys"), "values": dictView("dict_values"),
		"pop": dictPop, "popitem": dictPopItem, "update": dictUpdate, "setdefault": dictSetDefault, "copy": dictCopy,
		"clear": dictClear,
	}
}

func listAppend(r *run, v Value, a args) Value {
	r.items(1)
	l := v.(*list)
	l.items = append(l.items, a.bind(r, "append", 1, "object")[0])
	return none{}
}

// listExtend is extend(iterable); a list may extend itself.
func listExtend(r *run, v Value, a args) Value {
	items := r.iterate(a.bind(r, "extend", 1, "iterable")[0])
	r.items(len(items))
	l := v.(*list)
	l.items = append(l.items, items...)
	return none{}
}

// listInsert is insert(index, object); an index beyond an end means that end.
func listInsert(r *run, v Value, a args) Value {
	b := a.bind(r, "insert", 2, "index", "object")
	l, i := v.(*list), r.index(b[0])
	r.items(len(l.items) + 1)
	if i < 0 {
		i += len(l.items)
	}
	l.items = slices.Insert(slices.Clone(l.items), min(max(i, 0), len(l.items)), b[1])
	return none{}
}

// drop removes an item. The list gets new storage, so that a loop over the old items is not disturbed.
func (r *run) drop(l *list, i int) Value {
	item := l.items[i]
	if i == len(l.items)-1 {
		l.items = l.items[:i:i]
		return item
	}
	r.items(len(l.items))
	l.items = slices.Delete(slices.Clone(l.items), i, i+1)
	return item
}

func listPop(r *run, v Value, a args) Value {
	l := v.(*list)
	i, ok := place(r.integer(a.bind(r, "pop", 0, "index")[0], -1), len(l.items))
	if !ok {
		r.fail("pop index out of range")
	}
	return r.drop(l, i)
}

func listRemove(r *run, v Value, a args) Value {
	l := v.(*list)
	i := r.indexIn(l.items, a.bind(r, "remove", 1, "value")[0])
	if i < 0 {
		r.fail("list.remove(x): x not in list")
	}
	r.drop(l, i)
	return none{}
}

func listReverse(r *run, v Value, a args) Value {
	a.none(r)
	l := v.(*list)
	r.items(len(l.items))
	l.items = slices.Clone(l.items)
	slices.Reverse(l.items)
	return none{}
}

func listSort(r *run, v Value, a args) Value {
	if len(a.pos) > 0 {
		r.fail("sort takes no positional arguments")
	}
	b := a.bind(r, "sort", 0, "reverse")
	l := v.(*list)
	l.items = r.sorted(r.keyed(l.items, nil, true), false, b[0] != nil && r.truth(b[0]))
	return none{}
}

func listClear(r *run, v Value, a args) Value {
	a.none(r)
	v.(*list).items = nil
	return none{}
}

func listCopy(r *run, v Value, a args) Value {
	a.none(r)
	r.items(len(v.(*list).items))
	return newList(slices.Clone(v.(*list).items))
}

// listIndex is index(value, start, stop).
func listIndex(r *run, v Value, a args) Value {
	b := a.bind(r, "index", 1, "value", "start", "stop")
	items := v.(*list).items
	clamp := func(v Value, def int) int {
		i := r.integer(v, def)
		if i < 0 {
			i += len(items)
		}
		return min(max(i, 0), len(items))
	}
	lo, hi := clamp(b[1], 0), clamp(b[2], len(items))
	i := -1
	if lo < hi {
		i = r.indexIn(items[lo:hi], b[0])
	}
	if i < 0 {
		r.fail("value is not in list")
	}
	return int64(lo + i)
}

func listCount(r *run, v Value, a args) Value {
	x := a.bind(r, "count", 1, "value")[0]
	n := int64(0)
	for _, item := range v.(*list).items {
		r.step(1)
		if r.equal(item, x, 0) {
			n++
		}
	}
	return n
}

func rangeIndex(r *run, v Value, a args) Value {
	i := v.(*rangeValue).find(a.bind(r, "index", 1, "value")[0])
	if i < 0 {
		r.fail("value is not in range")
	}
	return i
}

func rangeCount(r *run, v Value, a args) Value {
	if v.(*rangeValue).find(a.bind(r, "count", 1, "value")[0]) < 0 {
		return int64(0)
	}
	return int64(1)
}

// dictGet is get(key, default=None).
func dictGet(r *run, v Value, a args) Value {
	b := a.bind(r, "get", 1, "key", "default")
	d := v.(*dict)
	if i := d.find(r.key(b[0])); i >= 0 {
		return d.entries[i].value
	}
	return orNone(b[1])
}

func orNone(v Value) Value {
	if v == nil {
		return none{}
	}
	return v
}

func dictView(kind string) methodFunc {
	return func(r *run, v Value, a args) Value {
		a.none(r)
		return &view{v.(*dict), kind}
	}
}

func dictPop(r *run, v Value, a args) Value {
	b := a.bind(r, "pop", 1, "key", "default")
	d := v.(*dict)
	i := d.find(r.key(b[0]))
	if i < 0 {
		if b[1] == nil {
			r.fail("pop of a key that is not there")
		}
		return b[1]
	}
	item := d.entries[i].value
	r.items(3 * d.len())
	d.remove(i)
	return item
}

func dictPopItem(r *run, v Value, a args) Value {
	a.none(r)
	d := v.(*dict)
	if d.len() == 0 {
		r.fail("popitem(): dictionary is empty")
	}
	e := d.entries[d.len()-1]
	r.items(3 * d.len())
	d.remove(d.len() - 1)
	return newTuple(e.name, e.value)
}

func dictUpdate(r *run, v Value, a args) Value {
	r.fill(v.(*dict), a, "update")
	return none{}
}

func dictSetDefault(r *run, v Value, a args) Value {
	b := a.bind(r, "setdefault", 1, "key", "default")
	d, k := v.(*dict), r.key(b[0])
	if i := d.find(k); i >= 0 {
		return d.entries[i].value
	}
	r.items(3)
	d.set(k, b[0], orNone(b[1]))
	return orNone(b[1])
}

func dictCopy(r *run, v Value, a args) Value {
	a.none(r)
	d := r.newDict(v.(*dict).len())
	for _, e := range v.(*dict).entries {
		d.set(e.k, e.name, e.value)
	}
	return d
}

func dictClear(r *run, v Value, a args) Value {
	a.none(r)
	*v.(*dict) = dict{}
	return none{}
}
