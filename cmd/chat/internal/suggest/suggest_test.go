package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"chat", "run", "pull", "inspect", "tokenize", "perplexity", "list", "help", "/help", "/bye", "temperature"}
	for word, want := range map[string]string{
		"tokenise": "tokenize", "Inspect": "inspect", "inspcet": "inspect", "lsit": "list", "hlep": "help", "/hlep": "/help",
		"/bey": "/bye", "perp": "perplexity", "temp": "temperature", "ruin": "run", "pul": "pull",
		"serve": "", "": "", "x": "", "num_ctx": "", "tokenizer": "tokenize", "bench": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
