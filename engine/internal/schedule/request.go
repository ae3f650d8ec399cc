package schedule

import (
	"context"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
)

// Client is a session's place in the line. It is used by one goroutine at a time, and its requests do not allocate. The
// zero value is not ready, see NewClient.
type Client struct {
	// What the next Run is to do:

	Seq    *model.Sequence
	Tokens []int32   // to append to Seq, in the vocabulary
	Prompt bool      // Tokens are, or are the rest of, a prompt of several; otherwise they are steps, see model.Step
	Most   int       // tokens of a prompt in one pass, at least 1
	Logits []float32 // [vocab] gets the logits after the last of Tokens if a pass reaches it; nil for none. Of steps
	// [len(Tokens), vocab], after each
	Hidden []float32 // [len(Tokens), width] gets what model.LogitsOf takes of the tokens of the pass; nil for nothing
	// Texts are several prompts, of a sequence each, instead of Seq and Tokens: the pass takes the first of all their
	// tokens. Hidden is for all of them, there are no Logits.
	Texts []model.Rows
	Whole bool // all Texts go into one pass, which they fit in
	Alone bool // in a pass of its own

	Shared bool // said by Run: others were in the pass

	ctx   context.Context
	wake  chan bool // true: lead; false: done
	place place
	kind  kind
	done  int   // tokens of the last Run
	err   error // of it

	away, late bool      // see gather
	ended      time.Time // end of the last pass
}

// kind is what a client waits for.
type kind uint8

const (
	pass      kind = iota // Tokens are to be evaluated
	exclusive             // the model is to be its own
)

// place is where a client is.
type place uint8

const (
	outside place = iota
	waiting       // in the queue
	leading       // in the queue, and to run the next pass or have the model for itself
	running       // in a pass
)

// NewClient returns a client.
func NewClient() *Client { return &Client{wake: make(chan bool, 1)} }

func (c *Client) step() bool { return c.kind == pass && !c.Prompt }

// size is how many tokens the client has.
func (c *Client) size() int {
	n := len(c.Tokens)
	for _, t := range c.Texts {
		n += len(t.Tokens)
	}
	return n
}

// appendRows appends what the first n of the client's tokens are in a pass.
func (c *Client) appendRows(rows []model.Rows, n int) []model.Rows {
	kind := model.Step
	if c.Prompt {
		kind = model.Prompt
	}
	if len(c.Texts) == 0 {
		return append(rows, model.Rows{Seq: c.Seq, Tokens: c.Tokens[:n], Kind: kind})
	}
	for _, t := range c.Texts {
		t.Tokens, t.Kind = t.Tokens[:min(n, len(t.Tokens))], kind
		if n -= len(t.Tokens); len(t.Tokens) > 0 {
			rows = append(rows, t)
		}
	}
	return rows
}

// share returns how many of the client's tokens a pass takes that has room for n, at least one: 0 for none.
func (c *Client) share(n int) int {
	size := c.size()
	if c.Whole && size > n {
		return 0
	}
	return min(size, c.Most, n)
}
