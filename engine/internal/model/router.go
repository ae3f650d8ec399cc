package model

import "math"

// minWeights is the smallest sum that weights are divided by, as in llama.cpp: the smallest normal half float.
const minWeights = 1.0 / (1 << 14)

// router is one worker's scratch for choosing experts.
type router struct {
	score  []float32 // per expert: what it is chosen by
	taken  []bool    // per expert
	groups []float32 // per group
	left   []bool    // per group: not chosen
}

// route turns one token's logits into probabilities, chooses len(ids) experts, unless they are by token, and computes
// their weights. Of equal experts the first is chosen; NaNs choose something.
func (r *router) route(m *Experts, bias, logits []float32, ids []int32, weights []float32) {
	n := len(logits)
	if cap(r.score) < n {
		r.score, r.taken = make([]float32, n), make([]bool, n)
	}
	r.score, r.taken = r.score[:n], r.taken[:n]
	switch {
	case m.Sigmoid:
		sigmoid(logits)
	case m.RootSoftplus:
		for i, v := range logits {
			logits[i] = float32(math.Sqrt(float64(softplus(v))))
		}
	case !m.Chosen:
		softmax(logits)
	}
	if !m.ByToken {
		r.choose(m, bias, logits, ids)
	}
	for i, e := range ids {
		weights[i] = logits[e]
	}
	if m.Chosen {
		softmax(weights)
	}
	var sum float32
	for _, w := range weights {
		sum += w
	}
	f := m.Scale
	if m.Normed {
		f /= max(sum, minWeights)
	}
	scale(weights, f)
}

// choose chooses experts by their probabilities.
func (r *router) choose(m *Experts, bias, p []float32, ids []int32) {
	copy(r.score, p)
	for i, b := range bias {
		r.score[i] += b
	}
	clear(r.taken)
	if m.Groups > 1 {
		r.dropGroups(m)
	}
	for i := range ids {
		e := best(r.score, r.taken)
		r.taken[e] = true
		ids[i] = int32(e)
	}
}

// dropGroups takes the experts of all groups but the best out of the choice.
func (r *router) dropGroups(m *Experts) {
	if len(r.groups) != m.Groups {
		r.groups, r.left = make([]float32, m.Groups), make([]bool, m.Groups)
	}
	size := m.Count / m.Groups
	for g := range r.groups {
		r.groups[g] = topTwo(r.score[g*size:][:size])
		r.left[g] = true
	}
	clear(r.taken[:m.Groups]) // serves as the mark of chosen groups, there are fewer of them than experts
	for range m.GroupsUsed {
		g := best(r.groups, r.taken[:m.Groups])
		r.taken[g], r.left[g] = true, false
	}
	for e := range r.taken {
		r.taken[e] = r.left[e/size]
	}
}

// best returns the index of the highest value that is not taken; one must be left.
func best(x []float32, taken []bool) int {
	b := -1
	for i, v := range x {
		if !taken[i] && (b < 0 || v > x[b]) {
			b = i
		}
	}
	return b
}

// topTwo returns the sum of the two highest of at least two values.
func topTwo(x []float32) float32 {
	a, b := max(x[0], x[1]), min(x[0], x[1])
	for _, v := range x[2:] {
		if v > a {
			a, b = v, a
		} else if v > b {
			b = v
		}
	}
	return a + b
}

func sigmoid(x []float32) {
	for i, v := range x {
		x[i] = sigmoidOf(v)
	}
}

func sigmoidOf(v float32) float32 { return float32(1 / (1 + math.Exp(-float64(v)))) }

// dot returns Σ a_i·b_i over the length of a.
func dot(a, b []float32) float32 {
	sum := 0.0
	b = b[:len(a)]
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return float32(sum)
}

func softmax(x []float32) {
	peak := float32(math.Inf(-1))
	for _, v := range x {
		peak = max(peak, v)
	}
	sum := 0.0
	for i, v := range x {
		e := math.Exp(float64(v - peak))
		x[i] = float32(e)
		sum += e
	}
	scale(x, float32(1/sum))
}
