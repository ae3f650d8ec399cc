package tokenizer

import (
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
)

// Words of docs/models.md are cut by rules that are known, and its tokens end answers, by their text or because the
// file says so.
func TestModelsTable(t *testing.T) {
	for _, r := range testenv.Models(t) {
		var end []entry
		if tiny := map[bool]string{false: "<|end|>", true: "</s>"}[r.Words == "llama"]; r.Ends != "" && r.Ends != tiny {
			end = []entry{{r.Ends, tControl, 0}}
		}
		f := tinyBPE(end...)
		switch r.Words {
		case "": // not told
		case "llama":
			f = tinySPM(end...)
		case "bert":
			f = tinyBERT(end...)
		case "t5":
			f = tinyT5(end...)
		case "gemma4":
			f = f.with(keyModel, "gemma4")
		default:
			f = f.with(keyPre, r.Words)
		}
		tok, err := New(f)
		if err != nil {
			t.Errorf("%s: %v", r.Files, err)
			continue
		}
		if r.Ends == "" {
			continue
		}
		id := tok.id(r.Ends)
		if tok.IsEOG(id) == r.EndsByKey {
			t.Errorf("%s: %q ends an answer by its text: %v", r.Files, r.Ends, !r.EndsByKey)
		}
		tok, err = New(f.with(keyEOS, int(id)))
		if err != nil || !tok.IsEOG(id) {
			t.Errorf("%s: %q does not end an answer as EOS: %v", r.Files, r.Ends, err)
		}
	}
}
