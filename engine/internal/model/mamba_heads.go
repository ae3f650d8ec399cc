package model

// Mamba 1's mixer with channels in heads, as PLaMo 2 has it.

func (m *mamba) loadHeads(ld *Loader, name func(string) string) {
	s := &m.spec
	size := s.Inner / s.Heads
	if in := ld.linear(name("ssm_in"), 2*s.Inner, ld.spec.Width, false); ld.err == nil {
		parts := in.regroup(s.Heads, size, size)
		m.in = joined(parts[1], parts[0])
	}
	m.conv = ld.conv(name("ssm_conv1d"), s.Conv, s.Inner, false, false)
	m.x = ld.linear(name("ssm_x"), s.Rank+2*s.State, s.Inner, false)
	m.dt = ld.linear(name("ssm_dt"), s.Heads, s.Rank, false)
	m.heads = ld.ssmHeads(name, s.Heads, size, s.State)
	m.o = ld.linear(name("ssm_out"), ld.spec.Width, s.Inner, false)
}

// stepsAt returns where dt begins in what W_x gives.
func (m *mamba) stepsAt() int {
	if m.spec.Heads > 0 {
		return 2 * m.spec.State
	}
	return 0
}

// mixHeads runs the worker's heads of all segments.
func (m *mamba) mixHeads(p *pass, w *worker, l *Layer) {
	s, sc := &m.spec, &w.mix.scan
	blocks := w.headBlocks(s.Heads, 1)
	p.eachHead(w, blocks, func(seg *segment, block int) {
		st := seg.state(l).(*recurrent)
		for at := 0; at < seg.n; at += scanChunk {
			sc.begin(s.State, s.Inner/s.Heads, min(scanChunk, seg.n-at), false)
			for t := range sc.n {
				m.inputAndOutput(sc.key(t), sc.query(t), p.k[(seg.at+at+t)*m.x.Rows:])
			}
			for h := block * s.Heads / blocks; h < (block+1)*s.Heads/blocks; h++ {
				m.heads.run(w, st, at, h, m.rows(p, w, seg.at+at, h))
			}
		}
	})
}

// rows returns where head h finds its values from a row of the pass on.
func (m *mamba) rows(p *pass, w *worker, row, h int) headRows {
	s := &m.spec
	i := h * m.heads.size
	return headRows{
		x: strided{w.heads[row*s.Inner+i:], s.Inner}, z: strided{p.q[(2*row+1)*s.Inner+i:], 2 * s.Inner},
		dt: strided{p.v[row*s.Heads+h:], s.Heads}, out: strided{p.mixed(w)[row*s.Inner+i:], s.Inner},
	}
}
