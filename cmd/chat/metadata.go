package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/latentgo/latentgo/gguf"
)

// metadata is a file's metadata as a JSON object in file order.
type metadata struct{ f *gguf.File }

// MarshalJSON implements json.Marshaler.
func (m metadata) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range m.f.Keys() {
		if i > 0 {
			b.WriteByte(',')
		}
		v, _ := m.f.Value(key)
		if err := appendJSON(&b, key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, jsonValue(v.Any())); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// appendJSON appends v as JSON.
func appendJSON(b *bytes.Buffer, v any) error {
	raw, err := json.Marshal(v)
	b.Write(raw)
	return err
}

// jsonValue replaces what JSON cannot hold: bytes would become base64, NaN and infinities an error.
func jsonValue(v any) any {
	switch v := v.(type) {
	case []uint8:
		return mapped(v, func(x uint8) any { return int(x) })
	case float32:
		return jsonFloat(float64(v), 32)
	case float64:
		return jsonFloat(v, 64)
	case []float32:
		return mapped(v, func(x float32) any { return jsonFloat(float64(x), 32) })
	case []float64:
		return mapped(v, func(x float64) any { return jsonFloat(x, 64) })
	case []any:
		return mapped(v, jsonValue)
	}
	return v
}

// mapped applies f to all elements.
func mapped[T any](s []T, f func(T) any) []any {
	out := make([]any, len(s))
	for i, x := range s {
		out[i] = f(x)
	}
	return out
}

// jsonFloat writes a number with as few digits as its size needs; NaN and infinities are strings.
func jsonFloat(x float64, bits int) any {
	s := strconv.FormatFloat(x, 'g', -1, bits)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return s
	}
	return json.Number(s)
}
