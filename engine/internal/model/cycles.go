package model

// Cycles is HRM-Text's model in a model (hierarchical reasoning, arXiv 2506.21734): two stacks of Stack layers over the
// same tokens. The low one runs Low times, then the high one once, and all that High times, each with keys and values of
// its own. A stack gets the sum of what both gave last, and is normed in the end; at first the high one's is the
// embedding, the low one's a vector of the model. The high one's is the result.
type Cycles struct {
	Stack, Low, High int
}

// Layers returns how many layers run.
func (s Cycles) Layers() int { return s.Stack * s.High * (s.Low + 1) }

// Block returns which layer's weights layer i has: those of the low stack come first.
func (s Cycles) Block(i int) int {
	if s.high(i) {
		return s.Stack + i%s.Stack
	}
	return i % s.Stack
}

// high reports whether layer i is in the high stack.
func (s Cycles) high(i int) bool { return i/s.Stack%(s.Low+1) == s.Low }

// cycle surrounds the first mixer of a stack, its last network, or the model.
type cycle struct {
	first bool      // what goes into the stack is the sum of both vectors
	to    int       // index of the vector that gets what the stack gives, below 0 for none
	eps   float32   // of the norm in the end
	low   []float32 // [width] the low stack's vector at first
}

// The vectors.
const (
	lowVector = iota
	highVector
)

func (s Cycles) count(*Spec) (vectors, kept int) { return 2, 0 }

func (s Cycles) part(ld *Loader, i int, network bool) copiesPart {
	switch {
	case !network && i%s.Stack == 0:
		return &cycle{first: true, to: -1}
	case network && i%s.Stack == s.Stack-1 && s.high(i):
		return &cycle{to: highVector, eps: ld.spec.Eps}
	case network && i%s.Stack == s.Stack-1:
		return &cycle{to: lowVector, eps: ld.spec.Eps}
	}
	return nil
}

func (s Cycles) ends(ld *Loader) copiesEnds {
	return &cycle{low: ld.vector("hrm.z_l_init", ld.spec.Width, true)}
}

func (c *cycle) spread(p *pass, w *worker) {
	for t := w.lo; t < w.hi; t++ {
		all := p.copiesOf(w, t)
		copy(all[lowVector*p.width:], c.low)
		copy(all[highVector*p.width:], w.x[t*p.width:][:p.width])
	}
}

// join: the last stack is a high one, whose result is the residual stream.
func (c *cycle) join(*pass, *worker) {}

func (c *cycle) read(p *pass, w *worker) {
	for t := w.lo; c.first && t < w.hi; t++ {
		weighted(w.x[t*p.width:][:p.width], p.copiesOf(w, t), []float32{1, 1})
	}
}

func (c *cycle) write(p *pass, w *worker, bias []float32) {
	p.add(w, bias, nil, 0)
	for t := w.lo; c.to >= 0 && t < w.hi; t++ {
		x := w.x[t*p.width:][:p.width]
		unitNorm(x, c.eps)
		copy(p.copiesOf(w, t)[c.to*p.width:], x)
	}
}
