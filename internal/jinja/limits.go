package jinja

import (
	"context"
	"fmt"
)

// Limits bound what one rendering may use: a template comes with a model file and is a program from a stranger. Zero
// fields take the default given with each; a limit can be raised but not switched off. None of them is a time, so that
// a slow or paused machine renders what a fast one does; the context's end is observed as well.
type Limits struct {
	// Steps is the number of operations: each node of the tree that is evaluated and each pass of a loop is one, and
	// long strings and lists cost one more per 64 bytes or per item. Default 5,000,000, below a second.
	Steps int

	// Bytes is the sum over all strings and lists that the template makes, whether still in use or not, and so bounds
	// the memory in use. Default 128 MiB.
	Bytes int

	// Output is the length in bytes of all text written, counted once more for every macro, call or set block that it
	// passes through. Default 16 MiB.
	Output int

	// Depth is how deep macros, recursive loops and blocks may call each other. Default 64.
	Depth int
}

func (l Limits) withDefaults() Limits {
	l.Steps = orDefault(l.Steps, 5_000_000)
	l.Bytes = orDefault(l.Bytes, 128<<20)
	l.Output = orDefault(l.Output, 16<<20)
	l.Depth = orDefault(l.Depth, 64)
	return l
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// maxNesting is how deep values may lie in each other where they are written, compared or read from JSON.
const maxNesting = 200

// itemBytes is what an element of a list costs: its slot, and its share of a slice that grows by doubling.
const itemBytes = 32

// ctxEvery is the number of steps between two looks at the context: some 20 µs of work.
const ctxEvery = 256

// budget counts what a rendering has used. It belongs to one goroutine.
type budget struct {
	ctx                         context.Context
	lim                         Limits
	steps, bytes, output, depth int
	nextCheck                   int // value of steps at which limit and context are looked at next
}

// step charges n operations, n >= 0.
func (r *run) step(n int) {
	r.steps += n
	if r.steps >= r.nextCheck {
		r.checkSteps()
	}
}

func (r *run) checkSteps() {
	if r.steps > r.lim.Steps {
		r.limit("more than %d steps", r.lim.Steps)
	}
	if r.ctx.Err() != nil {
		r.abort(context.Cause(r.ctx))
	}
	r.nextCheck = min(r.steps+ctxEvery, r.lim.Steps+1)
}

// spend charges n bytes of new strings or lists before they are made. A negative n is an overflow of the caller's sum
// and is beyond any limit.
func (r *run) spend(n int) {
	if n < 0 || n > r.lim.Bytes-r.bytes {
		r.limit("more than %d bytes of strings and lists", r.lim.Bytes)
	}
	r.bytes += n
	r.step(n >> 6)
}

// repeat charges n copies of size bytes; neither is negative.
func (r *run) repeat(n, size int) {
	if size > 0 && n > r.lim.Bytes/size {
		n, size = -1, 1
	}
	r.spend(n * size)
}

// scan charges reading n bytes.
func (r *run) scan(n int) { r.step(n >> 6) }

// items charges n elements of a new list.
func (r *run) items(n int) {
	r.repeat(n, itemBytes)
	r.step(n)
}

// enter counts a call of a macro, a recursive loop or a block; leave undoes it.
func (r *run) enter() {
	r.depth++
	if r.depth > r.lim.Depth {
		r.limit("macros, loops and blocks call each other deeper than %d", r.lim.Depth)
	}
}

func (r *run) leave() { r.depth-- }

// nest checks the depth of values that lie in each other.
func (r *run) nest(depth int) {
	r.step(1)
	if depth > maxNesting {
		r.limit("values are nested deeper than %d", maxNesting)
	}
}

// abort ends the rendering with err at the current line.
func (r *run) abort(err error) { panic(abort{&Error{Line: r.line, Err: err}}) }

// limit ends the rendering with an ErrLimit.
func (r *run) limit(format string, args ...any) {
	r.abort(fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...)))
}

// fail ends the rendering with an ErrEval.
func (r *run) fail(format string, args ...any) {
	r.abort(fmt.Errorf("%w: %s", ErrEval, fmt.Sprintf(format, args...)))
}
