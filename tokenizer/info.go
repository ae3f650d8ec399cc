package tokenizer

import "slices"

// Model returns tokenizer.ggml.model: "llama" (SentencePiece), "gpt2" (byte-level BPE), "bert" (WordPiece), "t5"
// (Unigram), "plamo2", "gemma4", "hybriddna", "whitespace".
func (t *Tokenizer) Model() string { return t.model }

// Pre returns the name of the pre-tokeniser, "" for schemes that have none.
func (t *Tokenizer) Pre() string { return t.pre }

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// Text returns the vocabulary's entry of a token, as it stands in the file; "" for an id out of range. AppendPiece
// gives what the token stands for.
func (t *Tokenizer) Text(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// Lookup returns the token whose entry in the vocabulary is text.
func (t *Tokenizer) Lookup(text string) (int32, bool) {
	id, ok := t.ids[text]
	return id, ok
}

// BOS returns the token that begins a text, if there is one.
func (t *Tokenizer) BOS() (int32, bool) { return t.withRole(roleBOS) }

// EOS returns the token that ends a text, if there is one.
func (t *Tokenizer) EOS() (int32, bool) { return t.withRole(roleEOS) }

// EOT returns the token that ends a turn in a conversation, if there is one. Several tokens may do so: see IsEOG.
func (t *Tokenizer) EOT() (int32, bool) { return t.withRole(roleEOT) }

// EOM returns the token that ends a message with a tool call, if there is one.
func (t *Tokenizer) EOM() (int32, bool) { return t.withRole(roleEOM) }

// Separator returns the token between two texts, if there is one.
func (t *Tokenizer) Separator() (int32, bool) { return t.withRole(roleSeparator) }

// Unknown returns the token for what has no token, if there is one.
func (t *Tokenizer) Unknown() (int32, bool) { return t.withRole(roleUnknown) }

// Pad returns the padding token, if there is one.
func (t *Tokenizer) Pad() (int32, bool) { return t.withRole(rolePad) }

// FIM returns the tokens around the parts of a text whose middle is to be filled in; false unless all three exist.
func (t *Tokenizer) FIM() (prefix, suffix, middle int32, ok bool) {
	prefix, suffix, middle = t.role[roleFIMPrefix], t.role[roleFIMSuffix], t.role[roleFIMMiddle]
	return prefix, suffix, middle, prefix >= 0 && suffix >= 0 && middle >= 0
}

func (t *Tokenizer) withRole(r role) (int32, bool) { return t.role[r], t.role[r] >= 0 }

// IsEOG reports whether a token ends the generation of an answer.
func (t *Tokenizer) IsEOG(id int32) bool {
	_, found := slices.BinarySearch(t.eog, id)
	return found
}

// EOG returns the tokens that end the generation, ascending. The caller must not change them.
func (t *Tokenizer) EOG() []int32 { return t.eog }

// IsControl reports whether a token is for control, which has no text of its own.
func (t *Tokenizer) IsControl(id int32) bool { return t.is(id, attrControl) }

// AddBOS reports whether AddSpecial puts BOS before a text.
func (t *Tokenizer) AddBOS() bool { return t.first >= 0 }

// AddEOS reports whether AddSpecial puts EOS, or BERT's [SEP], behind a text.
func (t *Tokenizer) AddEOS() bool { return t.last >= 0 }

// Suppressed returns the tokens that the file wants never to be sampled. The caller must not change them.
func (t *Tokenizer) Suppressed() []int32 { return t.suppress }
