package sample

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Field describes one parameter for programs that set parameters by name.
type Field struct {
	Name     string  // as in JSON, e.g. "top_k"
	Help     string  // one line: what it does and which value is off
	Min, Max float64 // range of a number, both ends included; 0, 0 for lists and maps

	unset float64 // what the field of Params means when it is 0; 0 if that is 0

	// ptr returns the place of the value: *int64, *int, *float64, *[]string, *Bias or *TextBias.
	ptr func(*Params) any
}

// wide bounds parameters whose every float32 has a meaning.
const wide = math.MaxFloat32

var fields = []Field{
	{"seed", "random seed; -1 is a new one each time", -1, math.MaxInt64, -1, func(p *Params) any { return &p.Seed }},
	{"temperature", "randomness; 0 is greedy", -wide, wide, 0, func(p *Params) any { return &p.Temperature }},
	{"dynatemp_range", "temperature moves by this much with the entropy; 0 is off", 0, wide, 0, func(p *Params) any { return &p.DynatempRange }},
	{"dynatemp_exponent", "shape of that movement", 0, wide, 1, func(p *Params) any { return &p.DynatempExponent }},
	{"top_k", "keep the k most probable tokens; 0 is off", math.MinInt32, math.MaxInt32, 0, func(p *Params) any { return &p.TopK }},
	{"top_p", "keep the most probable tokens up to this mass; 1 is off, 0 keeps one", 0, 1, 1, func(p *Params) any { return &p.TopP }},
	{"min_p", "drop tokens below this share of the best one's probability; 0 is off", 0, 1, 0, func(p *Params) any { return &p.MinP }},
	{"typical_p", "keep the tokens of typical surprise up to this mass; 1 is off, 0 keeps one", 0, 1, 1, func(p *Params) any { return &p.TypicalP }},
	{"top_n_sigma", "keep tokens within n standard deviations of the best logit; -1 is off", -wide, wide, 0, func(p *Params) any { return &p.TopNSigma }},
	{"xtc_probability", "chance to exclude the top choices; 0 is off", 0, 1, 0, func(p *Params) any { return &p.XTCProbability }},
	{"xtc_threshold", "probability that makes a top choice; above 0.5 is off", 0, 1, 0.1, func(p *Params) any { return &p.XTCThreshold }},
	{"min_keep", "tokens that top_p, min_p, typical_p and xtc leave at least", 0, math.MaxInt32, 0, func(p *Params) any { return &p.MinKeep }},
	{"repeat_last_n", "tokens the penalties look back; 0 is off, -1 is all", -1, math.MaxInt32, 64, func(p *Params) any { return &p.RepeatLastN }},
	{"repeat_penalty", "divides the logits of seen tokens; 1 is off", 0, wide, 0, func(p *Params) any { return &p.RepeatPenalty }},
	{"frequency_penalty", "subtracted per occurrence of a seen token; 0 is off", -wide, wide, 0, func(p *Params) any { return &p.FrequencyPenalty }},
	{"presence_penalty", "subtracted once from a seen token; 0 is off", -wide, wide, 0, func(p *Params) any { return &p.PresencePenalty }},
	{"dry_multiplier", "strength of the penalty on repeated sequences; 0 is off", 0, wide, 0, func(p *Params) any { return &p.DryMultiplier }},
	{"dry_base", "growth of that penalty per repeated token", 0, wide, 1.75, func(p *Params) any { return &p.DryBase }},
	{"dry_allowed_length", "length from which a repeated sequence is penalised", 0, math.MaxInt32, 2, func(p *Params) any { return &p.DryAllowedLength }},
	{"dry_penalty_last_n", "tokens searched for repeated sequences; 0 is off, -1 is all", -1, math.MaxInt32, -1, func(p *Params) any { return &p.DryPenaltyLastN }},
	{"dry_sequence_breakers", "texts that end a repeated sequence", 0, 0, 0, func(p *Params) any { return &p.DrySequenceBreakers }},
	{"mirostat", "1 or 2 holds the surprise per token; 0 is off", 0, 2, 0, func(p *Params) any { return &p.Mirostat }},
	{"mirostat_tau", "surprise to hold, in bits", 0, wide, 5, func(p *Params) any { return &p.MirostatTau }},
	{"mirostat_eta", "rate of that control", 0, wide, 0.1, func(p *Params) any { return &p.MirostatEta }},
	{"adaptive_target", "probability that drawn tokens have on average; -1 is off", -1, 1, -1, func(p *Params) any { return &p.AdaptiveTarget }},
	{"adaptive_decay", "how much of the past counts for that average", 0, 0.99, 0.9, func(p *Params) any { return &p.AdaptiveDecay }},
	{"samplers", "stages in order, e.g. top_k;top_p;temperature; empty is the default", 0, 0, 0, func(p *Params) any { return &p.Samplers }},
	{"logit_bias", `added to single tokens, e.g. {"42": -1.5, "7": false}; false bans`, 0, 0, 0, func(p *Params) any { return &p.LogitBias }},
	{"text_bias", `added to the tokens of texts, e.g. {" yes": 2, " no": false}; false bans`, 0, 0, 0, func(p *Params) any { return &p.TextBias }},
}

// Fields lists all parameters in the order of Params. The caller owns the slice.
func Fields() []Field { return append([]Field(nil), fields...) }

// Validate reports the first parameter that is outside its range as an error that wraps ErrParam and names it.
func (p *Params) Validate() error { return p.validate(nil) }

// validate is Validate where samplers may name stages of the caller's own.
func (p *Params) validate(own map[string]Stage) error {
	spelled := p.spelled()
	for i := range fields {
		if err := fields[i].check(&spelled, own); err != nil {
			return fmt.Errorf("%w %s: %w", ErrParam, fields[i].Name, err)
		}
	}
	return nil
}

// Set reads value as the parameter called name. Names are Field.Name, with "-" for "_" allowed, and "temp". Values mean
// what they mean to llama.cpp: top_p 0 keeps one token, seed 0 is a seed. Lists are JSON arrays or words separated by
// ";". On an error, which wraps ErrUnknown or ErrParam, p is unchanged.
func (p *Params) Set(name, value string) error {
	f := field(name)
	if f == nil {
		return fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	next := *p
	err := parse(f.ptr(&next), strings.TrimSpace(value))
	if err == nil {
		err = f.check(&next, nil)
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrParam, f.Name, err)
	}
	f.store(&next)
	*p = next
	return nil
}

// Get returns the parameter called name as a text that Set reads back; lists and maps are JSON.
func (p *Params) Get(name string) (string, error) {
	f := field(name)
	if f == nil {
		return "", fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	spelled := p.spelled()
	switch v := f.ptr(&spelled).(type) {
	case *int64:
		return strconv.FormatInt(*v, 10), nil
	case *int:
		return strconv.Itoa(*v), nil
	case *float64:
		return strconv.FormatFloat(*v, 'g', -1, 64), nil
	case *[]string:
		return listText(*v), nil
	default:
		b, err := json.Marshal(v)
		return string(b), err
	}
}

// field finds a field by name or alias.
func field(name string) *Field {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_")
	if name == "temp" {
		name = "temperature"
	}
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

// parse reads s into what ptr points at.
func parse(ptr any, s string) (err error) {
	switch v := ptr.(type) {
	case *int64:
		*v, err = strconv.ParseInt(s, 10, 64)
	case *int:
		*v, err = strconv.Atoi(s)
	case *float64:
		*v, err = strconv.ParseFloat(s, 64)
	case *[]string:
		*v, err = parseList(s)
	case *Bias:
		*v = nil
		if s != "" {
			err = json.Unmarshal([]byte(s), v)
		}
	case *TextBias:
		*v = nil
		if s != "" {
			err = json.Unmarshal([]byte(s), v)
		}
	}
	return plain(err, s)
}

// plain shortens strconv's errors, which name Go functions.
func plain(err error, s string) error {
	if _, ok := err.(*strconv.NumError); ok {
		return fmt.Errorf("%q is not a number of the right kind", s)
	}
	return err
}

// parseList reads a JSON array of strings or words separated by semicolons. Nothing is an empty list, not nil.
func parseList(s string) (list []string, err error) {
	if strings.HasPrefix(s, "[") {
		err = json.Unmarshal([]byte(s), &list)
		return list, err
	}
	list = []string{}
	for word := range strings.SplitSeq(s, ";") {
		if word != "" {
			list = append(list, word)
		}
	}
	return list, nil
}

// listText is the JSON form of a list, "[]" if it is empty.
func listText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "[]"
	}
	return string(b)
}

// check tests the field's value in p. own are stages that samplers may name beside the known ones.
func (f *Field) check(p *Params, own map[string]Stage) error {
	switch v := f.ptr(p).(type) {
	case *int64:
		return f.within(float64(*v))
	case *int:
		return f.within(float64(*v))
	case *float64:
		if f.Name == "repeat_penalty" && *v > 0 && *v < 1/wide {
			return fmt.Errorf("%g is too small to divide by", *v)
		}
		return f.within(*v)
	case *Bias:
		return v.check()
	case *TextBias:
		return v.check()
	case *[]string:
		if f.Name == "samplers" {
			_, err := samplerOrder(*v, own)
			return err
		}
	}
	return nil
}

// within tests a number against the range; NaN is in none.
func (f *Field) within(v float64) error {
	if v >= f.Min && v <= f.Max {
		return nil
	}
	return fmt.Errorf("%g is not in [%g, %g]", v, f.Min, f.Max)
}
