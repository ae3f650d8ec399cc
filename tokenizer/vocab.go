package tokenizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// attr is a set of token attributes, as llama.cpp has them.
type attr uint16

const (
	attrUnknown attr = 1 << iota
	attrUnused
	attrNormal
	attrControl
	attrUser
	attrByte
	attrLeft  // white space before it in the text vanishes
	attrRight // white space after it in the text vanishes
	attrSteer // means something to the model that text from outside must not say, see EncodeOptions.Plain
)

// typeAttrs maps the values of tokenizer.ggml.token_type: undefined, normal, unknown, control, user-defined, unused, byte.
var typeAttrs = [...]attr{0, attrNormal, attrUnknown, attrControl, attrUser, attrUnused, attrByte}

// vocab is the list of tokens. It does not change after New.
type vocab struct {
	tokens []string
	attrs  []attr
	scores []float32 // nil if the file has none
	ids    map[string]int32
	maxLen int // length of the longest token in bytes

	// wordwise is set if no token has a U+2581 behind anything else: then text in which spaces are escaped can be
	// cut before every run of U+2581 without changing the result.
	wordwise bool
}

// loadVocab reads tokens, types and scores and checks them.
func loadVocab(md Metadata) (*vocab, error) {
	tokens, err := md.Strings(keyTokens)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 || len(tokens) > math.MaxInt32 {
		return nil, fmt.Errorf("%s: %d tokens: %w", keyTokens, len(tokens), ErrVocab)
	}
	v := &vocab{tokens: tokens, ids: make(map[string]int32, len(tokens)), wordwise: true}
	if err := v.index(); err != nil {
		return nil, err
	}
	if err := v.loadTypes(md); err != nil {
		return nil, err
	}
	return v, v.loadScores(md)
}

// index fills ids; an empty token gets the name that llama.cpp gives it. Errors: ErrVocab for a text that stands there twice.
func (v *vocab) index() error {
	for i, s := range v.tokens {
		if s == "" {
			s = "[EMPTY_" + strconv.Itoa(i) + "]"
			v.tokens[i] = s
		}
		if j, dup := v.ids[s]; dup {
			return badVocab(keyTokens, i, "%q is token %d already", clip(s), j)
		}
		v.ids[s] = int32(i)
		v.maxLen = max(v.maxLen, len(s))
		if v.wordwise && strings.Contains(strings.TrimLeft(s, spaceMark), spaceMark) {
			v.wordwise = false
		}
	}
	return nil
}

// loadTypes sets the attributes from the types; without the key all tokens are normal ones. Errors: ErrVocab for another number of
// types than tokens, an unknown type, or a byte token whose text names no byte.
func (v *vocab) loadTypes(md Metadata) error {
	v.attrs = make([]attr, len(v.tokens))
	if !md.Has(keyTypes) {
		for i := range v.attrs {
			v.attrs[i] = attrNormal
		}
		return nil
	}
	types, err := md.Ints(keyTypes)
	if err != nil {
		return err
	}
	if len(types) != len(v.tokens) {
		return fmt.Errorf("%s: %d types for %d tokens: %w", keyTypes, len(types), len(v.tokens), ErrVocab)
	}
	for i, t := range types {
		if t < 0 || t >= int64(len(typeAttrs)) {
			return badVocab(keyTypes, i, "no token type %d", t)
		}
		v.attrs[i] = typeAttrs[t]
		if _, ok := hexByte(v.tokens[i]); !ok && v.attrs[i] == attrByte {
			return badVocab(keyTokens, i, "byte token %q is not of the form <0xFF>", clip(v.tokens[i]))
		}
	}
	return nil
}

// loadScores reads the scores, which the key may lack. Errors: ErrVocab for another number of scores than tokens, or NaN, which
// has no place in an order.
func (v *vocab) loadScores(md Metadata) error {
	if !md.Has(keyScores) {
		return nil
	}
	scores, err := md.Floats(keyScores)
	if err != nil {
		return err
	}
	if len(scores) != len(v.tokens) {
		return fmt.Errorf("%s: %d scores for %d tokens: %w", keyScores, len(scores), len(v.tokens), ErrVocab)
	}
	for i, s := range scores {
		if s != s {
			return badVocab(keyScores, i, "not a number")
		}
	}
	v.scores = scores
	return nil
}

// id returns the token with this text, or -1.
func (v *vocab) id(text string) int32 {
	if id, ok := v.ids[text]; ok {
		return id
	}
	return -1
}

// idBytes is id without making a string.
func (v *vocab) idBytes(text []byte) int32 {
	if id, ok := v.ids[string(text)]; ok {
		return id
	}
	return -1
}

// is reports whether a token has any of the attributes; false for an id out of range.
func (v *vocab) is(id int32, a attr) bool {
	return id >= 0 && int(id) < len(v.attrs) && v.attrs[id]&a != 0
}

// hexByte returns the byte that a token of the form <0xFF> stands for.
func hexByte(s string) (byte, bool) {
	if len(s) != 6 || !strings.HasPrefix(s, "<0x") || s[5] != '>' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[3:5], 16, 8)
	return byte(n), err == nil
}

// byteTokens returns the tokens <0x00> … <0xFF>, -1 for those that are missing. With plain set, a missing one is replaced by
// the token that consists of the byte itself.
func (v *vocab) byteTokens(plain bool) *[256]int32 {
	var t [256]int32
	for b := range t {
		t[b] = v.id(fmt.Sprintf("<0x%02X>", b))
		if t[b] < 0 && plain {
			t[b] = v.id(string([]byte{byte(b)}))
		}
	}
	return &t
}

// clip shortens a string from the file for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
