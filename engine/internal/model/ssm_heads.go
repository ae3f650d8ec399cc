package model

import (
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// ssmHeads are the heads of a state space whose channels share Δ, A and D by heads: what Mamba 2 and PLaMo 2 have in
// common.
type ssmHeads struct {
	size, state              int       // values of a head and of a key
	decay, decayBias, direct []float32 // per head: A, b_dt and D
}

func (ld *Loader) ssmHeads(name func(string) string, heads, size, state int) ssmHeads {
	flat := func(n string) []float32 { return ld.floats(name(n), 1, heads) }
	if t, err := ld.tensor(name("ssm_a")); err == nil && len(t.Shape) == 1 {
		flat = func(n string) []float32 { return ld.floats(name(n), heads) }
	}
	return ssmHeads{size, state, flat("ssm_a"), ld.vector(name("ssm_dt.bias"), heads, true), flat("ssm_d")}
}

// headRows are where a head finds its values x, gates z and steps dt, and where its results go, which may be in place
// of x.
type headRows struct{ x, z, dt, out strided }

// strided are rows that start so many values apart.
type strided struct {
	values []float32
	stride int
}

func (s strided) row(t, n int) []float32 { return s.values[t*s.stride:][:n] }

// run takes head h through the tokens of the worker's scan, which has their keys and queries. They are token at on of
// their segment.
func (a *ssmHeads) run(w *worker, st *recurrent, at, h int, r headRows) {
	sc, n := &w.mix.scan, a.size
	for t := range sc.n {
		delta := softplus(r.dt.row(t, 1)[0] + a.decayBias[h])
		sc.decay[t] = a.decay[h] * delta
		vek32.MulNumber_Into(sc.value(t), r.x.row(t, n), delta)
	}
	size := a.state * n
	from, to := st.from[h*size:][:size], st.to[h*size:][:size]
	if at > 0 {
		from = to
	}
	sc.run(to, from)
	tmp := sized(&w.mix.tmp, n)
	for t := range sc.n {
		y := sc.out(t)
		vek32.MulNumber_Into(tmp, r.x.row(t, n), a.direct[h])
		vek32.Add_Inplace(y, tmp)
		kernel.SiLUMul(r.out.row(t, n), r.z.row(t, n), y)
	}
}

// headBlocks returns into how many blocks heads that share keys and queries are cut, so that no worker waits long.
func (w *worker) headBlocks(heads, groups int) int {
	per := heads / groups
	return min(per, (4*w.N+groups-1)/groups)
}
