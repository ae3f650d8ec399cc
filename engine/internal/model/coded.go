package model

import (
	"fmt"

	"github.com/latentgo/latentgo/internal/attention"
)

// CheckCache says why no sequence can be in a format; nil when all can.
func (m *Model) CheckCache(f CacheFormat) error {
	if f == attention.Calibrated && !m.coded {
		return fmt.Errorf("%s: a calibrated cache: nothing was calibrated: %w", m.file.Name(), ErrUnsupported)
	}
	for _, l := range m.layers {
		for _, part := range l.parts() {
			if part, ok := part.(interface {
				form(CacheFormat) (*attention.Layer, error)
			}); ok {
				if _, err := part.form(f); err != nil {
					return fmt.Errorf("%s: layer %d: there are no %w: %w", m.file.Name(), l.Index, err, ErrUnsupported)
				}
			}
		}
	}
	return nil
}

// parts returns the layer's mixer, what n-grams are added before, or both of a pair; none for a layer without.
func (l *Layer) parts() []mixer {
	switch m := l.mixer.(type) {
	case nil:
		return nil
	case *gramMixer:
		return []mixer{m.mixer}
	case *both:
		return []mixer{m.first, m.second}
	}
	return []mixer{l.mixer}
}

// form returns the layer's attention as sequences in a format have it.
func (a *gqa) form(f CacheFormat) (*attention.Layer, error) {
	if err := a.checkShared(f); err != nil {
		return nil, err
	}
	if a.forms[f] == nil {
		return a.attn.In(f)
	}
	return a.forms[f], nil
}

// forms completes the layer's attention, once its norm is there.
func (ld *Loader) forms(l *Layer) {
	for _, part := range l.parts() {
		if ld.err != nil {
			return
		}
		if a, ok := part.(interface{ loadForms(*Loader, *Layer) }); ok {
			a.loadForms(ld, l)
		}
	}
}

// loadForms makes the forms of attention for caches of few bits.
func (a *gqa) loadForms(ld *Loader, l *Layer) {
	if bias := a.kBias; bias != nil && a.kNorm == nil && a.rotated == nil && a.whole == nil && a.eachNorm == nil && a.spec.Clamp == 0 {
		if rope := ld.ropes[a.spec.Rope]; rope.long == nil {
			a.attn.CarryBias(bias, rope.rope, a.biasStep(l.norm.weights(), rope.rope))
		}
	}
	a.loadCode(ld, l.Index)
	for f := range a.forms {
		a.forms[f], _ = a.attn.In(CacheFormat(f))
	}
}

// biasStep returns how many positions may share the mean of what RoPE makes of the keys' bias: what it leaves of the
// bias has to stay below what tells keys apart, estimated from the weights of the projection and the norm before it.
func (a *gqa) biasStep(norm []float32, rope attention.Rotation) int {
	const most, longest = 0.3, 32
	d := a.attn.KeySize
	row := make([]float32, a.k.Cols)
	for step := longest; step > 1; step /= 2 {
		good := true
		for g := 0; g < a.attn.KVHeads && good; g++ {
			bias := a.kBias[g*d:][:d]
			varies := 0.0
			for r := range d {
				a.k.Row(row, g*d+r)
				scale(row, a.k.Scale)
				for i, f := range norm {
					row[i] *= f
				}
				varies += squareSum(row)
			}
			good = squareSum(bias)-squareSum(attention.MeanOfBlock(bias, rope, step)) <= most*varies
		}
		if good {
			return step
		}
	}
	return 1
}

func squareSum(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// stepCoded is a decode step over 4-bit codes. Those that become due are made first.
func (a *gqa) stepCoded(p *pass, w *worker, l *Layer) {
	seg := &p.segments[0]
	s, pos := seg.store(l), seg.pos
	at := s.Layer()
	if from, to := s.Due(pos, 1); from < to {
		w.encodeDue(s, from, to, nil, 0)
		w.Barrier()
	}
	q := w.query[:at.Heads*at.KeySize]
	copy(q, p.q)
	a.rotateQuery(p, q, p.tables[a.spec.Rope], pos)
	at.PrepareQueries(&w.scratch, s, q)
	parts := at.Parts(pos)
	for {
		i, _, ok := w.Take(parts+at.KVHeads, 1)
		if !ok {
			break
		}
		if i < at.KVHeads {
			a.newest(p, w, &p.part, s, 0, i)
		} else {
			at.Decode(&p.part, i-at.KVHeads, s, pos, q, &w.scratch)
		}
	}
	w.Barrier()
	at.Combine(w.heads, &p.part, pos, 0, at.Heads, &w.scratch)
}

// newest keeps key/value head g of row t and attends to recent tokens.
func (a *gqa) newest(p *pass, w *worker, part *attention.Partial, s *attention.Store, t, g int) {
	at := s.Layer()
	k, v := w.key[:at.KeySize], p.v[(t*at.KVHeads+g)*at.ValueSize:][:at.ValueSize]
	copy(k, p.k[(t*at.KVHeads+g)*at.KeySize:])
	a.readyRotated(p, p.table(a.spec.Rope, t), g, k, v)
	at.DecodeNewest(part, s, p.pos[t], g, k, v, &w.scratch)
}

// encodeDue shares out the groups of codes that are due from … to-1, see attention.Store.Encode.
func (w *worker) encodeDue(s *attention.Store, from, to int, wide *attention.Store, base int) {
	if s.WantsBalance() {
		if w.ID == 0 {
			s.FindBalance(from, wide, base, &w.scratch)
		}
		w.Barrier()
	}
	heads := s.Layer().KVHeads
	for {
		i, _, ok := w.Take((to-from)/attention.Group*heads, 1)
		if !ok {
			return
		}
		s.Encode(from+i/heads*attention.Group, i%heads, wide, base, &w.scratch)
	}
}

// stepHead is a decode step over 4-bit codes of one key/value head, which one worker does alone.
func (a *gqa) stepHead(p *pass, w *worker, l *Layer, seg *segment, g int, out []float32) {
	s, pos := seg.store(l), seg.pos
	at := s.Layer()
	for from, to := s.Due(pos, 1); from < to; from += attention.Group {
		s.Encode(from, g, nil, 0, &w.scratch)
	}
	q := p.q[seg.at*at.Heads*at.KeySize:][:at.Heads*at.KeySize]
	at.PrepareQueries(&w.scratch, s, q)
	a.newest(p, w, &w.part, s, seg.at, g)
	for part := g; part < at.Parts(pos); part += at.KVHeads {
		at.Decode(&w.part, part, s, pos, q, &w.scratch)
	}
	h := g * at.Group()
	at.Combine(out[h*at.ValueSize:], &w.part, pos, h, h+at.Group(), &w.scratch)
}

// promptCoded lets a prompt attend over 4-bit codes. Its queries are rotated already.
func (a *gqa) promptCoded(p *pass, w *worker, l *Layer, seg *segment) {
	s, wide := seg.store(l), p.wide[shapeOf(a.attn)]
	at, base := s.Layer(), s.WideBase(seg.pos)
	nk, nv := at.KVHeads*at.KeySize, at.KVHeads*at.ValueSize
	for t := max(w.lo, seg.at); t < min(w.hi, seg.at+seg.n); t++ {
		for g := range at.KVHeads {
			k, v := p.k[t*nk+g*at.KeySize:][:at.KeySize], p.v[t*nv+g*at.ValueSize:][:at.ValueSize]
			a.readyRotated(p, p.table(a.spec.Rope, t), g, k, v)
			s.PutWide(wide, base, p.pos[t], g, k, v, &w.scratch)
		}
	}
	w.keepCoded(s, wide, seg)
	p.tilesCoded(w, s, wide, seg, p.q, w.heads)
}

// keepCoded makes the codes that are due once a segment's tokens are in a wide store, and keeps its newest tokens. It
// ends with a barrier.
func (w *worker) keepCoded(s, wide *attention.Store, seg *segment) {
	at, base := s.Layer(), s.WideBase(seg.pos)
	for {
		g, _, ok := w.Take(at.KVHeads, 1)
		if !ok {
			break
		}
		s.RecentToWide(wide, base, seg.pos, g, &w.scratch)
	}
	w.Barrier()
	from, to := s.Due(seg.pos, seg.n)
	w.encodeDue(s, from, to, wide, base)
	w.Barrier()
	for {
		g, _, ok := w.Take(at.KVHeads, 1)
		if !ok {
			break
		}
		s.RecentFromWide(wide, base, seg.pos, seg.n, g, &w.scratch)
	}
	w.Barrier()
}

// tilesCoded lets a segment attend over codes, see pass.tiles. It ends with a barrier.
func (p *pass) tilesCoded(w *worker, s, wide *attention.Store, seg *segment, q, out []float32) {
	at, base := s.Layer(), s.WideBase(seg.pos)
	q, out = q[seg.at*at.Heads*at.KeySize:], out[seg.at*at.Heads*at.ValueSize:]
	for {
		i, _, ok := w.Take(at.Tiles(seg.pos, seg.n), 1)
		if !ok {
			break
		}
		at.PrefillCoded(out, i, s, wide, base, seg.pos, seg.n, q, &w.scratch)
	}
	w.Barrier()
}
