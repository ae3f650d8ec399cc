package sample

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// TestZeroIsOff: a temperature alone draws from all tokens with their probabilities, as the twin has them.
func TestZeroIsOff(t *testing.T) {
	ch := mustNew(t, Params{Temperature: 0.8}, Options{})
	if got := ch.String(); got != "temperature → draw" {
		t.Errorf("stages %s", got)
	}
	for shape, make := range shapes {
		r := rand.New(rand.NewPCG(3, 3))
		for n := 2; n < 300; n += 1 + n/3 {
			logits := make(r, n)
			want := newTwin(logits)
			for i := range want {
				want[i].l /= 0.8
			}
			got := survivors(ch, logits)
			if len(got) != len(want) {
				t.Fatalf("%s: %d of %d tokens are left", shape, len(got), len(want))
			}
			for i, p := range want.probs() {
				if q := got[strconv.Itoa(int(want[i].id))]; math.Abs(p-q) > 1e-5 {
					t.Fatalf("%s: token %d has %g, want %g", shape, want[i].id, q, p)
				}
			}
		}
	}
}

// TestZeroFrequencies: what is drawn with a temperature alone has the softmax's frequencies.
func TestZeroFrequencies(t *testing.T) {
	logits, count := []float32{2, 1, 0.5, 0, -1}, make([]int, 5)
	ch := mustNew(t, Params{Temperature: 0.8, Seed: 5}, Options{})
	const draws = 20000
	for range draws {
		count[ch.Sample(logits)]++
	}
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) / 0.8)
	}
	for i, l := range logits {
		p := math.Exp(float64(l)/0.8) / sum
		if sigma := math.Sqrt(draws * p * (1 - p)); math.Abs(float64(count[i])-draws*p) > 5*sigma {
			t.Errorf("token %d drawn %d times, want about %.0f", i, count[i], draws*p)
		}
	}
}

// TestZeroTunes: what turns a stage on finds the rest of its parameters at llama.cpp's defaults.
func TestZeroTunes(t *testing.T) {
	full := func(change func(p *Params)) Params {
		p := off()
		p.DryPenaltyLastN, p.DrySequenceBreakers = -1, defaultBreakers()
		change(&p)
		return p
	}
	for name, c := range map[string][2]Params{
		"repeat":    {{Temperature: 1, RepeatPenalty: 1.5}, full(func(p *Params) { p.RepeatPenalty = 1.5 })},
		"frequency": {{Temperature: 1, FrequencyPenalty: 1.5}, full(func(p *Params) { p.FrequencyPenalty = 1.5 })},
		"dry":       {{Temperature: 1, DryMultiplier: 0.8}, full(func(p *Params) { p.DryMultiplier = 0.8 })},
		"xtc":       {{Temperature: 1, XTCProbability: 1}, full(func(p *Params) { p.XTCProbability = 1 })},
		"dynatemp":  {{Temperature: 1, DynatempRange: 0.5}, full(func(p *Params) { p.DynatempRange = 0.5 })},
		"mirostat":  {{Temperature: 1, Mirostat: 2, Seed: 1}, full(func(p *Params) { p.Mirostat = 2 })},
		"top_p":     {{Temperature: 1, TopP: 0.5}, full(func(p *Params) { p.TopP = 0.5 })},
		"top_k":     {{Temperature: 1, TopK: 3}, full(func(p *Params) { p.TopK = 3 })},
		"typical_p": {{Temperature: 1, TypicalP: 0.5}, full(func(p *Params) { p.TypicalP = 0.5 })},
	} {
		r := rand.New(rand.NewPCG(4, 4))
		logits := draw(60, func() float64 { return 2 * r.NormFloat64() })
		var got [2]map[string]float64
		for i, p := range c {
			ch := mustNew(t, p, Options{Vocab: pieces{"a", ":"}})
			for k := range int32(200) {
				ch.Accept(2 + k%7)
			}
			got[i] = survivors(ch, logits)
		}
		if !maps.Equal(got[0], got[1]) {
			t.Errorf("%s: %v, want %v", name, got[0], got[1])
		}
		if plain := survivors(mustNew(t, Params{Temperature: 1}, Options{}), logits); name != "mirostat" && maps.Equal(plain, got[0]) {
			t.Errorf("%s changes nothing", name)
		}
	}
}

// drawn returns 40 tokens of a chain over equal logits.
func drawn(ch *Chain) (out []int32) {
	for range 40 {
		out = append(out, ch.Sample(make([]float32, 1000)))
	}
	return out
}

// TestSeedNotation: no seed is a new one each time, every seed its own text, 0 spelled out is a seed as well.
func TestSeedNotation(t *testing.T) {
	for _, seed := range []int64{0, -1} {
		a := mustNew(t, Params{Temperature: 0.8, Seed: seed}, Options{})
		b := mustNew(t, Params{Temperature: 0.8, Seed: seed}, Options{})
		first := drawn(a)
		if slices.Equal(first, drawn(b)) {
			t.Errorf("seed %d: the same tokens twice", seed)
		}
		if a.Seed() < 1 {
			t.Errorf("seed %d: the one in use is %d", seed, a.Seed())
		}
		if !slices.Equal(drawn(mustNew(t, Params{Temperature: 0.8, Seed: a.Seed()}, Options{})), first) {
			t.Error("the seed in use does not repeat the tokens")
		}
	}
	var seen [][]int32
	for seed := range int64(20) {
		p := Params{Temperature: 0.8}
		if err := p.Set("seed", strconv.FormatInt(seed, 10)); err != nil {
			t.Fatal(err)
		}
		tokens := drawn(mustNew(t, p, Options{}))
		if !slices.Equal(tokens, drawn(mustNew(t, p, Options{}))) {
			t.Errorf("seed %d does not repeat its tokens", seed)
		}
		if slices.ContainsFunc(seen, func(other []int32) bool { return slices.Equal(other, tokens) }) {
			t.Errorf("seed %d gives another's tokens", seed)
		}
		seen = append(seen, tokens)
	}
	if got := mustNew(t, Params{Seed: Zero}, Options{}).Seed(); got != 0 {
		t.Errorf("Zero is seed %d", got)
	}
}

// TestSpelledZero: a 0 that is spelled out, by name, in JSON or in a model file, is llama.cpp's 0 and reads back as 0.
func TestSpelledZero(t *testing.T) {
	set := func(name string) Params {
		p := Params{Temperature: 1}
		if err := p.Set(name, "0"); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, f := range Fields() {
		if f.Min == 0 && f.Max == 0 {
			continue
		}
		byName, byJSON := set(f.Name), Params{Temperature: 1}
		if err := json.Unmarshal([]byte(`{"`+f.Name+`":0}`), &byJSON); err != nil {
			t.Fatal(err)
		}
		for form, p := range map[string]Params{"Set": byName, "JSON": byJSON} {
			if text, err := p.Get(f.Name); err != nil || text != "0" {
				t.Errorf("%s by %s reads back as %s (%v)", f.Name, form, text, err)
			}
			if err := p.Validate(); err != nil {
				t.Errorf("%s by %s: %v", f.Name, form, err)
			}
			var out map[string]any
			if text, err := json.Marshal(p); err != nil || json.Unmarshal(text, &out) != nil || out[f.Name] != 0.0 {
				t.Errorf("%s by %s is %v in JSON", f.Name, form, out[f.Name])
			}
		}
	}
	fromFile, err := FromMetadata(metadata{"general.sampling.top_p": float32(0)})
	if err != nil {
		t.Fatal(err)
	}
	logits := []float32{1, 3, 2, 3}
	for name, p := range map[string]Params{"top_p": set("top_p"), "typical_p": set("typical_p"), "file": fromFile} {
		if got := survivors(mustNew(t, p, Options{}), logits); len(got) != 1 {
			t.Errorf("%s 0 leaves %v", name, got)
		}
	}
	p := set("repeat_last_n")
	p.RepeatPenalty = 100
	ch := mustNew(t, p, Options{})
	ch.Accept(1)
	if got := ch.String(); got != "temperature → draw" {
		t.Errorf("repeat_last_n 0: %s", got)
	}
}

// TestUnsetReadsBack: Get and JSON show what a zero value means, and reading that changes nothing.
func TestUnsetReadsBack(t *testing.T) {
	want := DefaultParams()
	want.Temperature, want.TopK, want.MinP, want.TopNSigma, want.TopP, want.RepeatPenalty = 0, 0, 0, 0, 1, 0
	text, err := json.Marshal(Params{})
	if err != nil {
		t.Fatal(err)
	}
	var got Params
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the zero Params are %s (%v)", text, err)
	}
	var zero Params
	for name, value := range map[string]string{"seed": "-1", "top_p": "1", "typical_p": "1", "repeat_last_n": "64", "dry_base": "1.75",
		"dry_sequence_breakers": `["\n",":","\"","*"]`, "temperature": "0", "mirostat_tau": "5"} {
		if got, err := zero.Get(name); err != nil || got != value {
			t.Errorf("%s is %s (%v), want %s", name, got, err, value)
		}
	}
	if err := zero.Set("dry_sequence_breakers", ""); err != nil || len(zero.spelled().DrySequenceBreakers) != 0 {
		t.Errorf("no breakers: %q, %v", zero.spelled().DrySequenceBreakers, err)
	}
}
