package speculate

import (
	"context"
	"time"
)

// Drafter appends to dst up to n tokens that may follow a text.
type Drafter func(ctx context.Context, dst, text []int32, n int) ([]int32, error)

// Guesser makes the guesses of one answer and follows what comes of them. A pass evaluates the newest token and its
// guesses; then tokens are drawn, one after the other, each from the logits behind the last, as long as what is drawn
// is what was guessed.
type Guesser struct {
	Lookup bool
	Draft  Drafter                       // or nil
	Since  func(time.Time) time.Duration // how long a pass took: time.Since

	lookup  Lookup
	pace    *Pace
	guesses []int32 // of the pass
	right   int     // of them that were drawn
	class   int
	started time.Time
}

// Guess returns up to n tokens that may follow the text, in a buffer of its own, and begins a pass. Of two sources the
// lookup goes first where it has a long match.
func (g *Guesser) Guess(ctx context.Context, text []int32, n int) (guesses []int32, err error) {
	if g.pace == nil {
		g.pace = NewPace()
	}
	g.started, g.guesses, g.right = time.Now(), g.guesses[:0], 0
	n = min(n, Most)
	if n <= 0 {
		return nil, nil
	}
	if g.Lookup {
		var match int
		g.guesses, match = g.lookup.Guess(g.guesses, text, n)
		if match > 0 {
			g.class = ClassOf(match)
			g.guesses = g.guesses[:g.pace.Want(g.class, n)]
		}
	}
	if g.Draft != nil && len(g.guesses) == 0 {
		err = g.draft(ctx, text, n)
	}
	return g.guesses, err
}

// draft asks the draft model.
func (g *Guesser) draft(ctx context.Context, text []int32, n int) (err error) {
	if n = g.pace.Want(Draft, n); n == 0 {
		return nil
	}
	g.class = Draft
	g.guesses, err = g.Draft(ctx, g.guesses, text, n)
	if len(g.guesses) == 0 {
		g.pace.Lost(g.Since(g.started).Seconds())
		g.started = time.Now()
	}
	return err
}

// Keep takes all but the first n guesses back before the pass, or after one that failed.
func (g *Guesser) Keep(n int) []int32 {
	g.guesses = g.guesses[:n]
	return g.guesses
}

// Passed ends the pass.
func (g *Guesser) Passed() { g.pace.Passed(len(g.guesses), g.Since(g.started).Seconds()) }

// Right reports whether the pass holds the logits behind a token that was drawn from the newest ones: after so many of
// its tokens.
func (g *Guesser) Right(drawn int32) (after int, ok bool) {
	if g.right == len(g.guesses) || g.guesses[g.right] != drawn {
		return 0, false
	}
	g.right++
	return g.right, true
}

// Settle returns how many guesses were wrong or not drawn; none are left then.
func (g *Guesser) Settle() (wrong int) {
	if len(g.guesses) == 0 {
		return 0
	}
	wrong = len(g.guesses) - g.right
	g.pace.Settled(g.class, len(g.guesses), g.right)
	g.guesses, g.right = g.guesses[:0], 0
	return wrong
}
