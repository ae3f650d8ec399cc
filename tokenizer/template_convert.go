package tokenizer

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
)

// tmplValue turns a value of a Field into a template's value. The result
// shares nothing with v that a template could change.
func tmplValue(v any, depth int) (jinja.Value, error) {
	if depth > messageMaxDepth {
		return jinja.Undefined(), fmt.Errorf("%w: nested deeper than %d", ErrConversation, messageMaxDepth)
	}
	switch v := v.(type) {
	case nil:
		return jinja.None(), nil
	case bool:
		return jinja.NewBool(v), nil
	case string:
		return jinja.NewString(v), nil
	case int:
		return jinja.NewInt(int64(v)), nil
	case int64:
		return jinja.NewInt(v), nil
	case float64:
		return jinja.NewFloat(v), nil
	case json.Number:
		return tmplNumberValue(v)
	case Object:
		return tmplObjectValue(v, depth)
	case Message:
		return tmplObjectValue(v.Object, depth)
	case []any:
		return tmplListValue(v, depth)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return jinja.Undefined(), fmt.Errorf("%w: %w", ErrConversation, err)
	}
	plain, err := decodeOrdered(data)
	if err != nil {
		return jinja.Undefined(), err
	}
	return tmplValue(plain, depth+1)
}

// tmplNumberValue reads a number as Python's json does: an integer of any
// size unless there is a fraction or an exponent.
func tmplNumberValue(n json.Number) (jinja.Value, error) {
	s := n.String()
	if !strings.ContainsAny(s, ".eE") && len(s) <= tmplMaxDigits {
		if i, ok := new(big.Int).SetString(s, 10); ok {
			return tmplInt(i), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 || !strings.ContainsAny(s, ".eE") {
		return jinja.Undefined(), fmt.Errorf("%w: number %.40q", ErrConversation, s)
	}
	return jinja.NewFloat(f), nil
}

// tmplObjectValue turns an object into a dict with the same order.
func tmplObjectValue(o Object, depth int) (jinja.Value, error) {
	d := jinja.NewDict()
	for _, f := range o.fields {
		item, err := tmplValue(f.Value, depth+1)
		if err != nil {
			return d, err
		}
		d.AsDict().Set(tmplStrKey(f.Name), item)
	}
	return d, nil
}

// tmplListValue turns a list into one of its own.
func tmplListValue(list []any, depth int) (jinja.Value, error) {
	items := make([]jinja.Value, len(list))
	for i, item := range list {
		var err error
		if items[i], err = tmplValue(item, depth+1); err != nil {
			return jinja.Undefined(), err
		}
	}
	return jinja.NewList(items), nil
}
