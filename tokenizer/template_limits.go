package tokenizer

import (
	"context"
	"fmt"
	"time"
)

// TemplateLimits bounds what one rendering may use, since a model file's
// template is a program from a stranger. Zero fields take the default that is
// given with each; there is no way to switch a limit off, only to raise it.
// Reaching a limit ends Render with ErrTemplateLimit on the caller's
// goroutine; nothing keeps running.
type TemplateLimits struct {
	// Timeout is the wall-clock time of one Render. Default 1 s, about a
	// thousand times what a real template needs for a long conversation.
	Timeout time.Duration

	// Steps is the number of operations: each operator, filter, test,
	// attribute, call and loop pass is one, and long strings and lists cost
	// one more per 64 bytes or item. Default 5,000,000.
	Steps int

	// Bytes is the sum over all strings and lists that the template makes,
	// whether still in use or not, and therefore bounds the memory in use.
	// Default 128 MiB.
	Bytes int

	// Output is the length in bytes of all text written, counting text once
	// more for every macro or set block it passes through. Default 16 MiB.
	Output int

	// Depth is how deep macros may call each other. Default 64.
	Depth int
}

// withDefaults fills the zero fields.
func (l TemplateLimits) withDefaults() TemplateLimits {
	if l.Timeout <= 0 {
		l.Timeout = time.Second
	}
	l.Steps = tmplOr(l.Steps, 5_000_000)
	l.Bytes = tmplOr(l.Bytes, 128<<20)
	l.Output = tmplOr(l.Output, 16<<20)
	l.Depth = tmplOr(l.Depth, 64)
	return l
}

// tmplOr returns n, or def when n is not positive.
func tmplOr(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// tmplBudget counts what a rendering has used. It belongs to one goroutine.
type tmplBudget struct {
	ctx      context.Context
	lim      TemplateLimits
	deadline time.Time

	steps, bytes, output, depth int
	nextCheck                   int // value of steps at which the clock is read next
}

// tmplCheckEvery is the number of steps between two looks at the clock and
// the context: about 50 µs of work.
const tmplCheckEvery = 256

// newTmplBudget starts the clock; zero fields of lim take their defaults.
func newTmplBudget(ctx context.Context, lim TemplateLimits) *tmplBudget {
	lim = lim.withDefaults()
	return &tmplBudget{ctx: ctx, lim: lim, deadline: time.Now().Add(lim.Timeout)}
}

// step charges n operations, n >= 0.
func (b *tmplBudget) step(n int) error {
	b.steps += n
	if b.steps < b.nextCheck {
		return nil
	}
	b.nextCheck = b.steps + tmplCheckEvery
	if b.steps > b.lim.Steps {
		return fmt.Errorf("%w: more than %d operations", ErrTemplateLimit, b.lim.Steps)
	}
	if err := b.ctx.Err(); err != nil {
		return context.Cause(b.ctx)
	}
	if time.Now().After(b.deadline) {
		return fmt.Errorf("%w: longer than %v", ErrTemplateLimit, b.lim.Timeout)
	}
	return nil
}

// spend charges n bytes of new strings or lists before they are made. A
// negative n is an overflow of the caller's sum and is over any limit.
func (b *tmplBudget) spend(n int) error {
	if n < 0 || n > b.lim.Bytes-b.bytes {
		return fmt.Errorf("%w: more than %d bytes of strings and lists", ErrTemplateLimit, b.lim.Bytes)
	}
	b.bytes += n
	return b.step(n / 64)
}

// tmplItemBytes is what an element of a list costs: its slot and its share
// of a slice that grows by doubling.
const tmplItemBytes = 48

// items charges n elements of a new list.
func (b *tmplBudget) items(n int) error {
	if n < 0 || n > b.lim.Bytes/tmplItemBytes {
		return b.spend(-1)
	}
	if err := b.step(n); err != nil {
		return err
	}
	return b.spend(n * tmplItemBytes)
}

// write charges n bytes of output.
func (b *tmplBudget) write(n int) error {
	if n > b.lim.Output-b.output {
		return fmt.Errorf("%w: more than %d bytes of output", ErrTemplateLimit, b.lim.Output)
	}
	b.output += n
	return b.spend(n)
}

// enter counts a macro call; leave undoes it.
func (b *tmplBudget) enter() error {
	b.depth++
	if b.depth > b.lim.Depth {
		return fmt.Errorf("%w: macros nested deeper than %d", ErrTemplateLimit, b.lim.Depth)
	}
	return nil
}

// leave ends a macro call that enter counted.
func (b *tmplBudget) leave() { b.depth-- }
