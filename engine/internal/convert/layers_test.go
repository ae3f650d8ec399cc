package convert

import (
	"slices"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/convert/statistics"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Behind the last layer, the streams that statistics come from are what the model, and the converted one, make of the
// text: also in windows of several passes, and where recent tokens are seen otherwise than the rest.
func TestStreamsAreTheModels(t *testing.T) {
	for name, b := range variants() {
		checkStreams(t, name, b, model.CompressedShape{L: 40, Blocks: 1, Keys: 20, Recent: 32})
		if name == "llama" || name == "gemma3" {
			checkStreams(t, name, b, model.CompressedShape{R: 8, L: 32, Blocks: 1})
		}
	}
}

func checkStreams(t *testing.T, name string, b *gguftest.Builder, shape model.CompressedShape) {
	t.Helper()
	f, s := converttest.Open(t, b)
	const pass = statistics.BatchTokens
	windows := append(gguftest.Windows(8, 20, 90), gguftest.RandomIDs(pass+101, 90))
	m := converttest.Load(t, f, s, nil)
	c, err := newLayerwise(t.Context(), m, slices.Repeat([]model.CompressedShape{shape}, len(s.Layers)), windows[:4], windows[4:], false)
	if err == nil {
		err = c.run(t.Context(), func(int, int) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	checkStream(t, name+": original", m, windows, c.walk.Original())
	checkStream(t, name+": converted", converttest.Load(t, f, c.spec, c.made), windows, c.walk.Converted())
}

// checkStream compares logits of some tokens of a stream with the model's.
func checkStream(t *testing.T, what string, m *model.Model, windows [][]int32, x activation.F16) {
	t.Helper()
	at, width := 0, m.Spec().Width
	hidden := make([]float32, width)
	for _, ids := range windows {
		all := converttest.Logits(t, m, ids, converttest.All)
		var got, want [][]float32
		for i := 0; i < len(ids); i += 17 {
			x.Rows(at+i, 1).Load(hidden, 0, 1)
			m.NormOutput(hidden, hidden)
			logits := make([]float32, m.Vocab())
			if err := m.LogitsOf(logits, hidden, 1); err != nil {
				t.Fatal(err)
			}
			got, want = append(got, logits), append(want, all[i])
		}
		if e := converttest.NMSE(got, want); !(e < 1e-4) {
			t.Errorf("%s: logits of a window of %d are wrong by %g of their energy", what, len(ids), e)
		}
		at += len(ids)
	}
}
