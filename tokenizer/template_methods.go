package tokenizer

import (
	"slices"

	"github.com/ardanlabs/jinja"
)

// The methods of Python's list and dict that templates use. Those that change
// their object work, although the sandbox of transformers refuses them:
// published templates (Kimi K2) need them, other engines allow them, and the
// conversation that they can reach is a copy.
var tmplListMethods, tmplDictMethods map[string]tmplMethodFunc

func init() {
	tmplListMethods = map[string]tmplMethodFunc{
		"append": tmplListAppend, "extend": tmplListExtend, "insert": tmplListInsert,
		"pop": tmplListPop, "index": tmplListIndex, "count": tmplListCount,
		"copy": tmplCopy, "reverse": tmplListReverse, "clear": tmplClear,
	}
	tmplDictMethods = map[string]tmplMethodFunc{
		"get": tmplDictGet, "items": tmplDictItems, "keys": tmplDictKeys,
		"values": tmplDictValues, "pop": tmplDictPop, "update": tmplDictUpdate,
		"setdefault": tmplDictSetDefault, "copy": tmplCopy, "clear": tmplClear,
	}
}

// tmplListAppend is list.append(object).
func tmplListAppend(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("object")
	if err == nil {
		err = g.items(1)
	}
	if err == nil {
		v.AsList().Append(args[0])
	}
	return jinja.None(), err
}

// tmplListExtend is list.extend(iterable); a list may extend itself.
func tmplListExtend(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("iterable")
	if err != nil {
		return jinja.None(), err
	}
	items, err := g.iterate(args[0])
	if err == nil {
		err = g.items(len(items))
	}
	if err == nil {
		v.AsList().Items = append(v.AsList().Items, items...)
	}
	return jinja.None(), err
}

// tmplListInsert is list.insert(index, object), an index beyond an end meaning
// that end.
func tmplListInsert(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("index", "object")
	if err != nil {
		return jinja.None(), err
	}
	i, err := tmplIndex(args[0])
	l := v.AsList()
	if err == nil {
		err = g.items(l.Len() + 1)
	}
	if err != nil {
		return jinja.None(), err
	}
	if i < 0 {
		i += l.Len()
	}
	l.Items = slices.Insert(slices.Clone(l.Items), min(max(i, 0), l.Len()), args[1])
	return jinja.None(), nil
}

// tmplListPop removes an item, the last by default. The list gets new
// storage, so that a loop over the old items is not disturbed.
func tmplListPop(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("index")
	if err != nil {
		return jinja.Undefined(), err
	}
	l, i := v.AsList(), -1
	if !args[0].IsUndefined() {
		if i, err = tmplIndex(args[0]); err != nil {
			return jinja.Undefined(), err
		}
	}
	if i < 0 {
		i += l.Len()
	}
	if i < 0 || i >= l.Len() {
		return jinja.Undefined(), tmplEval("pop index out of range")
	}
	item := l.Items[i]
	if i == l.Len()-1 {
		l.Items = l.Items[:i:i]
		return item, nil
	}
	if err := g.items(l.Len()); err != nil {
		return jinja.Undefined(), err
	}
	l.Items = slices.Delete(slices.Clone(l.Items), i, i+1)
	return item, nil
}

// tmplListIndex is list.index(value), an error if no item is equal.
func tmplListIndex(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("value")
	if err != nil {
		return jinja.Undefined(), err
	}
	for i, item := range v.AsList().Items {
		if eq, err := g.equal(item, args[0], 0); err != nil || eq {
			return jinja.NewInt(int64(i)), err
		}
	}
	return jinja.Undefined(), tmplEval("value is not in the list")
}

// tmplListCount is list.count(value).
func tmplListCount(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	args, err := a.bind("value")
	if err != nil {
		return jinja.Undefined(), err
	}
	n := int64(0)
	for _, item := range v.AsList().Items {
		eq, err := g.equal(item, args[0], 0)
		if err != nil {
			return jinja.Undefined(), err
		}
		if eq {
			n++
		}
	}
	return jinja.NewInt(n), nil
}

// tmplListReverse is list.reverse(), in place.
func tmplListReverse(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	l := v.AsList()
	if err := g.items(l.Len()); err != nil {
		return jinja.None(), err
	}
	l.Items = slices.Clone(l.Items)
	slices.Reverse(l.Items)
	return jinja.None(), nil
}

// tmplCopy is the shallow copy of a list or dict.
func tmplCopy(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if v.IsList() {
		return g.addList(v.AsList().Items, nil)
	}
	d := jinja.NewDict()
	return d, g.merge(d.AsDict(), v)
}

// tmplClear empties a list or dict.
func tmplClear(_ *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	if v.IsList() {
		v.AsList().Items = nil
	} else {
		*v.AsDict() = *jinja.NewDict().AsDict()
	}
	return jinja.None(), nil
}

// tmplDictKey binds (key, default) and looks the key up.
func tmplDictKey(g *tmplGuard, v jinja.Value, a tmplArgs) (item, def jinja.Value, name string, err error) {
	args, err := a.bind("key", "default")
	if err == nil {
		err = g.scanned(args[0])
	}
	if err != nil {
		return jinja.Undefined(), jinja.Undefined(), "", err
	}
	name, ok := tmplKeyOf(args[0])
	if !ok {
		return item, args[1], name, tmplEval("%v cannot be the key of a dict", tmplTypeOf(args[0]))
	}
	item, _ = v.AsDict().Get(name)
	return item, args[1], name, nil
}

// tmplDictGet is dict.get(key, default=none).
func tmplDictGet(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	item, def, name, err := tmplDictKey(g, v, a)
	if err != nil || v.AsDict().Has(name) {
		return item, err
	}
	if len(a.pos)+len(a.names) < 2 {
		def = jinja.None()
	}
	return def, nil
}

// tmplDictSetDefault is dict.setdefault(key, default=none).
func tmplDictSetDefault(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	item, def, name, err := tmplDictKey(g, v, a)
	if err != nil || v.AsDict().Has(name) {
		return item, err
	}
	if def.IsUndefined() {
		def = jinja.None()
	}
	v.AsDict().Set(name, def)
	return def, g.items(4)
}

// tmplDictPop is dict.pop(key[, default]), an error if neither is there.
func tmplDictPop(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	item, def, name, err := tmplDictKey(g, v, a)
	d := v.AsDict()
	if err == nil && !d.Has(name) && len(a.pos)+len(a.names) < 2 {
		err = tmplEval("pop of a missing key %.40q", name)
	}
	if err != nil || !d.Has(name) {
		return def, err
	}
	delete(d.Data, name)
	d.Keys = slices.DeleteFunc(slices.Clone(d.Keys), func(k string) bool { return k == name })
	return item, g.items(len(d.Keys))
}

// tmplDictUpdate is dict.update([other], **named).
func tmplDictUpdate(g *tmplGuard, v jinja.Value, a tmplArgs) (jinja.Value, error) {
	return jinja.None(), g.fill(v.AsDict(), a)
}

// dictItems returns the [key, value] pairs of a dict.
func (g *tmplGuard) dictItems(d *jinja.Dict) (jinja.Value, error) {
	if err := g.items(4 * d.Len()); err != nil {
		return jinja.Undefined(), err
	}
	items := make([]jinja.Value, 0, d.Len())
	for _, key := range d.Keys {
		items = append(items, g.tuple(tmplKeyValue(key), d.Data[key]))
	}
	return jinja.NewList(items), nil
}

// tmplDictItems is dict.items(); unlike Python's it does not follow changes.
func tmplDictItems(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	return g.dictItems(v.AsDict())
}

// tmplDictKeys is dict.keys().
func tmplDictKeys(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	items, err := g.iterate(v)
	return jinja.NewList(items), err
}

// tmplDictValues is dict.values().
func tmplDictValues(g *tmplGuard, v jinja.Value, _ tmplArgs) (jinja.Value, error) {
	d := v.AsDict()
	if err := g.items(d.Len()); err != nil {
		return jinja.Undefined(), err
	}
	items := make([]jinja.Value, 0, d.Len())
	for _, key := range d.Keys {
		items = append(items, d.Data[key])
	}
	return jinja.NewList(items), nil
}
