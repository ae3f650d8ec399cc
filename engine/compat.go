package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/gguf"
)

// writeCompat adds the model, compressed to plan, as a file of architecture deepseek2, which llama.cpp loads.
func (m *Model) writeCompat(*gguf.Writer, map[string]*tensor, []latentShape) error {
	return fmt.Errorf("%s: compat %q: %w", m.file.Name(), CompatLlama, ErrUnsupported)
}
