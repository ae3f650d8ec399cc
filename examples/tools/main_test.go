package main

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// A model that knows nothing of tools answers in text: which, depends on the CPU's rounding.
func TestAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("SmolLM2 answers: left out with -short")
	}
	var out strings.Builder
	if err := run(t.Context(), &out, testenv.Model(t), "What is the capital of France?"); err != nil || strings.TrimSpace(out.String()) == "" || strings.Contains(out.String(), "[get_weather") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestResult(t *testing.T) {
	var out strings.Builder
	call := chat.ToolCall{Name: "get_weather", Arguments: chat.NewObject(chat.Field{Name: "city", Value: "Oslo"})}
	if got := result(&out, call); !strings.Contains(got, `"Oslo"`) || out.String() != "[get_weather Oslo]\n" {
		t.Errorf("%s, printed %q", got, out.String())
	}
	for _, wrong := range []chat.ToolCall{{Name: "get_time"}, {Name: "get_weather"}} {
		if got := result(&out, wrong); !strings.Contains(got, "error") {
			t.Errorf("%+v: %s", wrong, got)
		}
	}
}
