package model

import "github.com/latentgo/latentgo/internal/kernel"

// expertBuffers are the buffers of mixtures of experts, reused by all layers. A choice is a row's i-th expert.
type expertBuffers struct {
	logits   []float32    // [rows, experts], then probabilities
	ids      []int32      // [rows, used] experts
	weights  []float32    // [rows, used]
	shared   []float32    // [rows] factor of what every token runs
	start    []int32      // [experts+1] where the choices of an expert start in order
	order    []int32      // choices sorted by expert, those of one in the order of rows
	active   []int32      // experts that some row chose, ascending
	gate, up []float32    // [choices, ff] in that order: hidden values
	acts     []kernel.Act // per active expert: its rows of gate
	part     []float32    // [choices, width or latent]: what one expert gives, columns of one worker at a time
	// Of latent experts, what goes into them and what they give, [rows, latent].
	low, sums []float32
	latent    kernel.Act // either
}

// grow makes room for n rows and the largest of the layers.
func (m *expertBuffers) grow(n, width int, most widths) {
	choices := n * most.used
	m.logits = make([]float32, n*most.experts)
	m.ids, m.weights = make([]int32, choices), make([]float32, choices)
	m.shared = make([]float32, n)
	m.start, m.order = make([]int32, most.experts+1), make([]int32, choices)
	m.active = make([]int32, 0, min(choices, most.experts))
	m.gate, m.up = make([]float32, n*most.mixed), make([]float32, n*most.mixed)
	m.part = make([]float32, n*most.same*max(width, most.latent))
	m.low, m.sums = make([]float32, n*most.latent), make([]float32, n*most.latent)
	if k := cap(m.active); len(m.acts) < k {
		m.acts = make([]kernel.Act, k)
	}
}

// sort sorts the choices by expert.
func (m *expertBuffers) sort(experts, choices int) {
	start := m.start[:experts+1]
	clear(start)
	for _, e := range m.ids[:choices] {
		start[e]++
	}
	m.active = m.active[:0]
	sum := int32(0)
	for e, n := range start[:experts] {
		if n > 0 {
			m.active = append(m.active, int32(e))
		}
		sum += n
		start[e] = sum
	}
	start[experts] = sum
	for c := choices - 1; c >= 0; c-- {
		e := m.ids[c]
		start[e]--
		m.order[start[e]] = int32(c)
	}
}

// choices returns where the choices of active expert a are in order.
func (m *expertBuffers) choices(a int) (from, to int) {
	e := m.active[a]
	return int(m.start[e]), int(m.start[e+1])
}
