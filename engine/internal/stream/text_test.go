package stream

import (
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/tokenizer"
)

// What follows a stop string in its token comes first in the next answer, which a stop string in it may end.
func TestRestOfAStoppedToken(t *testing.T) {
	tiny := gguftest.TinyLlama()
	tiny.Bytes, tiny.Vocab = true, 259
	f, err := gguf.OpenBytes("tiny", tiny.Build().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(f)
	if err != nil {
		t.Fatal(err)
	}
	before := New(tok, false, nil)
	before.over, before.left = true, "one\ntwo\nthree"
	for _, want := range []struct {
		text string
		stop bool
	}{{"one", true}, {"two", true}, {"three", false}} {
		x := New(tok, false, []string{"\n"})
		x.GoOn(before)
		text, stop := x.Carried()
		if text != want.text || stop != want.stop {
			t.Errorf("%q, %v, want %v", text, stop, want)
		}
		before = x
	}
}
