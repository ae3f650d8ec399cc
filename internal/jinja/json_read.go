package jinja

import (
	"encoding/json"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// filterFromJSON is from_json: the value of a JSON text, as json.loads reads it. Strings are the caller's if any byte
// of the text is.
func filterFromJSON(r *run, v Value, a args) Value {
	a.none(r)
	t := r.string(v, "from_json")
	r.repeat(len(t.s), 16)
	dec := json.NewDecoder(strings.NewReader(t.s))
	dec.UseNumber()
	d := jsonReader{r, dec, t}
	out := d.value(0)
	if _, err := dec.Token(); err != io.EOF {
		r.fail("from_json: more text behind the JSON value")
	}
	return out
}

type jsonReader struct {
	r   *run
	dec *json.Decoder
	src text
}

func (d jsonReader) token() json.Token {
	d.r.step(8)
	tok, err := d.dec.Token()
	if err != nil {
		d.r.fail("from_json: %v", err)
	}
	return tok
}

func (d jsonReader) value(depth int) Value {
	d.r.nest(depth)
	switch tok := d.token().(type) {
	case string:
		return d.src.like(tok)
	case json.Number:
		return d.r.number(tok.String())
	case bool:
		return tok
	case json.Delim:
		if tok == '[' {
			return d.list(depth)
		}
		return d.dict(depth)
	}
	return none{}
}

func (d jsonReader) list(depth int) Value {
	l := &list{}
	for d.dec.More() {
		d.r.items(1)
		l.items = append(l.items, d.value(depth+1))
	}
	d.token()
	return l
}

func (d jsonReader) dict(depth int) Value {
	out := d.r.newDict(0)
	for d.dec.More() {
		name, _ := d.token().(string)
		d.r.items(3)
		d.r.put(out, d.src.like(name), d.value(depth+1))
	}
	d.token()
	return out
}

// number returns the value of a JSON number: an integer without fraction or exponent, else a float.
func (r *run) number(s string) Value {
	if v, ok := ParseNumber(s); ok {
		return v
	}
	r.fail("bad number %.40q", s)
	return nil
}

// ParseNumber returns the value of a number in JSON's form: an integer of any size, or a float if it has a fraction or
// an exponent. False for other text, and for integers of more than 4,300 digits.
func ParseNumber(s string) (Value, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	if !strings.ContainsAny(s, ".eE") {
		n, ok := new(big.Int), len(s) <= maxDigits
		if ok {
			n, ok = n.SetString(s, 10)
		}
		return n, ok
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || f != 0 // an overflow is infinite, as in Python
}
