package sample

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Metadata is what FromMetadata needs of a model file; *gguf.File satisfies it.
type Metadata interface {
	Has(key string) bool
	Int(key string) (int64, error)
	Float(key string) (float64, error)
	String(key string) (string, error)
}

// metadataPrefix starts the keys by which a GGUF file recommends parameters.
const metadataPrefix = "general.sampling."

// metadataKeys maps the rest of those keys (llama.cpp's list) to parameters. "sequence" is read apart.
var metadataKeys = []struct{ key, name string }{
	{"top_k", "top_k"},
	{"top_p", "top_p"},
	{"min_p", "min_p"},
	{"xtc_probability", "xtc_probability"},
	{"xtc_threshold", "xtc_threshold"},
	{"temp", "temperature"},
	{"penalty_last_n", "repeat_last_n"},
	{"penalty_repeat", "repeat_penalty"},
	{"mirostat", "mirostat"},
	{"mirostat_tau", "mirostat_tau"},
	{"mirostat_eta", "mirostat_eta"},
}

// FromMetadata returns DefaultParams overridden by the general.sampling.* keys of a model file. The Params are valid in
// any case: a key that cannot be used (wrong kind, outside the range, an unknown sampler's name) is left out and
// reported in the error, which joins all of them. A caller may log it and go on.
func FromMetadata(md Metadata) (Params, error) {
	p := DefaultParams()
	var errs []error
	for _, k := range metadataKeys {
		key := metadataPrefix + k.key
		if !md.Has(key) {
			continue
		}
		if err := p.setMetadata(md, key, k.name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if err := p.setSequence(md, metadataPrefix+"sequence"); err != nil {
		errs = append(errs, err)
	}
	return p, errors.Join(errs...)
}

// setMetadata sets one numeric parameter.
func (p *Params) setMetadata(md Metadata, key, name string) error {
	if _, ok := field(name).ptr(p).(*float64); !ok {
		v, err := md.Int(key)
		if err != nil {
			return err
		}
		return p.Set(name, strconv.FormatInt(v, 10))
	}
	v, err := md.Float(key)
	if err != nil {
		return err
	}
	return p.Set(name, floatText(v))
}

// floatText writes a number that came out of a float32 without the digits that float64 would add (0.95, not
// 0.949999988079071).
func floatText(v float64) string {
	bits := 64
	if float64(float32(v)) == v {
		bits = 32
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

// setSequence reads the order of the stages, names separated by semicolons, and skips names it does not know.
func (p *Params) setSequence(md Metadata, key string) error {
	if !md.Has(key) {
		return nil
	}
	text, err := md.String(key)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	var known []string
	var errs []error
	for name := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(name) == "" {
			continue
		}
		if id, err := samplerName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		} else {
			known = append(known, id)
		}
	}
	p.Samplers = known
	return errors.Join(errs...)
}
