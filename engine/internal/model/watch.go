package model

import (
	"sync"

	"github.com/latentgo/latentgo/internal/kernel"
)

// Watch adds up the squares of what a model's matrices are multiplied by: by tensor name, for each of its matrices. It
// is empty before the model is loaded. Matrices that attention merges with others are left out.
type Watch map[string][]*InputSums

// InputSums are the sums of one matrix.
type InputSums struct {
	mu     sync.Mutex
	Square []float64 // Σ x² per column
	Count  int64     // vectors
}

// of returns the sums for n matrices with so many columns of a tensor, nil for each where nobody watches.
func (w Watch) of(tensor string, n, cols int) []*InputSums {
	sums := make([]*InputSums, n)
	if w == nil {
		return sums
	}
	for i := range sums {
		sums[i] = &InputSums{Square: make([]float64, cols)}
	}
	w[tensor] = sums
	return sums
}

// add adds all rows of a batch.
func (s *InputSums) add(a *kernel.Act) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range a.N {
		for i, v := range a.Row(t) {
			s.Square[i] += float64(v) * float64(v)
		}
	}
	s.Count += int64(a.N)
}
