package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
)

// A session of an encoder, or one longer than there are learned positions, is refused when it is made.
func TestSessionsThatCannotBe(t *testing.T) {
	m, err := Load(gguftest.EncoderVariants()["nomic-bert"].Build().Write(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.NewSession(nil); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "vectors") {
		t.Errorf("encoder: %v", err)
	}
	gpt, err := Load(gguftest.ClassicVariants()["gpt2"].Build().Write(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer gpt.Close()
	if _, err := gpt.NewSession(&SessionOptions{Context: 65}); err == nil || !strings.Contains(err.Error(), "64") {
		t.Errorf("65 tokens: %v", err)
	}
	if s, err := gpt.NewSession(nil); err != nil || s.Context() != 64 {
		t.Errorf("default: %v", err)
	}
}
