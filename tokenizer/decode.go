package tokenizer

import "strings"

// DecodeOptions says how Decode writes tokens.
type DecodeOptions struct {
	// Special shows control and unknown tokens by their names instead of leaving them out.
	Special bool

	// Tidy removes spaces before punctuation and contractions if the vocabulary wants that
	// (clean_up_tokenization_spaces). Then a text may come back changed.
	Tidy bool
}

// AppendPiece appends the bytes that a token stands for, which need not be whole UTF-8 sequences. Control and unknown
// tokens are left out unless special is set; an id out of range and an unused token have no bytes.
func (t *Tokenizer) AppendPiece(dst []byte, id int32, special bool) []byte {
	if id < 0 || int(id) >= len(t.tokens) {
		return dst
	}
	text, a := t.tokens[id], t.attrs[id]
	switch {
	case a&(attrControl|attrUnknown) != 0:
		if special {
			dst = append(dst, text...)
		}
	case a&attrUser != 0:
		dst = append(dst, text...) // stands in the text as it is in the file
	case a&attrNormal != 0 && t.escape:
		dst = appendUnescaped(dst, text)
	case a&attrNormal != 0 && t.printed:
		dst = appendBytes(dst, text)
	case a&attrNormal != 0:
		dst = append(dst, text...)
	case a&attrByte != 0:
		b, _ := hexByte(text)
		dst = append(dst, b)
	}
	return dst
}

// appendUnescaped appends s with spaces for U+2581.
func appendUnescaped(dst []byte, s string) []byte {
	for {
		i := strings.Index(s, spaceMark)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:i]...), ' ')
		s = s[i+len(spaceMark):]
	}
}

// Decode returns the text of tokens. The space that Encode puts before a text (SentencePiece) is removed from the first
// token. The result has the bytes that the tokens stand for, UTF-8 or not.
func (t *Tokenizer) Decode(ids []int32, opt DecodeOptions) string {
	var out []byte
	for i, id := range ids {
		out = t.AppendPiece(out, id, opt.Special)
		if i == 0 && t.prefix && len(out) > 0 && out[0] == ' ' {
			out = out[1:]
		}
	}
	if opt.Tidy && t.tidy {
		return tidy(string(out))
	}
	return string(out)
}

// tidy removes the space before ? ! . , and 's 'm 're 've, and both spaces around a lone apostrophe.
func tidy(s string) string {
	s = beforeStops.Replace(s)
	s = strings.ReplaceAll(s, " ' ", "'")
	return beforeEndings.Replace(s)
}

var (
	beforeStops   = strings.NewReplacer(" ?", "?", " !", "!", " .", ".", " ,", ",")
	beforeEndings = strings.NewReplacer(" 's", "'s", " 'm", "'m", " 're", "'re", " 've", "'ve")
)
