// Package structured lets a model fill in Go values.
//
//	type City struct {
//		Name       string   `json:"name" jsonschema:"the city's English name"`
//		Population int      `json:"population"`
//		Rivers     []string `json:"rivers"`
//	}
//
//	city, err := structured.ChatInto[City](ctx, session, conv, nil)
//
// The type becomes a JSON Schema (SchemaOf), the schema a grammar (package grammar), and the answer, which is held to
// it, is decoded into a value. A schema that exists already, or another way to decode, needs only grammar.Schema,
// engine.GenerateOptions.Grammar and encoding/json.
//
// A model does better when the prompt says what is wanted, too: an example, or the schema itself.
package structured

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// ErrCut is wrapped by the error for an answer that ended before the value was complete: by GenerateOptions.MaxTokens,
// the context's end or a stop string.
var ErrCut = errors.New("the answer was cut")

// GenerateInto continues a text prompt with a JSON value and decodes it. Prompt, options and errors are those of
// Session.GenerateText; nil options are the defaults, and opt.Grammar is replaced. For an answer that is cut the error
// wraps ErrCut, and the value is that of T's zero.
func GenerateInto[T any](ctx context.Context, s *engine.Session, prompt string, opt *engine.GenerateOptions) (T, error) {
	return into[T](s, opt, func(opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error] {
		return s.GenerateText(ctx, prompt, opt)
	})
}

// ChatInto is GenerateInto for the answer to a conversation, see Session.Chat.
func ChatInto[T any](ctx context.Context, s *engine.Session, conv chat.Conversation, opt *engine.GenerateOptions) (T, error) {
	return into[T](s, opt, func(opt *engine.GenerateOptions) iter.Seq2[engine.Piece, error] {
		return s.Chat(ctx, conv, opt)
	})
}

func into[T any](s *engine.Session, opt *engine.GenerateOptions, answer func(*engine.GenerateOptions) iter.Seq2[engine.Piece, error]) (T, error) {
	var zero, value T
	g, err := grammarOf(reflect.TypeFor[T]())
	if err != nil {
		return zero, err
	}
	var own engine.GenerateOptions
	if opt != nil {
		own = *opt
	}
	own.Grammar = g
	var text strings.Builder
	for piece, err := range answer(&own) {
		if err != nil {
			return zero, err
		}
		text.WriteString(piece.Text)
	}
	if stats := s.Stats(); stats.Reason != engine.ReasonEOG {
		return zero, fmt.Errorf("%w (%s) after %q", ErrCut, stats.Reason, text.String())
	}
	if err := json.Unmarshal([]byte(text.String()), &value); err != nil {
		return zero, fmt.Errorf("decode %q: %w", text.String(), err)
	}
	return value, nil
}

// SchemaOf returns the JSON Schema of a Go type, as package github.com/google/jsonschema-go infers it: properties by
// their JSON names in the order of the fields, all required but those with omitempty or omitzero, the tag jsonschema as
// a description. Pointers, slices and maps may be null. Bounds keep integers within their types; time.Time is a
// date-time. The error names what has no JSON form, such as channels and types that contain themselves.
func SchemaOf[T any]() (string, error) { return schemaOf(reflect.TypeFor[T]()) }

func schemaOf(t reflect.Type) (string, error) {
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: typeSchemas})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(s)
	return string(text), err
}

// grammars keeps the grammars of types: their automata get to know a vocabulary once.
var grammars sync.Map // of *grammar.Grammar by reflect.Type

func grammarOf(t reflect.Type) (*grammar.Grammar, error) {
	if g, ok := grammars.Load(t); ok {
		return g.(*grammar.Grammar), nil
	}
	schema, err := schemaOf(t)
	if err != nil {
		return nil, err
	}
	g, err := grammar.Schema(schema, nil)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	kept, _ := grammars.LoadOrStore(t, g)
	return kept.(*grammar.Grammar), nil
}

// typeSchemas are the types whose inferred schema would allow what encoding/json does not decode.
var typeSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[int8]():      integers(math.MinInt8, math.MaxInt8),
	reflect.TypeFor[int16]():     integers(math.MinInt16, math.MaxInt16),
	reflect.TypeFor[int32]():     integers(math.MinInt32, math.MaxInt32),
	reflect.TypeFor[uint8]():     integers(0, math.MaxUint8),
	reflect.TypeFor[uint16]():    integers(0, math.MaxUint16),
	reflect.TypeFor[uint32]():    integers(0, math.MaxUint32),
	reflect.TypeFor[uint]():      {Type: "integer", Minimum: new(float64)},
	reflect.TypeFor[uint64]():    {Type: "integer", Minimum: new(float64)},
	reflect.TypeFor[float32]():   {Type: "number", Minimum: to(-math.MaxFloat32), Maximum: to(math.MaxFloat32)},
	reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
	reflect.TypeFor[[]byte]():    {Type: "string", Pattern: `^([A-Za-z0-9+/]{4})*$`},
}

func integers(lo, hi float64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: &lo, Maximum: &hi}
}

func to(x float64) *float64 { return &x }
