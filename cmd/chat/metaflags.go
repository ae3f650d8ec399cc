package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
)

// metaFlags change metadata.
type metaFlags struct {
	Set   []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a key (may be repeated). It keeps its kind; a new one is bool, u32, i32, f32 or str, as the value looks, or what KEY:KIND=VALUE says. Lists are written as in JSON, KEY=@FILE takes the text of a file."`
	Unset []string `sep:"none" placeholder:"KEY" help:"Remove a key (may be repeated)."`
}

// any reports whether there is something to change.
func (m *metaFlags) any() bool { return len(m.Set)+len(m.Unset) > 0 }

// Validate checks the form of the values.
func (m *metaFlags) Validate() error {
	for _, s := range m.Set {
		if _, err := parseAssignment(s); err != nil {
			return err
		}
	}
	return nil
}

// assignment is KEY=VALUE or KEY:KIND=VALUE.
type assignment struct{ key, kind, value string }

func parseAssignment(s string) (as assignment, err error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return as, fmt.Errorf("%q is not KEY=VALUE", s)
	}
	if i := strings.LastIndexByte(key, ':'); i > 0 {
		if k := strings.Trim(key[i+1:], "[]"); kinds[k] != nil {
			return assignment{key[:i], key[i+1:], value}, nil
		}
		return as, fmt.Errorf("%q: %q is none of the kinds u8 to u64, i8 to i64, f32, f64, bool, str, or one of them in brackets for a list", s, key[i+1:])
	}
	return assignment{key, "", value}, nil
}

// kinds are the Go types of the format's kinds.
var kinds = map[string]reflect.Type{
	"u8": reflect.TypeFor[uint8](), "i8": reflect.TypeFor[int8](), "u16": reflect.TypeFor[uint16](), "i16": reflect.TypeFor[int16](),
	"u32": reflect.TypeFor[uint32](), "i32": reflect.TypeFor[int32](), "u64": reflect.TypeFor[uint64](), "i64": reflect.TypeFor[int64](),
	"f32": reflect.TypeFor[float32](), "f64": reflect.TypeFor[float64](), "bool": reflect.TypeFor[bool](), "str": reflect.TypeFor[string](),
}

// change applies the flags to w, which has the metadata of f.
func (m *metaFlags) change(a *app, w *gguf.Writer, f *gguf.File) error {
	for _, key := range m.Unset {
		if !f.Has(key) {
			return fmt.Errorf("--unset %s: %s: %w", key, f.Name(), gguf.ErrNoKey)
		}
		w.Delete(key)
	}
	for _, s := range m.Set {
		as, err := parseAssignment(s)
		if err != nil {
			return err
		}
		if file, ok := strings.CutPrefix(as.value, "@"); ok {
			text, err := a.readFile(file)
			if err != nil {
				return fmt.Errorf("--set %s: %w", as.key, err)
			}
			as.value = string(text)
		}
		v, err := as.parse(f)
		if err != nil {
			return fmt.Errorf("--set %s: %w", as.key, err)
		}
		if err := w.Set(as.key, v); err != nil {
			return err
		}
	}
	return nil
}

// parse returns the value in the kind that is asked for, that the key has in f, or that it looks like.
func (as assignment) parse(f *gguf.File) (any, error) {
	kind := as.kind
	if v, ok := f.Value(as.key); ok && kind == "" {
		if kind = v.Kind().String(); v.Kind() == gguf.KindArray {
			kind = "[" + v.Elem().String() + "]"
		}
		if v.Elem() == gguf.KindArray {
			return nil, errors.New("it is a list of lists: those are only copied")
		}
	}
	if kind == "" {
		return looksLike(as.value), nil
	}
	if kind == "str" {
		return as.value, nil
	}
	typ := kinds[strings.Trim(kind, "[]")]
	if strings.HasPrefix(kind, "[") {
		typ = reflect.SliceOf(typ)
	}
	dst := reflect.New(typ)
	if typ == reflect.TypeFor[[]uint8]() { // JSON would want base64
		var list []uint16
		if err := decodeStrictly(as.value, &list); err != nil {
			return nil, fmt.Errorf("%q is no %s: %w", as.value, kind, err)
		}
		out := make([]uint8, len(list))
		for i, v := range list {
			if out[i] = uint8(v); v > math.MaxUint8 {
				return nil, fmt.Errorf("%q is no %s: %d is too large", as.value, kind, v)
			}
		}
		return out, nil
	}
	if err := decodeStrictly(as.value, dst.Interface()); err != nil && typ.Kind() == reflect.Slice {
		return nil, fmt.Errorf("%q is no %s: %w", as.value, kind, err)
	} else if err != nil {
		return nil, fmt.Errorf("%q is no %s", as.value, kind)
	}
	return dst.Elem().Interface(), nil
}

// decodeStrictly reads one JSON value that is not null.
func decodeStrictly(text string, dst any) error {
	if strings.TrimSpace(text) == "null" {
		return errors.New("null is no value")
	}
	err := json.Unmarshal([]byte(text), dst)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("it holds a %s", wrong.Value)
	}
	return err
}

// looksLike returns a value of the kind that a text looks like.
func looksLike(s string) any {
	if s == "true" || s == "false" {
		return s == "true"
	}
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return uint32(n)
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return int32(n)
	}
	if x, err := strconv.ParseFloat(s, 32); err == nil && strings.ContainsAny(s, ".e") {
		return float32(x)
	}
	return s
}
