// Package stream draws the tokens of an answer and makes its text from them: whole characters, up to a stop string,
// thoughts and tool calls apart.
package stream

import (
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Text is that of one answer, or of a part of it that goes on where another ended.
type Text struct {
	decoder *tokenizer.Decoder // may hold the first bytes of a character; nil without a tokenizer: tokens have no text
	special bool               // decoder's setting
	stops   *sample.Stops
	reader  *reply.Parser // nil: all is plain text
	carried string        // what the part before left

	over bool
	left string // what was not streamed, once it is over
}

// New returns an empty text. tok may be nil; special makes control tokens visible.
func New(tok *tokenizer.Tokenizer, special bool, stops []string) *Text {
	t := &Text{special: special, stops: sample.NewStops(stops)}
	if tok != nil {
		t.decoder = tok.NewDecoder(special)
	}
	return t
}

// Read makes p take thoughts and tool calls out of the text, with the control tokens that it needs.
func (t *Text) Read(p *reply.Parser) {
	t.reader = p
	t.decoder.Show(p.ShowsToken)
}

// GoOn makes the text begin with what another, which is over, did not stream; nil for none.
func (t *Text) GoOn(before *Text) {
	if before == nil || before.decoder == nil {
		return
	}
	t.carried = before.rest()
	if before.special == t.special {
		t.decoder = before.decoder
		t.decoder.Show(nil)
	} else {
		t.carried += before.decoder.Flush()
	}
}

// rest returns what was not streamed: what a reader or the stop strings held back, and what followed a stop string.
func (t *Text) rest() string {
	if !t.over {
		t.over, t.left = true, t.reader.Held()+t.stops.Rest()+t.stops.Flush()
	}
	return t.left
}

// Carried returns the text before the first token, and whether a stop string in it ends the answer.
func (t *Text) Carried() (text string, stop bool) {
	if t.carried == "" {
		return "", false
	}
	return t.stops.Push(t.carried)
}

// Next returns the text that is certain with a token, and whether a stop string ends the answer.
func (t *Text) Next(id int32) (text string, stop bool) {
	if t.decoder != nil {
		text = t.decoder.Next(id)
	}
	return t.stops.Push(text)
}

// End returns the text that was held back, unless a stop string has ended the answer. A character that is cut in two
// waits for its other bytes when more may come. stop says that a stop string was in it.
func (t *Text) End(more bool) (text string, stop bool) {
	if t.decoder != nil && !more {
		text, stop = t.stops.Push(t.decoder.Flush())
	}
	return text + t.stops.Flush(), stop
}

// Stop returns the stop string that was found, or "".
func (t *Text) Stop() string { return t.stops.Matched() }

// Split takes text apart. last is for the end of the answer: what a reader holds back is told, and it reads no more.
func (t *Text) Split(s string, last bool) (text, thinking string, calls []reply.Event) {
	if t.reader == nil {
		return s, "", nil
	}
	events := t.reader.Push(s)
	if last {
		events = append(events, t.reader.Close()...)
		t.reader = nil
	}
	return reply.Split(events)
}
