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

// tokenTypes sets how many kinds of segments there are.
func (m *model) tokenTypes() {
	n, ok := m.cfg.integer("type_vocab_size")
	if !ok {
		n = 1
	}
	m.set("tokenizer.ggml.token_type_count", uint32(max(n, 0)))
}

// vocabWordPiece is BERT's.
func (m *model) vocabWordPiece() error {
	_, tokens, pre, err := m.base()
	if err != nil {
		return err
	}
	m.tokenTypes()
	m.vocabulary("bert", pre, phantom(tokens), false)
	s, err := m.readSpecial(false, len(tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

// vocabRoberta is byte-level BPE, or WordPiece without tokenizer.json.
func (m *model) vocabRoberta() error {
	if err := m.vocabBPE(); err != nil {
		return err
	}
	m.tokenTypes()
	return nil
}
