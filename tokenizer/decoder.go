package tokenizer

import "unicode/utf8"

// Decoder writes tokens as text, one after the other, as they are generated. It holds back the bytes of a UTF-8
// sequence until the sequence is complete, so everything it returns is valid UTF-8: a byte that can not be part of one
// becomes U+FFFD. Spaces are kept as they are, also the first one. A Decoder belongs to one goroutine.
type Decoder struct {
	t       *Tokenizer
	special bool
	shown   func(text string) bool // control tokens to show all the same, or nil
	held    []byte                 // the start of a sequence; between calls at most 3 bytes
}

// NewDecoder returns a decoder; special says whether control tokens are shown by their names.
func (t *Tokenizer) NewDecoder(special bool) *Decoder {
	return &Decoder{t: t, special: special}
}

// Show shows the control tokens, by their texts, for which shown is true, besides those that NewDecoder's special shows;
// nil shows no others.
func (d *Decoder) Show(shown func(text string) bool) { d.shown = shown }

// shows reports whether a token that may be one of control is shown.
func (d *Decoder) shows(id int32) bool {
	return d.special || d.shown != nil && d.t.IsControl(id) && d.shown(d.t.Text(id))
}

// Next takes a token and returns the text that is complete with it, possibly none.
func (d *Decoder) Next(id int32) string { return string(d.AppendNext(nil, id)) }

// AppendNext is Next without a new string: it appends the text to dst.
func (d *Decoder) AppendNext(dst []byte, id int32) []byte {
	d.held = d.t.AppendPiece(d.held, id, d.shows(id))
	n := 0
	for n < len(d.held) && utf8.FullRune(d.held[n:]) {
		r, size := utf8.DecodeRune(d.held[n:])
		dst = utf8.AppendRune(dst, r)
		n += size
	}
	d.held = d.held[:copy(d.held, d.held[n:])]
	return dst
}

// Flush ends the text: it returns U+FFFD for each byte that is still held back.
func (d *Decoder) Flush() string {
	var out []byte
	for range d.held {
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	d.held = d.held[:0]
	return string(out)
}
