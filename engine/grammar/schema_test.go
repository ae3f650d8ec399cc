package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestNumberBounds: for random bounds, whole numbers or decimals, exactly the numbers within are allowed.
func TestNumberBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	n := 200
	if testing.Short() {
		n = 50
	}
	for range n {
		l := limits{decimals: []int{-1, 0, 1}[r.IntN(3)]}
		var keywords []string
		for _, name := range []string{"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} {
			if r.IntN(2) == 0 {
				at := big.NewRat(int64(r.IntN(4000)-2000), []int64{1, 10, 100, 1000}[r.IntN(4)])
				l.narrow(bound{at, strings.HasPrefix(name, "ex")}, strings.HasSuffix(name, "aximum"))
				keywords = append(keywords, fmt.Sprintf("%q: %s", name, at.FloatString(3)))
			}
		}
		keywords = append(keywords, []string{`"type": "number"`, `"type": "integer"`, `"multipleOf": 0.1`}[l.decimals+1])
		src := "{" + strings.Join(keywords, ", ") + "}"
		g, err := Schema(src, nil)
		if errors.Is(err, ErrEmpty) {
			if l.low != nil && l.high != nil && l.low.at.Cmp(l.high.at) < 0 && l.decimals < 0 {
				t.Errorf("%s: %v", src, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		for k := int64(-2100); k <= 2100; k += 1 + int64(r.IntN(3)) {
			for scale, digits := range map[int64]int{1: 0, 10: 1, 100: 2} {
				x := big.NewRat(k, scale)
				text := x.FloatString(digits)
				want := l.allows(x) && (l.decimals < 0 || digits <= l.decimals) && !strings.HasPrefix(text, "-0.00") && text != "-0.0"
				if got, err := g.Match(text); got != want || err != nil {
					t.Fatalf("%s: %s: %v %v, want %v", src, text, got, err, want)
				}
			}
		}
	}
}

// TestFormats: texts of a format are read by those who read such texts.
func TestFormats(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	parse := map[string]func(string) error{
		"date":      func(s string) error { _, err := time.Parse(time.DateOnly, s); return err },
		"time":      func(s string) error { _, err := time.Parse("15:04:05Z07:00", s); return err },
		"date-time": func(s string) error { _, err := time.Parse(time.RFC3339, s); return err },
		"email":     func(s string) error { _, err := mail.ParseAddress(s); return err },
		"ipv4":      func(s string) error { _, err := netip.ParseAddr(s); return err },
		"ipv6":      func(s string) error { _, err := netip.ParseAddr(s); return err },
		"uri":       func(s string) error { _, err := url.Parse(s); return err },
	}
	for name := range formats {
		g := mustSchema(t, fmt.Sprintf(`{"format": %q}`, name))
		texts := 0
		for range 300 {
			text, ok := randomText(t, g, r)
			if !ok {
				continue
			}
			var s string
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				t.Fatalf("%s: %q: %v", name, text, err)
			}
			if p := parse[name]; p != nil {
				if err := p(s); err != nil {
					t.Errorf("%s: %q: %v", name, s, err)
				}
			}
			texts++
		}
		if texts < 50 {
			t.Errorf("%s: only %d texts", name, texts)
		}
	}
}

// TestFormatExamples: what is usual is allowed, and what is not a text of the format is not.
func TestFormatExamples(t *testing.T) {
	for _, c := range []struct{ format, good, bad string }{
		{"date", "2024-02-29 2023-12-31 2000-02-29", "2023-02-29 1900-02-29 2023-13-01 2023-04-31 23-1-1"},
		{"time", "12:00:00Z 23:59:59.123+05:30", "24:00:00Z 12:00:00 12:60:00Z"},
		{"date-time", "2024-02-29T12:00:00Z", "2024-02-29 2024-02-29t12:00:00"},
		{"duration", "P3D PT5M P1Y2M3DT4H5M6S P2W", "P P3S PT 3D"},
		{"email", "a.b+c@example.co.uk x@localhost", "a@ @b a..b@c a@-b"},
		{"hostname", "example.com a-b.c", "-a a- a..b"},
		{"ipv4", "192.168.0.255 0.0.0.0", "256.1.1.1 1.2.3 01.2.3.4"},
		{"ipv6", "::1 fe80::1:2 1:2:3:4:5:6:7:8 ::", "1:2 1::2::3 12345::"},
		{"uri", "https://example.com:80/a?b=c#d mailto:a@b.c urn:isbn:123", "example.com /a http: a://b|c"},
		{"uuid", "12345678-1234-1234-1234-1234567890ab", "12345678123412341234123456789012"},
	} {
		g := mustSchema(t, fmt.Sprintf(`{"type": "string", "format": %q}`, c.format))
		for i, list := range []string{c.good, c.bad} {
			for _, text := range strings.Fields(list) {
				if ok, err := g.Match(quote(text)); ok != (i == 0) || err != nil {
					t.Errorf("%s: %s: %v %v", c.format, text, ok, err)
				}
			}
		}
	}
}

// TestSchemaErrors: what is wrong or can't be enforced is said with its place.
func TestSchemaErrors(t *testing.T) {
	for _, c := range []struct {
		schema, place string
		kind          error
	}{
		{`{"properties": {"a/b": {"type": "strnig"}}}`, "#/properties/a~1b/type", ErrSyntax},
		{`{"items": {"uniqueItems": true}}`, "#/items/uniqueItems", ErrUnsupported},
		{`{"anyOf": [{"not": {"const": 1}}]}`, "#/anyOf/0/not", ErrUnsupported},
		{`{"if": {}, "then": {}}`, "#/if", ErrUnsupported},
		{`{"pattern": "a", "maxLength": 5}`, "#/pattern", ErrUnsupported},
		{`{"pattern": "(?=a)b"}`, "#/pattern", ErrUnsupported},
		{`{"pattern": "(a"}`, "#/pattern", ErrSyntax},
		{`{"pattern": "a\\bc"}`, "#/pattern", ErrUnsupported},
		{`{"format": "color"}`, "#/format", ErrUnsupported},
		{`{"multipleOf": 7}`, "#/multipleOf", ErrUnsupported},
		{`{"$ref": "#/$defs/a"}`, "#/$ref", ErrSyntax},
		{`{"$ref": "http://example.com/a"}`, "#/$ref", ErrUnsupported},
		{`{"oneOf": [{"type": "string"}, {"maxLength": 3}]}`, "#/oneOf", ErrUnsupported},
		{`{"minLength": -1}`, "#/minLength", ErrSyntax},
		{`{"minLength": 99999999}`, "#/minLength", ErrLimit},
		{`{"required": [1]}`, "#/required/0", ErrSyntax},
		{`{"a": 1, "a": 2}`, "#", ErrSyntax},
		{`{"type": "string"`, "#", ErrSyntax},
		{`3`, "#", ErrSyntax},
		{`{} {}`, "", ErrSyntax},
		{`{"minimum": 5, "maximum": 4}`, "", ErrEmpty},
		{`{"$ref": "#"}`, "", nil},
		{`{"properties": {"a": {"$ref": "#"}}, "required": ["a"]}`, "", ErrEmpty},
		{strings.Repeat(`{"items":`, 300) + "{}" + strings.Repeat("}", 300), "", ErrLimit},
	} {
		_, err := Schema(c.schema, nil)
		if !errors.Is(err, c.kind) || err != nil && !strings.Contains(err.Error(), c.place) {
			t.Errorf("%.80s: %v, want %v at %s", c.schema, err, c.kind, c.place)
		}
	}
}

// TestSchemaTexts: some schemas with texts that are in their grammars and texts that are not.
func TestSchemaTexts(t *testing.T) {
	tree := `{"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "additionalProperties": false,
		"properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["v", "next"]}}}`
	union := `{"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
		{"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "boolean"}}, "required": ["kind"]}, {"type": "null"}]}`
	for _, c := range []struct {
		schema    string
		opt       SchemaOptions
		good, bad []string
	}{
		{tree, SchemaOptions{}, []string{`{"v":1,"next":{"v": 2, "next": null}}`}, []string{`{"v":1}`, `{"v":1,"next":{}}`}},
		{union, SchemaOptions{}, []string{`{"kind":"a","x":1}`, `{"kind":"b"}`, `null`, `{"kind":"b","y":true}`},
			[]string{`{"kind":"a"}`, `{"kind":"a","y":true}`, `{"kind":"c"}`}},
		{`{"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": {"maximum": 5}, "b": {}}}], "required": ["a"]}`,
			SchemaOptions{}, []string{`{"a":3}`, `{"a":4.5,"b":[]}`}, []string{`{"a":6}`, `{"a":2}`, `{"b":1}`}},
		{`{"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1, "maxProperties": 2}`,
			SchemaOptions{}, []string{`{"x":1}`, `{"x":1, "y":2}`}, []string{`{}`, `{"x":1,"y":2,"z":3}`, `{"x":"1"}`}},
		{`{"properties": {"a": {}, "b": {}, "c": {}}, "minProperties": 2, "maxProperties": 2}`, SchemaOptions{Compact: true},
			[]string{`{"a":1,"b":2}`, `{"b":1,"c":2}`}, []string{`{"a":1}`, `{"a":1,"b":2,"c":3}`, `{"a": 1,"b":2}`}},
		{`{"type": "string", "pattern": "^[a-z\"]+$", "maxLength": 3}`, SchemaOptions{}, []string{`"abc"`, `"a\"b"`}, []string{`""`, `"abcd"`, `"a1"`}},
		{`{"type": "string", "pattern": "x"}`, SchemaOptions{}, []string{`"x"`, `"axb"`, `"\"x"`}, []string{`""`, `"ab"`}},
		{`{"type": "string", "minLength": 1, "maxLength": 2}`, SchemaOptions{}, []string{`"😀é"`, `"\ud83d\ude00\n"`}, []string{`"😀éa"`, `"\ud83d"`}},
		{`{"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}, "maxItems": 4}`, SchemaOptions{},
			[]string{`[1,2]`, `[1, 2, 3, 3]`}, []string{`[1]`, `[1,2,3,3,3]`, `[2]`}},
		{`{"prefixItems": [{"const": 1}, {"const": 2}]}`, SchemaOptions{Open: true}, []string{`[]`, `[1]`, `[1,2,"x"]`, `7`}, []string{`[2]`}},
		{`{"enum": ["a", "bb", 3, 4.5], "type": ["string", "integer"], "maxLength": 1}`, SchemaOptions{}, []string{`"a"`, `3`}, []string{`"bb"`, `4.5`}},
		{`{"type": "integer", "format": "int32"}`, SchemaOptions{}, []string{`2147483647`, `-2147483648`}, []string{`2147483648`, `-2147483649`}},
	} {
		g, err := Schema(c.schema, &c.opt)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for i, list := range [][]string{c.good, c.bad} {
			for _, text := range list {
				if ok, err := g.Match(text); ok != (i == 0) || err != nil {
					t.Errorf("%s: %s: %v %v", c.schema, text, ok, err)
				}
			}
		}
	}
}
