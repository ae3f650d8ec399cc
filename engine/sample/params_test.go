package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestFieldsMatchParams: the table has every JSON name of Params, in order, and points at the right place.
func TestFieldsMatchParams(t *testing.T) {
	typ := reflect.TypeFor[Params]()
	if len(fields) != typ.NumField() {
		t.Fatalf("%d fields in the table, %d in Params", len(fields), typ.NumField())
	}
	var names []string
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
		var p Params
		if f := field(name); f == nil {
			t.Errorf("%s is missing in the table", name)
		} else if f.ptr(&p) != reflect.ValueOf(&p).Elem().Field(i).Addr().Interface() {
			t.Errorf("%s points elsewhere", name)
		}
	}
	for _, f := range Fields() {
		if !slices.Contains(names, f.Name) || f.Help == "" {
			t.Errorf("%s: not a parameter or no help", f.Name)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	for _, p := range []Params{DefaultParams(), {}} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"seed", "-2"}, {"temperature", "NaN"}, {"temperature", "Inf"}, {"dynatemp_range", "-1"}, {"dynatemp_exponent", "-0.1"},
		{"top_k", "99999999999"}, {"top_p", "1.01"}, {"top_p", "-0.1"}, {"min_p", "2"}, {"typical_p", "NaN"},
		{"top_n_sigma", "+Inf"}, {"xtc_probability", "1.1"}, {"xtc_threshold", "-1"}, {"min_keep", "-1"},
		{"repeat_last_n", "-2"}, {"repeat_penalty", "-1"}, {"repeat_penalty", "1e-45"}, {"frequency_penalty", "NaN"},
		{"presence_penalty", "-Inf"}, {"dry_multiplier", "-1"}, {"dry_base", "-2"}, {"dry_allowed_length", "-1"},
		{"dry_penalty_last_n", "-5"}, {"mirostat", "3"}, {"mirostat_tau", "-1"}, {"mirostat_eta", "Inf"},
		{"samplers", "top_k;nonsense"}, {"logit_bias", `{"-4": 1}`}, {"logit_bias", `{"x": 1}`}, {"logit_bias", `{"1": true}`},
		{"logit_bias", `[[1]]`}, {"logit_bias", `[[1.5, 2]]`}, {"logit_bias", `{"1": 1e300}`}, {"dry_sequence_breakers", `["`},
		{"top_k", "many"}, {"top_k", "1.5"}, {"seed", ""},
	} {
		p := DefaultParams()
		err := p.Set(c.name, c.value)
		if !errors.Is(err, ErrParam) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s = %s: %v", c.name, c.value, err)
		}
		if !reflect.DeepEqual(p, DefaultParams()) {
			t.Errorf("%s = %s changed the parameters", c.name, c.value)
		}
	}
	p := DefaultParams()
	p.LogitBias = Bias{1: math.NaN()}
	if err := p.Validate(); !errors.Is(err, ErrParam) {
		t.Errorf("NaN bias: %v", err)
	}
}

func TestSetGet(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"seed", "12345678901", "12345678901"},
		{"temp", " 0.25 ", "0.25"},
		{"top-k", "7", "7"},
		{"TOP_P", "1", "1"},
		{"repeat_penalty", "1.1", "1.1"},
		{"samplers", "top-k; temperature;", `["top-k"," temperature"]`},
		{"samplers", "", "[]"},
		{"dry_sequence_breakers", `["\n", "User:"]`, `["\n","User:"]`},
		{"dry_sequence_breakers", "a;b", `["a","b"]`},
		{"logit_bias", `{"7": false, "42": -1.5}`, `{"42":-1.5,"7":false}`},
		{"logit_bias", `[[7, false], [42, -1], [42, -0.5]]`, `{"42":-1.5,"7":false}`},
		{"logit_bias", "", "{}"},
	} {
		p := DefaultParams()
		if err := p.Set(c.name, c.value); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := p.Get(c.name)
		if err != nil || got != c.want {
			t.Errorf("%s = %s reads back as %s (%v), want %s", c.name, c.value, got, err, c.want)
		}
		var again Params
		if err := again.Set(c.name, got); err != nil {
			t.Errorf("%s: Set does not read what Get gave: %v", c.name, err)
		}
	}
	var p Params
	if err := p.Set("topk", "1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := p.Get("nothing"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown name: %v", err)
	}
}

// TestJSON: a request laid over the defaults, and the whole way round.
func TestJSON(t *testing.T) {
	p := DefaultParams()
	request := `{"temperature":0,"top_k":5,"seed":7,"dry_sequence_breakers":["x"],"logit_bias":[[5,false]]}`
	if err := json.Unmarshal([]byte(request), &p); err != nil {
		t.Fatal(err)
	}
	want := DefaultParams()
	want.Temperature, want.TopK, want.Seed, want.DrySequenceBreakers = 0, 5, 7, []string{"x"}
	want.LogitBias = Bias{5: math.Inf(-1)}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Params
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("%s: %v", text, err)
	}
}

// metadata is a model file's keys; values are int, float32 or string.
type metadata map[string]any

func (m metadata) Has(key string) bool { _, ok := m[key]; return ok }

func (m metadata) Int(key string) (int64, error) {
	if v, ok := m[key].(int); ok {
		return int64(v), nil
	}
	return 0, fmt.Errorf("%s is not an integer", key)
}

func (m metadata) Float(key string) (float64, error) {
	if v, ok := m[key].(float32); ok {
		return float64(v), nil
	}
	n, err := m.Int(key)
	return float64(n), err
}

func (m metadata) String(key string) (string, error) {
	if v, ok := m[key].(string); ok {
		return v, nil
	}
	return "", fmt.Errorf("%s is not a string", key)
}

func TestFromMetadata(t *testing.T) {
	p, err := FromMetadata(metadata{"general.name": "x"})
	if err != nil || !reflect.DeepEqual(p, DefaultParams()) {
		t.Errorf("no keys: %+v, %v", p, err)
	}
	p, err = FromMetadata(metadata{
		"general.sampling.top_k": 20, "general.sampling.top_p": float32(0.8), "general.sampling.temp": float32(0.7),
		"general.sampling.min_p": 0, "general.sampling.penalty_last_n": 128, "general.sampling.penalty_repeat": float32(1.05),
		"general.sampling.xtc_probability": float32(0.5), "general.sampling.xtc_threshold": float32(0.2),
		"general.sampling.mirostat": 2, "general.sampling.mirostat_tau": 4, "general.sampling.mirostat_eta": float32(0.2),
		"general.sampling.sequence": "top_k;Temperature",
	})
	want := DefaultParams()
	want.TopK, want.TopP, want.Temperature, want.MinP, want.RepeatLastN, want.RepeatPenalty = 20, 0.8, 0.7, 0, 128, 1.05
	want.XTCProbability, want.XTCThreshold, want.Mirostat, want.MirostatTau, want.MirostatEta = 0.5, 0.2, 2, 4, 0.2
	want.Samplers = []string{"top_k", "temperature"}
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v", p, err)
	}
}

// TestFromMetadataBad: what cannot be used is reported and left out, the rest counts.
func TestFromMetadataBad(t *testing.T) {
	p, err := FromMetadata(metadata{"general.sampling.top_p": float32(7), "general.sampling.top_k": "many",
		"general.sampling.sequence": "top_secret;top_k;", "general.sampling.temp": float32(0.5)})
	for _, part := range []string{"sampling.top_p", "sampling.top_k", "top_secret"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not in %v", part, err)
		}
	}
	want := DefaultParams()
	want.Temperature, want.Samplers = 0.5, []string{"top_k"}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
	if _, err := FromMetadata(metadata{"general.sampling.sequence": 3}); err == nil {
		t.Error("a sequence that is a number is accepted")
	}
}

func TestSamplerNames(t *testing.T) {
	for spelling, want := range map[string]string{"top-k": "top_k", "TopK": "top_k", "nucleus": "top_p", "temp": "temperature",
		"typical_p": "typ_p", "typ": "typ_p", " xtc ": "xtc", "top_n_sigma": "top_n_sigma", "top-n-sigma": "top_n_sigma"} {
		if got, err := samplerName(spelling); err != nil || got != want {
			t.Errorf("%q is %q (%v), want %q", spelling, got, err, want)
		}
	}
	names := SamplerNames()
	names[0] = "changed"
	if SamplerNames()[0] != "penalties" {
		t.Error("the caller's slice is shared")
	}
}
