package model

import (
	"math"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/kernel"
)

// Attention is grouped-query attention with RoPE.
type Attention struct {
	attn.Geometry
	Rope        int     // index in Spec.Ropes
	Scale       float32 // of scores
	QKNorm      bool    // RMS norm on each query and key head
	WholeNorm   bool    // one, of the model's kind, on all query heads together, and one on all key heads
	NormRotated bool    // the norms come after RoPE
	UnitNorm    bool    // the norms have no weights
	ValueNorm   bool    // RMS norm without weights on each value head
	KeyValues   bool    // in a file without W_V values are W_K's products, too
	Shares      int     // above 0: it attends to the keys and values of the layer so many before it, see shared.go
	ScoreCap    float32 // scores become cap·tanh(score/cap); 0 means none
	Sinks       bool    // each query head has a score that takes part in the softmax without a value: attn_sinks
	EachNorm    EachHeadNorm
	Clamp       float32 // queries, keys and values are clamped to ±Clamp before norms of heads; 0: they are not
	ALiBi       float32 // the largest bias of ALiBi, see ALiBiSlopes; 0 means none
	Bare        bool    // biases and scale tensors of queries, keys and values don't count
	Unbiased    bool    // biases alone don't
	OutputScale float32 // of what W_O gives; 0 means 1
	Both        bool    // tokens see those behind them too, in an encoder
	SubNorm     bool    // norm on the outputs of all heads together, before W_O: attn_sub_norm
	OutputBias  bool    // of W_O, where the file has it; biases of queries, keys and values are always read
	Temperature Temperature
	Gate        Gate // on the heads' outputs
	Index       BlockIndexer
	// Compressed is the shape of cached rows when keys and values are compressed to latents; nil for plain rows.
	Compressed *CompressedShape
}

// Temperature lets queries grow with their position as Llama 4 and Ministral 3 were trained to: by
// 1 + Scale·ln(1 + ⌊(pos+Offset)/Floor⌋). The zero value is a factor of 1.
type Temperature struct {
	Scale  float64
	Floor  int
	Offset int
}

func (t Temperature) at(pos int) float32 {
	if t.Scale == 0 {
		return 1
	}
	return float32(math.Log(float64((pos+t.Offset)/t.Floor)+1)*t.Scale + 1)
}

// output is W_O.
type output struct {
	o     Linear // [width, heads·v]
	oBias []float32
	sub   *normWeights // on its input, or nil
	types []kernel.ActType
}

func (o *output) bias() []float32 { return o.oBias }

// project computes p.o from the heads' outputs.
func (o *output) project(p *pass, w *worker) {
	for t := w.lo; t < w.hi && o.sub != nil; t++ {
		heads := w.heads[t*o.o.Cols:][:o.o.Cols]
		o.sub.apply(heads, heads)
	}
	p.reset(w, &w.out, w.heads, o.o.Cols)
	p.sync(w)
	p.quantize(w, &w.out, o.types)
	p.project(w, &w.out, projection{o.o, p.o})
	w.Barrier()
}

// projections are what grouped-query attention computes from a layer's input, before RoPE.
type projections struct {
	spec                Attention
	q, k, v             Linear // k and v are nil for a layer whose rows come straight from its input
	qBias, kBias, vBias []float32
	qNorm, kNorm        []float32   // of heads, before RoPE
	rotated             []float32   // of query heads and of key heads, multiplied, after it; nil for none
	whole               *wholeNorms // nil for none
	softmax             attention.Softmax
	gate                Linear // [heads·v, width] of gated attention; nil otherwise
	gateBias            []float32
	eachNorm            *eachHeadNorm // nil without
	eps                 float32
	types               []kernel.ActType
}

// gqa is grouped-query attention over cached keys and values.
type gqa struct {
	projections
	output
	attn  *attention.Layer
	forms [4]*attention.Layer // attn as caches of each format have it; nil where there is none
	// blocks picks the tokens that are attended to; nil for all.
	blocks *blockIndexer
}

func (s Attention) load(ld *Loader, i int) mixer {
	a := &gqa{}
	a.spec, a.eps = s, ld.spec.Eps
	name := func(n string) string { return LayerName(i, n) }
	g, width := s.Geometry, ld.spec.Width
	a.loadQueries(ld, name, width)
	a.o = ld.linear(name("attn_output"), width, g.Heads*g.ValueSize, true)
	if s.OutputScale != 0 {
		a.o.Scale *= s.OutputScale
	}
	if s.SubNorm {
		a.sub = ld.norm(name("attn_sub_norm"), g.Heads*g.ValueSize)
	}
	if s.OutputBias {
		a.oBias = ld.vector(name("attn_output.bias"), width, false)
	}
	if s.Compressed != nil && s.Compressed.L > 0 {
		return loadCompressed(ld, i, a, *s.Compressed)
	}
	a.loadKeysValues(ld, name, width)
	if ld.err != nil {
		return a
	}
	a.projections.types, a.output.types = actTypes(a.q, a.k, a.v, a.gate), actTypes(a.o)
	if a.blocks = s.Index.load(ld, i, g); a.blocks != nil {
		a.projections.types = actTypes(a.q, a.k, a.v, a.gate, a.blocks.q, a.blocks.k)
	}
	var err error
	switch {
	case s.ALiBi != 0:
		a.attn, err = attention.NewALiBi(g, ALiBiSlopes(g.Heads, s.ALiBi), !ld.plain)
	case ld.plain:
		a.attn, err = attention.NewGQA(g)
	default: // where grouped-query attention becomes latent attention
		a.attn, err = attention.NewMLA(g)
	}
	if ld.failLayer(i, err); err == nil {
		a.attn.SetSoftmax(a.softmax)
		if s.Both {
			a.attn.AttendBoth()
		}
	}
	return a
}

// loadQueries loads W_Q, all biases and norms. A file may have the three projections as one matrix.
func (a *projections) loadQueries(ld *Loader, name func(string) string, width int) {
	g := a.spec.Geometry
	nq, nk, nv := g.Heads*g.KeySize, g.KVHeads*g.KeySize, g.KVHeads*g.ValueSize
	if a.spec.Gate == GateOfQueries {
		nq *= 2
	}
	if ld.has(name("attn_qkv.weight")) {
		fused := ld.linear(name("attn_qkv"), nq+nk+nv, width, !a.spec.Bare)
		bias := ld.vector(name("attn_qkv.bias"), nq+nk+nv, false)
		if ld.err == nil {
			a.q, a.k, a.v = fused.rows(0, nq), fused.rows(nq, nk), fused.rows(nq+nk, nv)
		}
		if bias != nil {
			a.qBias, a.kBias, a.vBias = bias[:nq:nq], bias[nq:nq+nk:nq+nk], bias[nq+nk:]
		}
	} else {
		a.q = ld.linear(name("attn_q"), nq, width, !a.spec.Bare)
	}
	if a.qBias == nil {
		a.qBias = ld.vector(name("attn_q.bias"), nq, false)
		a.kBias = ld.vector(name("attn_k.bias"), nk, false)
		a.vBias = ld.vector(name("attn_v.bias"), nv, false)
	}
	if a.spec.Bare || a.spec.Unbiased {
		a.qBias, a.kBias, a.vBias = nil, nil, nil
	}
	a.loadGate(ld, name)
	a.eachNorm = a.spec.EachNorm.load(ld, name, g)
	a.loadNorms(ld, name)
	a.softmax.Cap = a.spec.ScoreCap
	if a.spec.Sinks {
		a.softmax.Sinks = ld.vector(name("attn_sinks.weight"), g.Heads, true)
	}
}

// loadKeysValues loads W_K and W_V.
func (a *projections) loadKeysValues(ld *Loader, name func(string) string, width int) {
	if a.spec.Shares > 0 {
		a.dropKeysValues(ld, name)
		return
	}
	if g := a.spec.Geometry; a.k.Matrix == nil {
		a.k = ld.linear(name("attn_k"), g.KVHeads*g.KeySize, width, !a.spec.Bare)
		if a.spec.KeyValues && g.KeySize == g.ValueSize && !ld.has(name("attn_v.weight")) {
			return
		}
		a.v = ld.linear(name("attn_v"), g.KVHeads*g.ValueSize, width, !a.spec.Bare)
	}
}

func (a *gqa) inputs() []kernel.ActType { return a.projections.types }

func (a *gqa) include(e *executor) {
	a.projections.include(e)
	e.most.heads = max(e.most.heads, a.o.Cols)
	a.blocks.include(e, a.spec.Geometry)
	for _, form := range a.forms {
		if form != nil {
			e.includeAttention(form)
		}
	}
	e.includeWide(a.attn)
}

func (a *projections) include(e *executor) {
	g, m := a.spec.Geometry, &e.most
	m.q = max(m.q, g.Heads*g.KeySize)
	m.k = max(m.k, g.KVHeads*g.KeySize)
	m.v = max(m.v, g.KVHeads*g.ValueSize)
	if a.gate.Matrix != nil {
		m.gates = max(m.gates, a.gate.Rows)
	}
}

func (a *gqa) shareable() bool { return true }

func (a *gqa) newState(f CacheFormat, n int) State {
	if a.spec.Shares > 0 {
		return nil
	}
	if a.blocks != nil {
		return &bothStates{newStore(a.forms[f], f, n), a.blocks.newState(n)}
	}
	return newStore(a.forms[f], f, n)
}

func (a *gqa) size(f CacheFormat) CacheSize {
	if a.spec.Shares > 0 {
		return CacheSize{}
	}
	c := cacheSize(a.forms[f], f)
	if a.blocks != nil {
		c.Token += a.blocks.tokenBytes()
	}
	return c
}

func (a *gqa) bytes(f CacheFormat, depth int) (weights, cache int) {
	return matrixBytes(a.q.Matrix, a.k.Matrix, a.v.Matrix, a.gate.Matrix, a.o.Matrix), a.forms[f].CompressedTokens(depth)*a.forms[f].RowBytes(f) + a.forms[f].RecentBytes(depth)
}

func (a *gqa) run(p *pass, w *worker, l *Layer) {
	if p.probe.begins(StageInput) {
		iq, ik := a.blocks.projections(p)
		p.project(w, &w.in, projection{a.q, p.q}, projection{a.k, p.k}, projection{a.v, p.v}, projection{a.gate, p.gates}, iq, ik)
		w.Barrier()
		a.blocks.ready(p, w, l)
		a.copyKeys(p, w)
		a.normWhole(p, w)
		if p.probe.ends(StageProjected) {
			a.show(p, w)
			return
		}
		if p.single() {
			a.attendOne(p, w, l)
		} else {
			a.attendMany(p, w, l)
		}
		a.applyGate(p, w)
	}
	p.probe.headsDone(p, w)
	if !p.probe.ends(StageHeads) {
		a.output.project(p, w)
	}
}

// show hands queries, keys and values to a probe.
func (a *projections) show(p *pass, w *worker) {
	g := a.spec.Geometry
	nq, nk, nv := g.Heads*g.KeySize, g.KVHeads*g.KeySize, g.KVHeads*g.ValueSize
	b, n := p.probe, len(p.pos)
	if w.ID == 0 {
		b.kv = sized(&b.kv, n*(nk+nv))
	}
	w.Barrier()
	for t := w.lo; t < w.hi; t++ {
		a.unrotatedQuery(p, p.q[t*nq:][:nq], p.table(a.spec.Rope, t), p.pos[t])
		kv := b.kv[t*(nk+nv):][:nk+nv]
		copy(kv, p.k[t*nk:][:nk])
		copy(kv[nk:], p.v[t*nv:][:nv])
		for k := range g.KVHeads {
			a.unrotatedKV(k, kv[k*g.KeySize:][:g.KeySize], kv[nk+k*g.ValueSize:][:g.ValueSize])
		}
	}
	w.Barrier()
	b.Projected(w.Worker, p.q[:n*nq], b.kv[:n*(nk+nv)], n)
}

// attendOne is a decode step: cached positions are shared out in parts; whoever has the newest appends the token first.
func (a *gqa) attendOne(p *pass, w *worker, l *Layer) {
	seg := &p.segments[0]
	s, pos := seg.store(l), seg.pos
	at := s.Layer()
	if s.Coded() {
		a.stepCoded(p, w, l)
		return
	}
	table := p.tables[a.spec.Rope]
	q := w.query[:at.Heads*at.KeySize]
	copy(q, p.q)
	a.rotateQuery(p, q, table, pos)
	if a.blocks.selects(seg) {
		a.attendBlocksOne(p, w, l)
		return
	}
	at.PrepareQueries(&w.scratch, s, q)
	for {
		i, _, ok := w.Take(at.Parts(pos), 1)
		if !ok {
			break
		}
		if g, ok := at.Newest(i, pos); ok && a.spec.Shares == 0 {
			k := w.key[:at.KeySize]
			copy(k, p.k[g*at.KeySize:])
			a.append(p, s, table, pos, g, k, p.v[g*at.ValueSize:][:at.ValueSize])
		}
		at.Decode(&p.part, i, s, pos, q, &w.scratch)
	}
	w.Barrier()
	at.Combine(w.heads, &p.part, pos, 0, at.Heads, &w.scratch)
}

// attendMany appends all rows, then each attends up to itself: tiles of several rows of a prompt, or a key/value head
// of a decode step.
func (a *gqa) attendMany(p *pass, w *worker, l *Layer) {
	at := a.attn
	nq := at.Heads * at.KeySize
	for i := range p.segments {
		seg := &p.segments[i]
		s := seg.store(l)
		for t := max(w.lo, seg.at); t < min(w.hi, seg.at+seg.n); t++ {
			a.rotateQuery(p, p.q[t*nq:][:nq], p.table(a.spec.Rope, t), p.pos[t])
			if !s.Coded() && a.spec.Shares == 0 {
				a.appendRow(p, s, t)
			}
		}
	}
	w.Barrier()
	for i := range p.segments {
		if seg := &p.segments[i]; a.blocks.selects(seg) {
			a.attendBlocks(p, w, seg, l, p.q, w.heads[seg.at*at.Heads*at.ValueSize:])
			w.Barrier()
		}
	}
	p.share(w, l, at, func(seg *segment, item int) {
		if a.blocks.selects(seg) {
			return
		}
		s, q := seg.store(l), p.q[seg.at*nq:]
		at, out := s.Layer(), w.heads[seg.at*at.Heads*at.ValueSize:]
		switch {
		case !seg.step:
			at.Prefill(out, item, s, seg.pos, seg.n, q, &w.scratch)
			return
		case s.Coded():
			a.stepHead(p, w, l, seg, item, out)
			return
		}
		at.PrepareQueries(&w.scratch, s, q[:nq])
		for part := item; part < at.Parts(seg.pos); part += at.KVHeads {
			at.Decode(&w.part, part, s, seg.pos, q, &w.scratch)
		}
		h, group := item*at.Group(), at.Group()
		at.Combine(out[h*at.ValueSize:], &w.part, seg.pos, h, h+group, &w.scratch)
	})
	w.Barrier()
	for i := range p.segments {
		if seg := &p.segments[i]; seg.codedPrompt(l) {
			a.promptCoded(p, w, l, seg)
		}
	}
}

// appendRow caches the keys and values of row t.
func (a *gqa) appendRow(p *pass, s *attention.Store, t int) {
	at := a.attn
	nk, nv := at.KVHeads*at.KeySize, at.KVHeads*at.ValueSize
	for g := range at.KVHeads {
		k, v := p.k[t*nk+g*at.KeySize:][:at.KeySize], p.v[t*nv+g*at.ValueSize:][:at.ValueSize]
		a.append(p, s, p.table(a.spec.Rope, t), p.pos[t], g, k, v)
	}
}

// codedPrompt reports whether the segment attends over 4-bit codes as a prompt.
func (s *segment) codedPrompt(l *Layer) bool { return !s.step && s.store(l).Coded() }

// share hands out the pieces of attention of all segments but coded prompts: tiles, or key/value heads of a step.
func (p *pass) share(w *worker, l *Layer, a *attention.Layer, attend func(seg *segment, item int)) {
	items := func(s *segment) int {
		switch {
		case s.step:
			return a.KVHeads
		case s.store(l).Coded():
			return 0
		}
		return a.Tiles(s.pos, s.n)
	}
	total := 0
	for i := range p.segments {
		total += items(&p.segments[i])
	}
	at, first := 0, 0 // segment that holds the next item, and its first
	for {
		i, _, ok := w.Take(total, 1)
		if !ok {
			return
		}
		for i-first >= items(&p.segments[at]) {
			first += items(&p.segments[at])
			at++
		}
		attend(&p.segments[at], i-first)
	}
}

// rotateQuery readies a token's query and rotates each head.
func (a *projections) rotateQuery(p *pass, q, table []float32, pos int) {
	a.readyQuery(q, pos)
	rope, d := p.ropes[a.spec.Rope].rope, a.spec.KeySize
	for h := range a.spec.Heads {
		rope.Rotate(q[h*d:][:d], table)
	}
	if a.rotated != nil {
		a.normHeads(q, a.rotated)
		scale(q, a.spec.Scale*a.spec.Temperature.at(pos))
	}
}

// readyQuery adds the bias to a token's query, norms and scales each head.
func (a *projections) readyQuery(q []float32, pos int) {
	addBias(q, a.qBias, 0, 1)
	clamp(q, a.spec.Clamp)
	if a.eachNorm != nil {
		a.eachNorm.queries(q)
	}
	if a.rotated != nil {
		return // scaled after RoPE and norm
	}
	if a.qNorm != nil {
		a.normHeads(q, a.qNorm)
	}
	scale(q, a.spec.Scale*a.spec.Temperature.at(pos))
}

// append readies key/value head g of a token, rotates the key, and caches both. k and v are changed.
func (a *projections) append(p *pass, s *attention.Store, table []float32, pos, g int, k, v []float32) {
	a.readyRotated(p, table, g, k, v)
	s.Append(pos, g, k, v)
}

// readyRotated readies key/value head g of a token and rotates the key.
func (a *projections) readyRotated(p *pass, table []float32, g int, k, v []float32) {
	a.readyKV(g, k, v)
	p.ropes[a.spec.Rope].rope.Rotate(k, table)
	if a.rotated != nil {
		unitNorm(k, a.eps)
	}
}

// readyKV adds biases to key/value head g of a token and norms them.
func (a *projections) readyKV(g int, k, v []float32) {
	if a.kBias != nil {
		addBias(k, a.kBias[g*len(k):][:len(k)], 0, 1)
	}
	if a.vBias != nil {
		addBias(v, a.vBias[g*len(v):][:len(v)], 0, 1)
	}
	clamp(k, a.spec.Clamp)
	clamp(v, a.spec.Clamp)
	if a.eachNorm != nil {
		a.eachNorm.key(g, k)
	}
	if a.kNorm != nil {
		norm(k, k, a.kNorm, a.eps)
	}
	if a.spec.ValueNorm {
		unitNorm(v, a.eps)
	}
}
