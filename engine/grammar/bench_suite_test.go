package grammar

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkMaskSuite measures the mask before each token of texts of the public schemas and llama.cpp's, with automata
// that nobody has used before, as BenchmarkMask does. -v lists the tokens that took longest.
func BenchmarkMaskSuite(b *testing.B) {
	tok := realTokenizer(b)
	v := NewVocab(tok)
	type sample struct {
		schema, text string
		ids          []int32
		best         []time.Duration
	}
	var samples []sample
	r := rand.New(rand.NewPCG(17, 18))
	for _, schema := range suiteSchemas(b) {
		g, err := Schema(schema, nil)
		if err != nil {
			continue
		}
		for range 2 {
			if text, ok := randomText(b, g, r); ok {
				ids := tok.EncodeRest(text)
				samples = append(samples, sample{schema, text, ids, make([]time.Duration, len(ids))})
			}
		}
	}
	for b.Loop() {
		for _, s := range samples {
			benchText(b, mustSchema(b, s.schema), v, s.ids, s.best)
		}
	}
	type place struct {
		took time.Duration
		s    *sample
		i    int
	}
	var all []place
	var sum time.Duration
	for k := range samples {
		for i, t := range samples[k].best {
			all = append(all, place{t, &samples[k], i})
			sum += t
		}
	}
	slices.SortFunc(all, func(x, y place) int { return cmp.Compare(y.took, x.took) })
	for _, p := range all[:10] {
		b.Logf("%v before token %d of %.60q: %.200s", p.took, p.i, p.s.text, p.s.schema)
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(len(all)), "µs/token")
	b.ReportMetric(float64(all[len(all)/100].took.Microseconds()), "µs/p99")
	b.ReportMetric(float64(all[0].took.Microseconds()), "µs/worst")
	b.ReportMetric(float64(len(all)), "tokens")
}

// suiteSchemas are the schemas of the public suite and of llama.cpp's tests.
func suiteSchemas(t testing.TB) (schemas []string) {
	var public []suiteCase
	readTestdata(t, "schema-suite.json", &public)
	for _, c := range public {
		schemas = append(schemas, string(c.Schema))
	}
	var theirs []struct{ Schema json.RawMessage }
	readTestdata(t, "llamacpp-schemas.json", &theirs)
	for _, c := range theirs {
		schemas = append(schemas, string(c.Schema))
	}
	return schemas
}
