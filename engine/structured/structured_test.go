package structured

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

type small struct {
	Kind  bool                `json:"kind"`
	Byte  uint8               `json:"byte"`
	Tiny  int8                `json:"tiny"`
	Wide  int64               `json:"wide"`
	Ratio float32             `json:"ratio"`
	Maybe *int16              `json:"maybe,omitempty"`
	Pair  [2]uint16           `json:"pair"`
	Inner struct{ A, B bool } `json:"inner"`
}

func load(t *testing.T, path string) *engine.Session {
	t.Helper()
	m, err := engine.Load(path, &engine.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, err := m.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRandomModel: whatever a model says fits the type.
func TestRandomModel(t *testing.T) {
	m := gguftest.TinyLlama()
	m.Bytes, m.Vocab = true, 259
	path := m.Build().Write(t)
	s := load(t, path)
	filled, cut := 0, 0
	for seed := range int64(6) {
		opt := &engine.GenerateOptions{MaxTokens: 230, Sampling: &engine.Sampling{Temperature: 1, Seed: seed + 1}}
		_, err := GenerateInto[small](context.Background(), s, "x", opt)
		switch {
		case err == nil:
			filled++
		case errors.Is(err, ErrCut) && strings.Contains(err.Error(), engine.ReasonMaxTokens):
			cut++
		default:
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if filled == 0 {
		t.Errorf("%d values, %d cut", filled, cut)
	}
	_, err := GenerateInto[small](context.Background(), s, "x", &engine.GenerateOptions{MaxTokens: 3})
	if !errors.Is(err, ErrCut) {
		t.Errorf("three tokens: %v", err)
	}
	if _, err := GenerateInto[chan int](context.Background(), s, "x", nil); err == nil {
		t.Error("a channel has no schema")
	}
}

type city struct {
	Name    string    `json:"name"`
	Country string    `json:"country"`
	Capital bool      `json:"capital"`
	People  int32     `json:"people"`
	Founded time.Time `json:"founded"`
}

// TestSmolLM2: the small model's answer parses, validates and has something to do with the question.
func TestSmolLM2(t *testing.T) {
	s := load(t, testenv.Model(t))
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Describe the city of Paris as JSON.")}}
	opt := &engine.GenerateOptions{MaxTokens: 120, Sampling: &engine.Sampling{RepeatPenalty: 1.1}}
	c, err := ChatInto[city](context.Background(), s, conv, opt)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Paris" {
		t.Errorf("%+v", c)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.ForType(reflect.TypeFor[city](), &jsonschema.ForOptions{TypeSchemas: typeSchemas})
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(v); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func TestSchemaOf(t *testing.T) {
	got, err := SchemaOf[city]()
	if err != nil {
		t.Fatal(err)
	}
	if at, last := strings.Index(got, `"name"`), strings.Index(got, `"founded"`); at < 0 || at > last {
		t.Errorf("the order of fields is lost: %s", got)
	}
	t.Log(got)
}
