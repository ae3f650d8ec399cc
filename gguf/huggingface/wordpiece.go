package huggingface

import "strings"

// phantom writes a WordPiece vocabulary as the format has it: what begins a word after U+2581, what continues one as it
// is.
func phantom(tokens []token) []token {
	out := make([]token, len(tokens))
	for i, t := range tokens {
		if t.kind != kindControl {
			if rest, ok := strings.CutPrefix(t.text, "##"); ok {
				t.text = rest
			} else {
				t.text = "▁" + t.text
			}
		}
		out[i] = t
	}
	return out
}
