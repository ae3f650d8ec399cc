package huggingface

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
)

// maxJSON is the most that a JSON file of a folder may have: tokenizer.json of large vocabularies has 35 MB.
const maxJSON = 256 << 20

// config is a JSON object. Numbers are json.Number.
type config map[string]any

// readFile reads a file of the folder.
func readFile(dir fs.FS, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err == nil && len(b) > maxJSON {
		err = fmt.Errorf("%s: %w: more than %d MB", name, ErrFolder, maxJSON>>20)
	}
	return b, err
}

// readJSON reads a JSON file of the folder into dst.
func readJSON(dir fs.FS, name string, dst any) error {
	raw, err := readFile(dir, name)
	if err != nil {
		return err
	}
	return decodeJSON(name, raw, dst)
}

// decodeJSON decodes the JSON of a file.
func decodeJSON(name string, raw []byte, dst any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(dst); err != nil {
		return fmt.Errorf("%s: offset %d: %w: %w", name, d.InputOffset(), ErrFolder, err)
	}
	return nil
}

// readOptional is readJSON for an object in a file that need not be there; then it returns nil.
func readOptional(dir fs.FS, name string) (config, error) {
	var c config
	err := readJSON(dir, name, &c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && c == nil {
		c = config{}
	}
	return c, err
}

//go:embed defaults.json
var defaultsJSON []byte

// withDefaults adds what transformers' configuration class of a model type has for keys that are missing. "a/b" stands
// for a quotient of other keys, "=a" for the value of another key that is not null.
func (c config) withDefaults() (config, error) {
	var all map[string]config
	if err := decodeJSON("defaults.json", defaultsJSON, &all); err != nil {
		return nil, err
	}
	out := maps.Clone(c)
	defaults := all[c.text("model_type")]
	for key, v := range defaults {
		if old, ok := c[key]; ok && (old != nil || !derived(v)) || c.has(otherNames[key]) {
			continue
		}
		if key == "rope_parameters" && slices.ContainsFunc(ropeKeys, c.has) {
			continue
		}
		if !derived(v) {
			out[key] = v
		}
	}
	for key, v := range defaults {
		if derived(v) && out[key] == nil {
			out[key] = out.derive(v.(string))
		}
	}
	return out, nil
}

// otherNames are names that older versions of transformers gave a key, and the newer ones still read.
var otherNames = map[string]string{"num_local_experts": "num_experts"}

// ropeKeys are what configurations say about rotation; one of them, and the class says nothing more.
var ropeKeys = []string{"rope_scaling", "rope_theta", "global_rope_theta", "local_rope_theta", "rope_local_base_freq"}

// derived reports whether a default is computed from other keys.
func derived(v any) bool {
	s, ok := v.(string)
	return ok && len(s) > 1 && (s[0] == '=' || s[0] == '/')
}

// derive computes "=key" and "/dividend/divisor".
func (c config) derive(rule string) any {
	if rule[0] == '=' {
		return c[rule[1:]]
	}
	a, b, _ := bytes.Cut([]byte(rule[1:]), []byte{'/'})
	x, okX := c.integer(string(a))
	y, okY := c.integer(string(b))
	if !okX || !okY || y <= 0 {
		return nil
	}
	return json.Number(strconv.Itoa(x / y))
}

// first returns the value of the first key that is there, nil if that is null or there is none.
func (c config) first(keys ...string) any {
	for _, k := range keys {
		if v, ok := c[k]; ok {
			return v
		}
	}
	return nil
}

// has reports whether a key is there and not null.
func (c config) has(key string) bool { return c[key] != nil }

// integer returns the whole number of the first key that is there.
func (c config) integer(keys ...string) (int, bool) { return toInt(c.first(keys...)) }

// toInt returns a JSON value as a whole number of at most 2^31−1, negative ones included.
func toInt(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(n), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
		return 0, false
	}
	return int(x), true
}

// number returns the number of the first key that is there.
func (c config) number(keys ...string) (float64, bool) { return toFloat(c.first(keys...)) }

// toFloat returns a JSON value as a number.
func toFloat(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(n), 64)
	return x, err == nil
}

// text returns a string, "" for anything else.
func (c config) text(key string) string {
	s, _ := c[key].(string)
	return s
}

// boolean returns a bool, and def for anything else.
func (c config) boolean(key string, def bool) bool {
	if b, ok := c[key].(bool); ok {
		return b
	}
	return def
}

// object returns an object, nil for anything else.
func (c config) object(key string) config {
	m, _ := c[key].(map[string]any)
	return m
}

// texts returns the strings of a list, nil for anything else.
func (c config) texts(key string) []string {
	return listOf(c, key, func(v any) (string, bool) { s, ok := v.(string); return s, ok })
}

// wholes returns the whole numbers of a list, nil for anything else.
func (c config) wholes(key string) []int { return listOf(c, key, toInt) }

// numbers returns the numbers of a list, nil for anything else.
func (c config) numbers(key string) []float64 { return listOf(c, key, toFloat) }

// listOf returns the values of a list by way of to, nil where that refuses one, and for anything else.
func listOf[T any](c config, key string, to func(any) (T, bool)) []T {
	list, _ := c[key].([]any)
	var out []T
	for _, v := range list {
		x, ok := to(v)
		if !ok {
			return nil
		}
		out = append(out, x)
	}
	return out
}
