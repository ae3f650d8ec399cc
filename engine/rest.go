package engine

import (
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/tokenizer"
)

// rest is text of an answer that was drawn but not streamed, for an answer that goes on.
type rest struct {
	decoder *tokenizer.Decoder // may hold the first bytes of a character
	special bool               // decoder's setting
	text    string             // comes before what decoder holds
	grammar *grammar.Grammar   // that the answer was held to, or nil
	matcher *grammar.Matcher   // where it was in it
}

// takeRest makes the answer go on with what the last one left.
func (g *generation) takeRest() {
	r := g.s.rest
	if r.decoder == nil {
		return
	}
	g.carried = r.text
	if g.matcher != nil && r.grammar == g.opt.Grammar && !r.matcher.Complete() {
		g.matcher = r.matcher
	}
	if r.special == g.opt.Special {
		g.decoder = r.decoder
		g.decoder.Show(nil)
	} else {
		g.carried += r.decoder.Flush()
	}
}

// leaveRest keeps what was not streamed.
func (g *generation) leaveRest() {
	g.s.rest = rest{decoder: g.decoder, special: g.opt.Special, text: g.reader.Held() + g.stops.Rest() + g.stops.Flush(),
		grammar: g.opt.Grammar, matcher: g.matcher}
}

// carry streams the text that the answer starts with. done says that a stop string in it has ended the answer.
func (g *generation) carry(yield func(Piece, error) bool) (done bool, err error) {
	if g.carried == "" {
		return false, nil
	}
	emit, stop := g.stops.Push(g.carried)
	if stop {
		g.s.stats.Reason = ReasonStop
	}
	if emit == "" {
		return stop, nil
	}
	return stop, g.emit(Piece{Token: -1, Text: emit}, yield)
}
