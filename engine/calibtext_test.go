package engine

import (
	"reflect"
	"testing"
)

// Beside a text there are tokens in no order: a quarter as many, all of the vocabulary, the same each time, and no part of what
// perplexity is measured on.
func TestStrays(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	c := &conversion{m: m, opt: ConvertOptions{Tokens: 2048}}
	text, err := c.calibration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := text.size(text.train) + text.size(text.held)
	if got, most := text.size(text.stray), n/strayShare; got > most || got <= most-strayWindow {
		t.Errorf("%d tokens in no order beside %d", got, n)
	}
	seen := map[int32]bool{}
	for _, w := range text.stray {
		for _, id := range w {
			seen[id] = true
			if id < 0 || int(id) >= m.w.embed.Rows {
				t.Fatalf("token %d of %d", id, m.w.embed.Rows)
			}
		}
	}
	if len(seen) < min(m.w.embed.Rows, text.size(text.stray))/2 {
		t.Errorf("%d different tokens", len(seen))
	}
	if again := c.strays(n); !reflect.DeepEqual(again, text.stray) {
		t.Error("other tokens the second time")
	}
	if got, want := text.size(text.windows()), text.size(text.train)+text.size(text.stray); got != want {
		t.Errorf("statistics come from %d tokens, want %d", got, want)
	}
}
