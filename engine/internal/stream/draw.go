package stream

import (
	"errors"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/sample"
)

// Drawer decides which token of an answer comes next: one that a grammar forces, or one that a chain of samplers draws
// from logits that a caller's function and a grammar have changed.
type Drawer struct {
	Chain *sample.Chain
	// Matcher is where the answer is in its grammar; nil without one.
	Matcher *grammar.Matcher
	// Logits sees and changes the logits before each draw, or is nil.
	Logits func(tokens []int32, logits []float32)
	// Endless answers do not end where the grammar allows it.
	Endless bool
	// Seen says that someone looks at each draw, or has it changed: then tokens are drawn that are forced, too.
	Seen bool
	// Forced counts tokens that were not drawn.
	Forced int

	next   []int32   // tokens that come next, since the grammar allows only their text
	hooked []float32 // logits that were changed
}

// Jump finds tokens that are forced, and reports whether there are any.
func (d *Drawer) Jump() (found bool, err error) {
	if d.Matcher == nil || d.Seen || d.Logits != nil {
		return false, nil
	}
	if len(d.next) == 0 {
		d.next, err = d.Matcher.Forced()
	}
	return len(d.next) > 0, err
}

// Token draws the token behind others, unless one is forced. The logits stay as they are.
func (d *Drawer) Token(tokens []int32, logits []float32) (int32, error) {
	if len(d.next) > 0 {
		id := d.next[0]
		d.next, d.Forced = d.next[1:], d.Forced+1
		d.Chain.Accept(id)
		return id, d.Matcher.Accept(id)
	}
	if d.Logits != nil || d.Matcher != nil {
		d.hooked = append(d.hooked[:0], logits...)
		logits = d.hooked
	}
	if d.Logits != nil {
		d.Logits(tokens, logits)
	}
	if d.Matcher != nil {
		if err := d.Matcher.Apply(logits, !d.Endless); err != nil {
			return 0, err
		}
	}
	id := d.Chain.Sample(logits)
	if id == sample.None {
		return 0, errors.New("no token can be drawn: the logits are not numbers, or logit_bias, the grammar and the model's suppress_tokens exclude all")
	}
	d.Chain.Accept(id)
	if d.Matcher != nil {
		return id, d.Matcher.Accept(id)
	}
	return id, nil
}

// Complete reports whether the grammar allows nothing more.
func (d *Drawer) Complete() bool { return d.Matcher != nil && d.Matcher.Complete() }
