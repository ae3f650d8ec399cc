package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// suiteCase is a schema of the JSON-Schema-Test-Suite, with values that satisfy it and others (see testdata/README.md).
type suiteCase struct {
	File, Description string
	Schema            json.RawMessage
	Tests             []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

// spellings are the texts of a value, with the members of objects in every order, up to some number. Numbers are
// decimal, and whole ones have no point.
func spellings(v *value) []string {
	switch v.kind {
	case kindString:
		return []string{quote(v.raw.(string))}
	case kindNumber:
		r, err := v.number()
		if err != nil {
			return nil
		}
		n, _ := r.FloatPrec()
		return []string{r.FloatString(n)}
	case kindArray:
		return enclosed("[", product(v.items, spellings), "]")
	case kindObject:
		var all []string
		for _, order := range permutations(len(v.members)) {
			var members []member
			for _, i := range order {
				members = append(members, v.members[i])
			}
			all = append(all, enclosed("{", product(members, func(m member) (out []string) {
				for _, t := range spellings(m.value) {
					out = append(out, quote(m.name)+":"+t)
				}
				return out
			}), "}")...)
		}
		return all
	}
	return []string{v.canonical()}
}

func enclosed(open string, list []string, close string) []string {
	for i, t := range list {
		list[i] = open + t + close
	}
	return list
}

// product joins the spellings of all parts by commas, in all combinations.
func product[T any](parts []T, spell func(T) []string) []string {
	out := []string{""}
	for i, p := range parts {
		var longer []string
		for _, before := range out {
			for _, t := range spell(p) {
				if i > 0 {
					t = before + "," + t
				}
				longer = append(longer, t)
			}
		}
		out = longer[:min(len(longer), 200)]
	}
	return out
}

func permutations(n int) [][]int {
	if n > 5 { // only the order as it is
		var order []int
		for i := range n {
			order = append(order, i)
		}
		return [][]int{order}
	}
	out := [][]int{{}}
	for i := range n {
		var longer [][]int
		for _, p := range out {
			for at := range len(p) + 1 {
				longer = append(longer, slices.Insert(slices.Clone(p), at, i))
			}
		}
		out = longer
	}
	return out
}

// narrower lists, by file and description of a test, values that satisfy a schema and that the grammar does not say,
// although nothing in it is refused.
var narrower = map[string]string{
	"unevaluatedItems: unevaluatedItems with nested unevaluatedItems: with additional items":                                        "one says that the items of the other are evaluated",
	"unevaluatedItems: unevaluatedItems can see annotations from if without then and else: valid in case if is evaluated":           "if is not looked into",
	"unevaluatedProperties: unevaluatedProperties with anyOf: when two match and has no unevaluated properties":                     "the text follows one alternative",
	"unevaluatedProperties: unevaluatedProperties can see annotations from if without then and else: valid in case if is evaluated": "if is not looked into",
}

// TestSchemaSuite: no value that violates a schema is in its grammar; with Open all that satisfy it are, or the schema
// is refused.
func TestSchemaSuite(t *testing.T) {
	var cases []suiteCase
	readTestdata(t, "schema-suite.json", &cases)
	refused, enforced, valid, invalid := 0, 0, 0, 0
	for _, c := range cases {
		open, err := Schema(string(c.Schema), &SchemaOptions{Open: true})
		closed, err2 := Schema(string(c.Schema), nil)
		if satisfied := hasValid(c); !satisfied && errors.Is(err, ErrEmpty) && errors.Is(err2, ErrEmpty) {
			enforced++ // nothing satisfies it, and that is what is said
			continue
		}
		if err != nil || err2 != nil {
			for _, err := range []error{err, err2} {
				checkRefusal(t, c, err)
			}
			refused++
			if err == nil != (err2 == nil) {
				t.Logf("%s: %s: open %v, closed %v", c.File, c.Description, err, err2)
			}
			continue
		}
		enforced++
		for _, test := range c.Tests {
			in := matchesSpelling(t, open, test.Data)
			name := c.File + ": " + c.Description + ": " + test.Description
			if test.Valid {
				valid++
			} else {
				invalid++
			}
			if in != test.Valid && narrower[name] == "" {
				t.Errorf("%s: %s %s: in the grammar %v", name, c.Schema, test.Data, in)
			}
			if !test.Valid && matchesSpelling(t, closed, test.Data) {
				t.Errorf("%s: %s: in the closed grammar", name, test.Data)
			}
		}
	}
	t.Logf("%d schemas enforced, %d refused; %d values that satisfy, %d that do not", enforced, refused, valid, invalid)
	if enforced != 225 || refused != 117 {
		t.Errorf("%d schemas enforced, %d refused: say so here and in the documentation", enforced, refused)
	}
}

// checkRefusal: a schema is refused with a reason, or because nothing satisfies it.
func checkRefusal(t *testing.T, c suiteCase, err error) {
	if err == nil || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrEmpty) && c.Description == "contains keyword with boolean schema false" {
		return // the last one allows what is no array
	}
	t.Errorf("%s: %s: %s: %v", c.File, c.Description, c.Schema, err)
}

func hasValid(c suiteCase) bool {
	for _, test := range c.Tests {
		if test.Valid {
			return true
		}
	}
	return false
}

func matchesSpelling(t *testing.T, g *Grammar, data json.RawMessage) bool {
	v, err := parseDocument(string(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range spellings(v) {
		ok, err := g.Match(text)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return true
		}
	}
	return false
}

// randomText walks through a grammar at random; false when the text got too long.
func randomText(t testing.TB, g *Grammar, r *rand.Rand) (string, bool) {
	a, err := g.automaton(nil)
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	s, err := a.start()
	var text []byte
	for err == nil && len(text) < 400 {
		var alive []byte
		for _, b := range a.members {
			if to, err := a.step(s, b); err == nil && to != nil {
				alive = append(alive, b)
			}
		}
		if s.final && (len(alive) == 0 || r.IntN(3) == 0) {
			return string(text), true
		}
		if len(alive) == 0 {
			t.Fatalf("nothing can follow %q", text)
		}
		b := alive[r.IntN(len(alive))]
		text = append(text, b)
		a.begin()
		s, err = a.step(s, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "", false
}

// TestSchemaTextsValidate: texts of the grammars satisfy their schemas, says a validator that knows nothing of them.
func TestSchemaTextsValidate(t *testing.T) {
	var cases []suiteCase
	readTestdata(t, "schema-suite.json", &cases)
	r := rand.New(rand.NewPCG(7, 8))
	n, checked := 30, 0
	if testing.Short() {
		n = 3
	}
	for _, c := range cases {
		if c.Description == "by small number" {
			continue // the validator computes multipleOf in floats
		}
		for _, opt := range []SchemaOptions{{}, {Open: true}, {Compact: true}} {
			g, err := Schema(string(c.Schema), &opt)
			if err != nil {
				continue
			}
			validate := validator(t, c)
			if validate == nil {
				continue
			}
			for range n {
				text, ok := randomText(t, g, r)
				if !ok {
					continue
				}
				var v any
				if err := json.Unmarshal([]byte(text), &v); err != nil {
					t.Fatalf("%s: %s: %s: %v", c.File, c.Description, text, err)
				}
				if err := validate(v); err != nil {
					t.Errorf("%s: %s (%+v): %s: %s: %v", c.File, c.Description, opt, c.Schema, text, err)
				}
				checked++
			}
		}
	}
	t.Logf("%d texts", checked)
	if checked < 100*n {
		t.Errorf("only %d texts were checked", checked)
	}
}

// validator makes a validator of a case's schema, nil where the library does not read it.
func validator(t *testing.T, c suiteCase) func(any) error {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(c.Schema, &s); err != nil {
		t.Logf("%s: %s: %v", c.File, c.Description, err)
		return nil
	}
	resolved, err := s.Resolve(&jsonschema.ResolveOptions{})
	if err != nil {
		t.Logf("%s: %s: %v", c.File, c.Description, err)
		return nil
	}
	return func(v any) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return resolved.Validate(v)
	}
}

// refusedTheirs are schemas that llama.cpp takes and that are refused here.
var refusedTheirs = map[string]string{
	"string array":                           "prefixItems is an object, JSON Schema wants an array",
	"nullable string array":                  "prefixItems is an object, JSON Schema wants an array",
	"array with empty items and prefixItems": "prefixItems is an object, JSON Schema wants an array",
	"unsupported regexp in a property":       "llama.cpp ignores the pattern",
}

// wider are schemas with texts that llama.cpp's grammars do not have.
var wider = map[string]string{
	"empty w/o additional props": "more blanks within {}",
	"exotic formats":             "more digits behind the seconds, capital letters in a uuid",
	"mix of allOf, anyOf and $ref (similar to https://json.schemastore.org/tsconfig.json)": "no property is required",
	"non-string enum":                   "blanks within a listed array",
	"optional + additional props":       "names with escapes",
	"optional props with empty name":    "no property is required, of another root than llama.cpp's, whose rules collide",
	"regexp":                            "a dot that is escaped in JSON",
	"regexp quote":                      "llama.cpp does not escape the quote",
	"regexp with top-level alternation": "an alternative is anchored by itself",
}

// TestLlamaCppSchemas: the schemas of llama.cpp's tests/test-json-schema-to-grammar.cpp are enforced, or refused for a
// reason. What is written for them satisfies them, which llama.cpp's grammars don't promise, and is in llama.cpp's
// grammar, except where that one is known to be another.
func TestLlamaCppSchemas(t *testing.T) {
	var cases []struct {
		Name    string
		OK      bool
		Schema  json.RawMessage
		Grammar string
	}
	readTestdata(t, "llamacpp-schemas.json", &cases)
	r := rand.New(rand.NewPCG(15, 16))
	refused, within, outside := 0, 0, map[string]string{}
	for _, c := range cases {
		g, err := Schema(string(c.Schema), nil)
		if !c.OK && err == nil {
			t.Errorf("%s: %s: llama.cpp refuses it", c.Name, c.Schema)
		}
		if err != nil {
			if c.OK && refusedTheirs[c.Name] == "" {
				t.Errorf("%s: %s: %v", c.Name, c.Schema, err)
			}
			t.Logf("%s: %v", c.Name, err)
			refused++
			continue
		}
		theirs := mustGBNF(t, c.Grammar)
		validate := validator(t, suiteCase{Description: c.Name, Schema: c.Schema})
		for range 20 {
			text, ok := randomText(t, g, r)
			if !ok {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %q: %v", c.Name, text, err)
			}
			if validate != nil && validate(v) != nil {
				t.Errorf("%s: %s: %q: %v", c.Name, c.Schema, text, validate(v))
			}
			if ok, err := theirs.Match(text); err != nil {
				t.Fatal(err)
			} else if ok {
				within++
			} else {
				outside[c.Name] = text
			}
		}
	}
	t.Logf("%d schemas, %d refused; %d texts in llama.cpp's grammar too; others of %d schemas", len(cases), refused, within, len(outside))
	if len(cases) != 81 || refused != 3+len(refusedTheirs) || within < 800 {
		t.Errorf("%d schemas, %d refused, %d texts in both grammars", len(cases), refused, within)
	}
	for name, text := range outside {
		if wider[name] == "" {
			t.Errorf("%s: %q is not in llama.cpp's grammar", name, text)
		}
	}
}
