package jinja

// filterFunc is a filter: its value, then its arguments.
type filterFunc func(r *run, v Value, a args) Value

// filters are Jinja2's filters by name, and from_json. urlize and random are errors: one is for web pages, and a
// rendering has to be the same each time.
var filters map[string]filterFunc

func init() {
	filters = map[string]filterFunc{
		"tojson": filterToJSON, "from_json": filterFromJSON, "items": filterItems, "default": filterDefault, "d": filterDefault,
		"string": filterString, "safe": filterSafe, "escape": textFilter((*run).escaped), "e": textFilter((*run).escaped),
		"forceescape": filterForceEscape, "striptags": filterStripTags, "xmlattr": filterXMLAttr, "urlencode": filterURLEncode,
		"trim": filterTrim, "replace": filterReplace, "indent": filterIndent, "truncate": filterTruncate,
		"wordwrap": filterWordWrap, "wordcount": filterWordCount, "center": filterCenter, "format": filterFormat,
		"upper": textFilter((*run).upper), "lower": textFilter((*run).lower),
		"capitalize": textFilter((*run).capitalized), "title": filterTitle,
		"int": filterInt, "float": filterFloat, "abs": filterAbs, "round": filterRound,
		"filesizeformat": filterFileSizeFormat, "pprint": filterPPrint,
		"length": filterLength, "count": filterLength, "attr": filterAttr,

		"list": filterList, "first": filterFirst, "last": filterLast, "reverse": filterReverse, "join": filterJoin,
		"sum": filterSum, "min": filterExtreme(-1), "max": filterExtreme(1), "sort": filterSort,
		"dictsort": filterDictSort, "unique": filterUnique, "groupby": filterGroupBy, "map": filterMap,
		"batch": filterBatch, "slice": filterSlice,
		"select": filterSelect(false, true), "reject": filterSelect(false, false),
		"selectattr": filterSelect(true, true), "rejectattr": filterSelect(true, false),

		"urlize": filterRefused("urlize"), "random": filterRefused("random"),
	}
}

func filterRefused(name string) filterFunc {
	return func(r *run, _ Value, _ args) Value {
		r.fail("the filter %s is not supported in chat templates", name)
		return nil
	}
}

// filterItems is items: the pairs of a dict, nothing for undefined.
func filterItems(r *run, v Value, a args) Value {
	a.none(r)
	return lazily("do_items", func() func() (Value, bool) {
		if isUndefined(v) {
			return giver(nil)
		}
		d, ok := v.(*dict)
		if !ok {
			r.fail("Can only get item pairs from a mapping, not from %s", typeName(v))
		}
		return giver(r.viewItems(&view{d, "dict_items"}))
	})
}

// filterDefault is default(default_value="", boolean=False): the other value if this one is undefined or, with boolean,
// false in any way.
func filterDefault(r *run, v Value, a args) Value {
	b := a.bind(r, "default", 0, "default_value", "boolean")
	if !isUndefined(v) && (b[1] == nil || !r.truth(b[1]) || r.truth(v)) {
		return v
	}
	if b[0] == nil {
		return text{}
	}
	return b[0]
}

// filterLength is length, or count.
func filterLength(r *run, v Value, a args) Value {
	a.none(r)
	n, ok := r.length(v)
	if !ok {
		r.fail("object of type '%s' has no len()", typeName(v))
	}
	return int64(n)
}

// filterAttr is attr(name): an attribute or method, never the item of a dict.
func filterAttr(r *run, v Value, a args) Value {
	name := r.string(a.bind(r, "attr", 1, "name")[0], "attr").s
	if f := r.attribute(v, name); f != nil {
		return f
	}
	return r.missing(v, name)
}

// filterPPrint is pprint, which breaks no lines here.
func filterPPrint(r *run, v Value, a args) Value {
	a.none(r)
	return r.strOrRepr('r', v)
}
