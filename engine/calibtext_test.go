package engine

import (
	"reflect"
	"testing"
)

// Beside a text there is half as much that the model writes after tokens of the whole vocabulary: the same each time, and no
// part of what perplexity is measured on.
func TestSideText(t *testing.T) {
	m := loadFile(t, exactTiny("llama").build().Write(t), Options{MLA: MLAOff})
	c := &conversion{m: m, opt: ConvertOptions{Tokens: 8192}}
	text, err := c.calibration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := countTokens(text.train) + countTokens(text.held)
	if got, least := countTokens(text.side), n/sideShare; got < least || got >= least+sideWindow {
		t.Errorf("%d tokens beside %d", got, n)
	}
	drawn := map[int32]bool{}
	for i, w := range text.side {
		for _, id := range w[:sideDrawn] {
			drawn[id] = true
		}
		if i > 0 && reflect.DeepEqual(w, text.side[0]) {
			t.Errorf("windows 0 and %d are the same", i)
		}
	}
	if all := m.w.embed.Rows; len(drawn) < min(all, sideDrawn*len(text.side))/2 {
		t.Errorf("windows start with %d different tokens of %d", len(drawn), all)
	}
	again, err := c.side(t.Context(), n, func(int, int) {})
	if err != nil || !reflect.DeepEqual(again, text.side) {
		t.Errorf("other tokens the second time (%v)", err)
	}
	if got, want := countTokens(text.windows()), countTokens(text.train)+countTokens(text.side); got != want {
		t.Errorf("statistics come from %d tokens, want %d", got, want)
	}
}
