package convert

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
)

// Models of docs/models.md are compressed, or refused for the reason that it gives.
func TestModelsTable(t *testing.T) {
	samples := gguftest.ByArchitecture()
	for _, m := range gguftest.EncoderVariants() {
		samples[m.Arch] = m.Build
	}
	for name, b := range gguftest.TextVariants() {
		samples[name] = func() *gguftest.Builder { return b }
	}
	others := map[string]func() *gguftest.Builder{ // files that differ from the first of their architecture
		"gemma-4-E2B, E4B": gguftest.SketchVariants()["gemma4-e"].Build,
		"Phi-4-mini":       gguftest.RelativeVariants()["phi3-long"].Build,
	}
	done := map[string]string{}
	for _, r := range testenv.Models(t) {
		build, other := others[r.Files]
		if was, ok := done[r.Architecture]; ok && !other {
			if was != r.Compressed {
				t.Errorf("%s: %q, but %q before", r.Files, r.Compressed, was)
			}
			continue
		}
		ok := other
		if !other {
			done[r.Architecture] = r.Compressed
			build, ok = samples[r.Architecture]
		}
		if !ok {
			t.Errorf("%s: no small model of architecture %q", r.Files, r.Architecture)
			continue
		}
		_, s := converttest.Open(t, build())
		_, err := plan(s, Form{Percent: 50}, nil, false)
		if yes := r.Compressed == "yes"; yes != (err == nil) || !yes && !strings.Contains(err.Error(), r.Compressed) {
			t.Errorf("%s, architecture %s: %q, but %v", r.Files, r.Architecture, r.Compressed, err)
		}
	}
}
