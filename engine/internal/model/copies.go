package model

// Copies says that the residual stream of a row is several vectors, w.streams [rows, n·width], of which layers make what
// goes into their mixers and networks: HyperConnections, DepthAttention or Cycles. A nil one stands for a plain stream.
type Copies interface {
	// count returns how many vectors there are, and how many numbers a part keeps for a row while it runs.
	count(s *Spec) (vectors, kept int)
	// part loads what surrounds the mixer of layer i, or its network; nil for nothing but a sum.
	part(ld *Loader, i int, network bool) copiesPart
	// ends loads what lies before the first layer and behind the last.
	ends(ld *Loader) copiesEnds
}

// copiesPart surrounds a mixer or network. Each worker calls it for its rows.
type copiesPart interface {
	// read makes w.x, which is normed and goes into the part.
	read(p *pass, w *worker)
	// write takes what comes out of it, p.o and a bias.
	write(p *pass, w *worker, bias []float32)
}

// copiesEnds makes the vectors of embeddings, w.x, and in the end one stream of them, again w.x.
type copiesEnds interface {
	spread(p *pass, w *worker)
	join(p *pass, w *worker)
}

// surround loads what surrounds the parts of a layer.
func (ld *Loader) surround(l *Layer) {
	c := ld.spec.Copies
	if c == nil || ld.err != nil {
		return
	}
	l.around[0], l.around[1] = c.part(ld, l.Index, false), c.part(ld, l.Index, true)
}

// includeCopies makes room for the vectors of a spec's residual stream.
func (e *executor) includeCopies(s *Spec) {
	if s.Copies != nil {
		if c, ok := s.Copies.(interface{ include(e *executor) }); ok {
			c.include(e)
		}
		n, kept := s.Copies.count(s)
		e.most.streams, e.most.kept = max(e.most.streams, n*e.width), max(e.most.kept, kept)
	}
}

// read makes the input of a layer's part of the copies of the residual stream, where there are any.
func (p *pass) read(w *worker, c copiesPart) {
	if c != nil {
		c.read(p, w)
	}
}

// result adds what a part of a layer gives to the residual stream, or lets its copies take it.
func (p *pass) result(w *worker, l *Layer, c copiesPart, bias []float32, post *normWeights) {
	if c != nil {
		c.write(p, w, bias)
		return
	}
	p.add(w, bias, post, l.Spec.ResidualScale)
}

// output returns row t of p.o with the bias, which may be in w.h.
func (p *pass) output(w *worker, t int, bias []float32) []float32 {
	e := p.width
	if bias == nil {
		return p.o[t*e:][:e]
	}
	o := w.h[t*e:][:e] // p.o is for all workers
	copy(o, p.o[t*e:])
	addBias(o, bias, 0, 1)
	return o
}

// copiesOf returns the vectors of row t.
func (p *pass) copiesOf(w *worker, t int) []float32 {
	n := len(w.streams) / (len(w.x) / p.width)
	return w.streams[t*n:][:n]
}
