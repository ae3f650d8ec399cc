package tokenizer

import (
	"fmt"
	"math"
	"slices"
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

// isSpecial reports whether a token is found in text where control tokens are.
func isSpecial(a attr) bool { return a&(attrControl|attrUser|attrUnknown) != 0 }

// isUser reports whether a token is found in any text.
func isUser(a attr) bool { return a&attrUser != 0 && a&(attrControl|attrUnknown) == 0 }

// typeAttrs maps the values of tokenizer.ggml.token_type: undefined, normal, unknown, control, user-defined, unused,
// byte.
var typeAttrs = [...]attr{0, attrNormal, attrUnknown, attrControl, attrUser, attrUnused, attrByte}

// vocab is the list of tokens. It does not change after New.
type vocab struct {
	tokens []string
	attrs  []attr
	scores []float32 // nil if the file has none
	ids    map[string]int32
	maxLen int // length of the longest token in bytes

	// wordwise is set if no token has a U+2581 behind anything else, and no merge leads to such a text: then text in
	// which spaces are escaped can be cut before every run of U+2581 without changing the result.
	wordwise bool

	warnings warnings // see Tokenizer.Warnings
}

// loadVocab reads tokens, types and scores. What llama.cpp loads is loaded and noted in warnings; what it refuses is an
// ErrVocab.
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

// index fills ids; an empty token gets the name that llama.cpp gives it. Errors: ErrVocab for a text that stands there
// twice, of which nobody can tell which id the model knows.
func (v *vocab) index() error {
	for i, s := range v.tokens {
		if s == "" {
			s = "[EMPTY_" + strconv.Itoa(i) + "]"
			v.tokens[i] = s
			v.warnings.add(keyTokens+"[%d] is empty: named %s", i, s)
		}
		if j, dup := v.ids[s]; dup {
			return badVocab(keyTokens, i, "%q is token %d already", clip(s), j)
		}
		v.ids[s] = int32(i)
		v.maxLen = max(v.maxLen, len(s))
		v.wordwise = v.wordwise && !spansWords(s)
	}
	return nil
}

// spansWords reports whether a text has a U+2581 behind anything else.
func spansWords(s string) bool { return strings.Contains(strings.TrimLeft(s, spaceMark), spaceMark) }

// loadTypes sets the attributes from the types; without the key all tokens are normal ones. A token of an unknown type
// stands for nothing. Errors: ErrVocab for fewer types than tokens, or a byte token that is too short to name one.
func (v *vocab) loadTypes(md Metadata) error {
	v.attrs = make([]attr, len(v.tokens))
	if !md.Has(keyTypes) {
		for i := range v.attrs {
			v.attrs[i] = attrNormal
		}
		return nil
	}
	types, err := md.Ints(keyTypes)
	if err == nil {
		types, err = perToken(v, keyTypes, types)
	}
	if err != nil {
		return err
	}
	for i, t := range types {
		if t < 0 || t >= int64(len(typeAttrs)) {
			v.warnings.add(keyTypes+"[%d]: %d is no token type: %q stands for nothing", i, t, clip(v.tokens[i]))
			continue
		}
		v.attrs[i] = typeAttrs[t]
		if err := v.checkByte(i); err != nil {
			return err
		}
	}
	return nil
}

// checkByte takes the attribute from a byte token whose text names no byte. llama.cpp reads a number out of the text's
// fourth and fifth character, whatever they are, and refuses a text without them.
func (v *vocab) checkByte(i int) error {
	text := v.tokens[i]
	if _, ok := hexByte(text); ok || v.attrs[i] != attrByte {
		return nil
	}
	if len(text) < len("<0x") {
		return badVocab(keyTokens, i, "byte token %q is not of the form <0xFF>", text)
	}
	v.warnings.add(keyTokens+"[%d]: byte token %q is not of the form <0xFF>: it stands for nothing", i, clip(text))
	v.attrs[i] = 0
	return nil
}

// loadScores reads the scores, which the key may lack. NaN, which has no place in an order, is the lowest. Errors:
// ErrVocab for fewer scores than tokens.
func (v *vocab) loadScores(md Metadata) error {
	if !md.Has(keyScores) {
		return nil
	}
	scores, err := md.Floats(keyScores)
	if err == nil {
		scores, err = perToken(v, keyScores, scores)
	}
	if err != nil {
		return err
	}
	v.scores = slices.Clone(scores)
	for i, s := range v.scores {
		if s != s {
			v.warnings.add(keyScores+"[%d] is not a number: taken as the lowest score", i)
			v.scores[i] = float32(math.Inf(-1))
		}
	}
	return nil
}

// perToken cuts an array to one element per token. Errors: ErrVocab if there are fewer.
func perToken[T any](v *vocab, key string, list []T) ([]T, error) {
	n := len(v.tokens)
	if len(list) < n {
		return nil, fmt.Errorf("%s: %d elements for %d tokens: %w", key, len(list), n, ErrVocab)
	}
	if len(list) > n {
		v.warnings.add(key+": %d elements for %d tokens: the last ones are ignored", len(list), n)
	}
	return list[:n], nil
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

// byteTokens returns the tokens <0x00> … <0xFF>, -1 for those that are missing. With plain set, a missing one is
// replaced by the token that consists of the byte itself.
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
