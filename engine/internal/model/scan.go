package model

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// scanChunk is how many tokens a scan takes at a time, and scanSteps how few it takes one by one.
const (
	scanChunk = 64
	scanSteps = 4
)

// scan is a linear recurrence of one head, with a state S [keys, values] and per token a key, a query, a value and a
// decay:
//
//	S_t = a_t·S_{t-1} + k_t ⊗ d_t        y_t = S_tᵀ·q_t
//
// where d_t is the value, or by the delta rule what the state does not give for the key yet, β_t·(v_t -
// a_t·S_{t-1}ᵀ·k_t).
//
// Many tokens are a few matrix products. With g_t = a_1·…·a_t and S the state before them,
//
//	y_t = g_t·Sᵀq_t + Σ_{s≤t} (g_t/g_s)·(q_t·k_s)·d_s
//	d_t = β_t·(v_t - g_t·Sᵀk_t - Σ_{s<t} (g_t/g_s)·(k_t·k_s)·d_s)
//	S'  = g_n·S + Σ_s (g_n/g_s)·k_s ⊗ d_s
type scan struct {
	keys, values, n int
	delta           bool
	kq              []float32 // [n keys | n queries] of keys values each
	v               []float32 // [n, values]; run leaves d in it
	y               []float32 // [n, values]
	decay           []float32 // [n] logarithms of a_t
	beta            []float32 // [n]
	own             []float32 // scratch: Sᵀk and Sᵀq [2n, values]
	ready           bool      // the next two are there; heads that share keys and queries share them
	transposed, met []float32 // keys [keys, n], and k·k and q·k [2n, n]
	scaled, weights []float32 // the same with ratios of g
	sums, ratios    []float32 // [n] -log g_t, and ratios of g
}

// begin makes room for n tokens, at most scanChunk. run may follow several times with the same keys and queries.
func (s *scan) begin(keys, values, n int, delta bool) {
	s.keys, s.values, s.n, s.delta, s.ready = keys, values, n, delta, false
	s.kq = sized(&s.kq, scanChunk*2*keys)[:n*2*keys]
	s.v, s.y = sized(&s.v, scanChunk*values)[:n*values], sized(&s.y, scanChunk*values)[:n*values]
	s.decay, s.beta = sized(&s.decay, scanChunk)[:n], sized(&s.beta, scanChunk)[:n]
	s.own = sized(&s.own, scanChunk*2*values)[:n*2*values]
}

func (s *scan) key(t int) []float32   { return s.kq[t*s.keys:][:s.keys] }
func (s *scan) query(t int) []float32 { return s.kq[(s.n+t)*s.keys:][:s.keys] }
func (s *scan) value(t int) []float32 { return s.v[t*s.values:][:s.values] }
func (s *scan) out(t int) []float32   { return s.y[t*s.values:][:s.values] }

// run computes y and the state after the tokens, to, from the state before them, which may be the same.
func (s *scan) run(to, from []float32) {
	if s.n > scanSteps {
		s.chunk(to, from)
		return
	}
	for t := range s.n {
		s.step(to, from, t)
		from = to
	}
}

// step is one token.
func (s *scan) step(to, from []float32, t int) {
	k, q, d, y := s.key(t), s.query(t), s.value(t), s.out(t)
	a := float32(math.Exp(float64(s.decay[t])))
	own := s.own[:2*s.values]
	clear(own)
	if s.delta {
		kernel.WeightedSumF32(own, s.values, s.kq[t*s.keys:], s.n*s.keys, 2, from, s.values, s.keys, s.values)
		x := own[:s.values]
		vek32.MulNumber_Inplace(x, -a)
		vek32.Add_Inplace(d, x)
		vek32.MulNumber_Inplace(d, s.beta[t])
	} else {
		kernel.WeightedSumF32(own[s.values:], s.values, q, s.keys, 1, from, s.values, s.keys, s.values)
	}
	x := own[s.values:]
	vek32.MulNumber_Inplace(x, a)
	vek32.MulNumber_Into(y, d, vek32.Dot(k, q))
	vek32.Add_Inplace(y, x)
	s.scaleState(to, from, a)
	kernel.WeightedSumF32(to, s.values, k, 1, s.keys, d, s.values, 1, s.values)
}

// update is one token's step of the delta rule in a state that has decayed already, with its first key, query and
// value.
func (s *scan) update(state []float32, beta float32) {
	k, q, d, own := s.key(0), s.query(0), s.value(0), s.own[:s.values]
	clear(own)
	kernel.WeightedSumF32(own, s.values, k, s.keys, 1, state, s.values, s.keys, s.values)
	vek32.Sub_Inplace(d, own)
	vek32.MulNumber_Inplace(d, beta)
	kernel.WeightedSumF32(state, s.values, k, 1, s.keys, d, s.values, 1, s.values)
	y := s.out(0)
	clear(y)
	kernel.WeightedSumF32(y, s.values, q, s.keys, 1, state, s.values, s.keys, s.values)
}

// scaleState computes to = f·from.
func (s *scan) scaleState(to, from []float32, f float32) {
	if &to[0] != &from[0] {
		copy(to, from)
	}
	vek32.MulNumber_Inplace(to, f)
}

// meet transposes the keys and multiplies them by keys and queries.
func (s *scan) meet() {
	n, keys, first := s.n, s.keys, s.first()
	s.transposed = sized(&s.transposed, scanChunk*keys)[:keys*n]
	s.scaled = sized(&s.scaled, scanChunk*keys)[:keys*n]
	s.met = sized(&s.met, 2*scanChunk*scanChunk)[:2*n*n]
	s.weights = sized(&s.weights, 2*scanChunk*scanChunk)[:2*n*n]
	kernel.Transpose(s.transposed, n, s.kq, keys, n, keys)
	clear(s.met)
	kernel.WeightedSumF32(s.met[first*n:], n, s.kq[first*keys:], keys, 2*n-first, s.transposed, n, keys, n)
	s.ready = true
}

// first returns the first row of kq that meets keys and state: without the delta rule only queries do.
func (s *scan) first() int {
	if s.delta {
		return 0
	}
	return s.n
}

// chunk is all tokens at once.
func (s *scan) chunk(to, from []float32) {
	if !s.ready {
		s.meet()
	}
	n, keys, values, first := s.n, s.keys, s.values, s.first()
	clear(s.own)
	kernel.WeightedSumF32(s.own[first*values:], values, s.kq[first*keys:], keys, 2*n-first, from, values, keys, values)
	sums, ratios := s.accumulate(), sized(&s.ratios, scanChunk)
	for t := range n {
		r := ratios[:t+1]
		kernel.ExpSum(r, sums[:t+1], sums[t])
		if s.delta {
			s.correct(t, r[:t])
		}
		s.attend(t, r)
	}
	kernel.WeightedSumF32(s.y, values, s.weights[n*n:], n, n, s.v, values, n, values)
	last := ratios[:n]
	kernel.ExpSum(last, sums, sums[n-1])
	for c := range keys {
		vek32.Mul_Into(s.scaled[c*n:][:n], s.transposed[c*n:][:n], last)
	}
	s.scaleState(to, from, float32(math.Exp(float64(-sums[n-1]))))
	kernel.WeightedSumF32(to, values, s.scaled, n, keys, s.v, values, n, values)
}

// accumulate returns -log g_t.
func (s *scan) accumulate() []float32 {
	sums := sized(&s.sums, scanChunk)[:s.n]
	sum := 0.0
	for t, d := range s.decay {
		sum -= float64(d)
		sums[t] = float32(sum)
	}
	return sums
}

// correct makes d_t of v_t; ratios are g_t/g_s of earlier tokens.
func (s *scan) correct(t int, ratios []float32) {
	d, own := s.value(t), s.own[t*s.values:][:s.values]
	if t > 0 {
		weights := s.weights[t*s.n:][:t]
		vek32.Mul_Into(weights, s.met[t*s.n:][:t], ratios)
		vek32.MulNumber_Inplace(weights, -1)
		kernel.WeightedSumF32(d, s.values, weights, t, 1, s.v, s.values, t, s.values)
	}
	vek32.MulNumber_Inplace(own, -s.before(t))
	vek32.Add_Inplace(d, own)
	vek32.MulNumber_Inplace(d, s.beta[t])
}

// attend starts y_t with what the state gives, and makes the weights of d_s; ratios are g_t/g_s up to the token.
func (s *scan) attend(t int, ratios []float32) {
	vek32.MulNumber_Into(s.out(t), s.own[(s.n+t)*s.values:][:s.values], s.before(t))
	row := (s.n + t) * s.n
	vek32.Mul_Into(s.weights[row:][:t+1], s.met[row:][:t+1], ratios)
	clear(s.weights[row+t+1:][:s.n-t-1])
}

// before returns g_t.
func (s *scan) before(t int) float32 { return float32(math.Exp(float64(-s.sums[t]))) }
