package model

import (
	"cmp"

	"github.com/latentgo/latentgo/internal/kernel"
)

// Experts is a mixture of experts: many gated networks, of which few run for a token.
//
//	y = Σ_{e chosen} w_e · W_down,e · (act(W_gate,e · h) ⊙ W_up,e · h)  +  the same of one that every token runs (Shared)
//
// A router, one row per expert, gives p = softmax or sigmoid of its logits. The experts with the highest p + b are
// chosen, b a bias that the weights w = p do not have; where experts are in groups, only from the groups whose two best
// are highest.
type Experts struct {
	Count, Used, Width int // experts, those that a token runs, and the width of one
	Shared             int // width of the network that every token runs; 0 for none
	Groups, GroupsUsed int // above 1: experts are in groups of equal size, neighbours together, of which a token uses so many
	Sigmoid            bool
	RootSoftplus       bool    // p is the root of the softplus of the logits (DeepSeek V4)
	ByToken            bool    // experts are chosen by the token instead, whatever comes in: ffn_gate_tid2eid
	Bias               bool    // exp_probs_b, where the file has it
	Normed             bool    // weights are divided by their sum
	Scale              float32 // and multiplied by this
	Scales             bool    // scale tensors of the experts' matrices, one number per expert, count
	Fused              bool    // gates and up-projections may be one tensor, ffn_gate_up_exps
	Activation         Activation
	Chosen             bool    // weights are a softmax of the logits of the experts chosen
	Biases             bool    // the router and the experts' matrices have biases
	WeighInput         bool    // weights multiply what goes into an expert instead of what comes out
	RouteInput         bool    // the router gets the residual stream that comes into the layer instead of the normed input
	SharedGate         bool    // what every token runs is multiplied by the sigmoid of its product with ffn_gate_inp_shexp
	SharedScales       bool    // scale tensors of the matrices that every token runs count
	Plain              bool    // networks have no gate: W_down · act(W_up · h)
	BareRouter         bool    // ffn_gate_inp.scale is not a scale of the router
	BareBias           bool    // exp_probs_b has no suffix
	OutputScale        float32 // what the experts and the shared network give is multiplied by it; 0 means 1
	Limit, SharedLimit float32 // as GatedFFN.Limit
	LimitGate          bool    // as GatedFFN.LimitGate, of both
	SharedFused        bool    // gates and up-projections of what every token runs are one tensor, ffn_up_shexp
	SharedDense        bool    // what every token runs has the names of a dense network: ffn_gate, ffn_up, ffn_down
	Soft               SoftLimits
	// Latent is how many values go into the experts and come out of them, a projection of the input before them and one
	// behind; 0 for those of the residual stream. The router and what every token runs get the input itself. LatentName is
	// what the tensors' names begin with, "" for ffn_routed, which may have a norm too.
	Latent     int
	LatentName string
}

// experts is a mixture with its weights.
type experts struct {
	spec           Experts
	router         Linear    // [experts, width]
	choice         []float32 // [experts] added for the choice, or nil
	byToken        []int32   // [vocab, used] experts of each token, or nil
	gate, up, down []Linear  // per expert; without a gate up stands for it and up is nil
	biases         expertBiases
	sharedGate     []float32 // [width], or nil
	latent         *latentExperts
	shared         sharedFFN // nil when there is none
	types          []kernel.ActType
	routerTypes    []kernel.ActType
}

func (s Experts) load(ld *Loader, i int) ffn {
	name := func(n string) string { return LayerName(i, n) }
	n, width := s.Count, ld.spec.Width
	m := &experts{spec: s}
	if s.BareRouter {
		m.router = Linear{ld.matrix(name("ffn_gate_inp.weight"), n, width), 1, ld.watch.of(name("ffn_gate_inp.weight"), 1, width)[0], ld.adapted(name("ffn_gate_inp.weight"), 1, n, width)[0]}
	} else {
		m.router = ld.linear(name("ffn_gate_inp"), n, width, false)
	}
	if s.ByToken {
		m.byToken = ld.expertsByToken(name("ffn_gate_tid2eid.weight"), &s)
	}
	if s.Bias {
		bias := "exp_probs_b.bias"
		if s.BareBias {
			bias = "exp_probs_b"
		}
		m.choice = ld.vector(name(bias), n, false)
	}
	m.latent = ld.latentExperts(&s, name)
	m.loadNetworks(ld, name, "_exps")
	for i := range m.down {
		if s.OutputScale != 0 {
			m.down[i].Scale *= s.OutputScale
		}
	}
	if s.Biases {
		m.biases = ld.expertBiases(name, n, s.Width, width)
	}
	if s.SharedGate {
		m.sharedGate = ld.vector(name("ffn_gate_inp_shexp.weight"), width, true)
	}
	if s.Shared > 0 {
		m.shared = s.loadShared(ld, name)
	}
	if ld.err == nil {
		m.types = append(actTypes(m.router, m.gate[0]), actTypes(m.up[:min(1, len(m.up))]...)...)
		if m.latent != nil {
			m.latent.inputs, m.types = m.types, actTypes(m.router, m.latent.down)
		}
		if m.shared != nil {
			m.types = append(m.types, m.shared.inputs()...)
		}
		m.types, m.routerTypes = distinct(m.types), actTypes(m.router)
	}
	return m
}

// loadNetworks loads the matrices of the experts, whose tensors have a suffix.
func (m *experts) loadNetworks(ld *Loader, name func(string) string, suffix string) {
	s, n, width := &m.spec, m.spec.Count, cmp.Or(m.spec.Latent, ld.spec.Width)
	gate, up := name("ffn_gate"+suffix), name("ffn_up"+suffix)
	if fused := name("ffn_gate_up" + suffix); s.Fused && ld.has(fused+".weight") {
		for _, both := range ld.linears(fused, n, 2*s.Width, width, s.Scales) {
			part := func(at int) Linear { return both.rows(at, s.Width) }
			m.gate, m.up = append(m.gate, part(0)), append(m.up, part(s.Width))
		}
	} else if s.Plain {
		m.gate = ld.linears(up, n, s.Width, width, s.Scales)
	} else {
		m.gate, m.up = ld.linears(gate, n, s.Width, width, s.Scales), ld.linears(up, n, s.Width, width, s.Scales)
	}
	m.down = ld.linears(name("ffn_down"+suffix), n, width, s.Width, s.Scales)
}

// sharedFFN is what every token runs: a network with or without a gate, in steps.
type sharedFFN interface {
	ffn
	hidden(p *pass, w *worker)
	quantizeHidden(p *pass, w *worker)
	lower() Linear // W_down
}

func (s *Experts) loadShared(ld *Loader, name func(string) string) sharedFFN {
	if s.Plain {
		f := &plainFFN{}
		f.loadMatrices(ld, name, PlainFFN{Width: s.Shared, Activation: s.Activation, Scales: s.SharedScales}, "ffn_up_shexp", "ffn_down_shexp")
		return f
	}
	f, suffix := &gatedFFN{}, "_shexp"
	if s.SharedDense {
		suffix = ""
	}
	f.loadMatrices(ld, name, GatedFFN{Width: s.Shared, Activation: s.Activation, Fused: s.SharedFused, Scales: s.SharedScales, Limit: s.SharedLimit, LimitGate: s.LimitGate, Soft: s.Soft}, "ffn_gate"+suffix, "ffn_up"+suffix, "ffn_down"+suffix)
	if s.OutputScale != 0 {
		f.down.Scale *= s.OutputScale
	}
	return f
}

func (m *experts) include(e *executor) {
	s, most := m.spec, &e.most
	most.experts, most.used = max(most.experts, s.Count), max(most.used, s.Used)
	most.mixed, most.same, most.latent = max(most.mixed, s.Used*s.Width), max(most.same, 1), max(most.latent, s.Latent)
	if m.shared != nil {
		m.shared.include(e)
	}
}

func (m *experts) inputs() []kernel.ActType { return m.types }

func (m *experts) bias() []float32 { return nil }

func (m *experts) bytes() int {
	n := matrixBytes(m.router.Matrix) + m.latent.bytes()
	for e := range m.spec.Used {
		n += matrixBytes(m.gate[e].Matrix, m.down[e].Matrix)
		if !m.spec.Plain {
			n += matrixBytes(m.up[e].Matrix)
		}
	}
	if m.shared != nil {
		n += m.shared.bytes()
	}
	return n
}

// run computes p.o = Σ weight · expert(h) over the experts that each row chooses, and the shared one, for one row or
// many in the same steps: route each row, sort the choices by expert, compute the hidden values of each chosen expert
// for its rows at once, and sum up what comes down in the order of the experts, so that the result does not depend on
// the number of workers.
func (m *experts) run(p *pass, w *worker, _ *Layer) {
	if m.shared != nil {
		m.shared.hidden(p, w)
	}
	m.choose(p, w)
	m.latent.lower(p, w)
	m.mix(p, w)
	if m.latent != nil {
		m.latent.raise(p, w, m.shared)
	}
}

// mix is run of what each row has chosen.
func (m *experts) mix(p *pass, w *worker) {
	if w.ID == 0 {
		p.experts.sort(m.spec.Count, len(p.pos)*m.spec.Used)
	}
	w.Barrier()
	m.hidden(p, w)
	for {
		a, _, ok := w.Take(len(p.experts.active), 1)
		if !ok {
			break
		}
		from, to := p.experts.choices(a)
		act := &p.experts.acts[a]
		p.batch(act, p.experts.gate[from*m.spec.Width:], to-from, m.spec.Width, m.steps(p, from, to))
		act.Quantize(m.down[0].ActType(), 0, to-from)
	}
	if m.shared != nil {
		m.shared.quantizeHidden(p, w)
	} else {
		p.sync(w)
	}
	if p.single() {
		w.Barrier()
	}
	m.combine(p, w)
}

// routeInput computes the router's logits at the layer's input, where it gets that. It ends with a barrier then.
func (m *experts) routeInput(p *pass, w *worker) {
	if !m.spec.RouteInput {
		return
	}
	p.reset(w, &w.in, w.x, p.width)
	p.sync(w)
	p.quantize(w, &w.in, m.routerTypes)
	p.project(w, &w.in, projection{m.router, p.experts.logits})
	w.Barrier()
}

// choose routes all rows. It ends with a barrier.
func (m *experts) choose(p *pass, w *worker) {
	x := &p.experts
	if !m.spec.RouteInput {
		p.project(w, &w.in, projection{m.router, x.logits})
		w.Barrier()
	}
	n, k := m.spec.Count, m.spec.Used
	lo, hi := w.Share(len(p.pos))
	for t := lo; t < hi; t++ {
		addBias(x.logits[t*n:][:n], m.biases.router, 0, 1)
		if m.sharedGate != nil {
			x.shared[t] = sigmoidOf(dot(m.sharedGate, w.h[t*p.width:]))
		}
		ids, weights := x.ids[t*k:][:k], x.weights[t*k:][:k]
		if m.byToken != nil {
			copy(ids, m.byToken[int(p.ids[t])*k:])
		}
		w.router.route(&m.spec, m.choice, x.logits[t*n:][:n], ids, weights)
	}
	w.Barrier()
}

// hidden computes act(W_gate·h) ⊙ W_up·h of all choices. Workers take whole experts, or pieces of them where there are
// few.
func (m *experts) hidden(p *pass, w *worker) {
	x, ff := &p.experts, m.spec.Width
	n := len(x.active)
	pieces := 1
	if n%w.N != 0 && n < 8*w.N {
		pieces = (4*w.N + n - 1) / n
	}
	align := p.model.embed.Align()
	grain := ((ff+pieces-1)/pieces + align - 1) / align * align
	pieces = (ff + grain - 1) / grain
	held := -1 // expert whose rows are in the worker's act
	for {
		i, _, ok := w.Take(n*pieces, 1)
		if !ok {
			break
		}
		a, r0 := i/pieces, i%pieces*grain
		e, r1 := x.active[a], min(ff, r0+grain)
		from, to := x.choices(a)
		in := &w.in
		if m.latent != nil {
			in = &x.latent
		}
		if !p.single() || to-from > 1 {
			in = m.gather(p, w, from, to, held == a)
			held = a
		}
		gate, up := x.gate[from*ff:to*ff], x.up[from*ff:to*ff]
		m.gate[e].Mul(gate, ff, in, r0, r1)
		if !m.spec.Plain {
			m.up[e].Mul(up, ff, in, r0, r1)
		}
		for t := range to - from {
			gate, up := gate[t*ff:][r0:r1], up[t*ff:][r0:r1]
			if m.spec.Plain {
				m.spec.Activation.apply(gate, up)
				continue
			}
			if m.biases.gate != nil {
				addBias(gate, m.biases.gate[int(e)*ff:][r0:r1], 0, 1)
				addBias(up, m.biases.up[int(e)*ff:][r0:r1], 0, 1)
			}
			if m.spec.WeighInput {
				weight := x.weights[x.order[from+t]]
				scale(gate, weight)
				scale(up, weight)
			}
			if m.spec.LimitGate {
				clampAbove(gate, m.spec.Limit)
			}
			if m.spec.Soft.Gate != 0 {
				m.spec.Soft.mul(gate, up)
				continue
			}
			m.spec.Activation.mulLimited(gate, up, m.spec.Limit)
		}
	}
	w.Barrier()
}

// steps returns how many of choices from … to-1 are of decode steps: the first, as choices of an expert are in the
// order of rows.
func (m *experts) steps(p *pass, from, to int) int {
	n := 0
	for from+n < to && int(p.experts.order[from+n]) < p.steps*m.spec.Used {
		n++
	}
	return n
}

// gather returns the normed rows of choices from … to-1 in the experts' types; held tells that they are there.
func (m *experts) gather(p *pass, w *worker, from, to int, held bool) *kernel.Act {
	u, e, rows := &w.small, p.width, w.h
	if held {
		return &u.act
	}
	if m.latent != nil {
		e, rows = m.spec.Latent, p.experts.low
	}
	in := sized(&u.in, (to-from)*e)
	for i, c := range p.experts.order[from:to] {
		copy(in[i*e:][:e], rows[int(c)/m.spec.Used*e:])
	}
	p.batch(&u.act, in, to-from, e, m.steps(p, from, to))
	u.act.Quantize(m.gate[0].ActType(), 0, to-from)
	if m.spec.Plain {
		return &u.act
	}
	if t := m.up[0].ActType(); t != m.gate[0].ActType() {
		u.act.Quantize(t, 0, to-from)
	}
	return &u.act
}

// combine computes p.o, or of latent experts what they give, a range of its columns at a time.
func (m *experts) combine(p *pass, w *worker) {
	x, e, sums, shared := &p.experts, p.width, p.o, m.shared
	if m.latent != nil {
		e, sums, shared = m.spec.Latent, x.sums, nil
	}
	grain := p.grain(w, e)
	for {
		r0, r1, ok := w.Take(e, grain)
		if !ok {
			break
		}
		for t := 0; shared == nil && t < len(p.pos); t++ {
			clear(sums[t*e:][r0:r1])
		}
		if shared != nil {
			shared.lower().Mul(p.o, e, &w.ffn, r0, r1)
			for t := 0; m.sharedGate != nil && t < len(p.pos); t++ {
				scale(p.o[t*e:][r0:r1], x.shared[t])
			}
		}
		for a, id := range x.active {
			from, to := x.choices(a)
			m.down[id].Mul(x.part, e, &x.acts[a], r0, r1)
			for i, c := range x.order[from:to] {
				part, weight := x.part[i*e:][r0:r1], x.weights[c]
				if m.biases.down != nil {
					addBias(part, m.biases.down[int(id)*e:][r0:r1], 0, 1)
				}
				if m.spec.WeighInput {
					weight = 1
				}
				addScaled(sums[int(c)/m.spec.Used*e:][r0:r1], part, weight)
			}
		}
	}
	w.Barrier()
}

// addScaled adds f·src to dst.
func addScaled(dst, src []float32, f float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += f * v
	}
}
