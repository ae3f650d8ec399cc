package arch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/arch"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// An unknown architecture's error names it and the known one that is most like it; a long name costs no time.
func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"qwen9": "qwen", "gemma9": "gemma", "llamma": "llama", "granitemoe2": "granitemoe", "GPT-OSS": "gpt-oss",
		"olmo2moe": "olmo2", strings.Repeat("phi", 2000): "phi",
	} {
		b := &gguftest.Builder{}
		_, err := arch.Read(openGGUF(t, b.Set("general.architecture", name).Write(t)))
		if !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), `is "`+want) {
			t.Errorf("%.20s: want %q, got %.200v", name, want, err)
		}
	}
}
