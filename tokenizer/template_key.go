package tokenizer

import (
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplKeyMark starts the keys of a dict that do not stand for themselves. The
// library's dicts have string keys; Python's may be numbers, bools or none.
// Behind the mark come "s" and a string that starts with the mark itself, "i"
// and an integer, "f" and a float, "b" and a bool, or "n" for none.
const tmplKeyMark = "\x00k"

// tmplStrKey returns the key for a string.
func tmplStrKey(s string) string {
	if strings.HasPrefix(s, tmplKeyMark) {
		return tmplKeyMark + "s" + s
	}
	return s
}

// tmplKeyOf returns the key for a value; ok is false for one that cannot be a
// key. Equal numbers have equal keys, except that a bool is apart from 0 and 1.
func tmplKeyOf(v jinja.Value) (key string, ok bool) {
	switch tmplTypeOf(v) {
	case tmplString:
		return tmplStrKey(tmplStr(v)), true
	case tmplInteger:
		return tmplKeyMark + "i" + tmplBig(v).String(), true
	case tmplFloat:
		f := v.AsFloat()
		if n := tmplTruncInt(f, jinja.None()); !n.IsNone() && tmplFloatOf(n) == f {
			return tmplKeyOf(n)
		}
		return tmplKeyMark + "f" + strconv.FormatFloat(f, 'g', -1, 64), true
	case tmplBool:
		return tmplKeyMark + "b" + strconv.FormatBool(v.AsBool()), true
	case tmplNone:
		return tmplKeyMark + "n", true
	}
	return "", false
}

// tmplKeyValue returns the value that a key stands for.
func tmplKeyValue(key string) jinja.Value {
	rest, ok := strings.CutPrefix(key, tmplKeyMark)
	if !ok || rest == "" {
		return jinja.NewString(key)
	}
	text := rest[1:]
	switch rest[0] {
	case 's':
		return jinja.NewString(text)
	case 'i':
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return jinja.NewInt(n)
		}
		return tmplCarrier(tmplMarkBig, text)
	case 'f':
		f, _ := strconv.ParseFloat(text, 64)
		return jinja.NewFloat(f)
	case 'b':
		return jinja.NewBool(text == "true")
	}
	return jinja.None()
}

// tmplJSONKey returns the text of a key in JSON, where all are strings.
func tmplJSONKey(key string) string {
	v := tmplKeyValue(key)
	switch tmplTypeOf(v) {
	case tmplString:
		return tmplStr(v)
	case tmplNone:
		return "null"
	case tmplBool:
		return strconv.FormatBool(v.AsBool())
	case tmplFloat:
		return tmplJSONFloat(v.AsFloat())
	}
	return tmplBig(v).String()
}
