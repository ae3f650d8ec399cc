package model

// Models that run their layers several times over (looped transformers): each time with the same weights, and with
// states of their own.

// Loops reads how often the layers of the file run; once where it does not say.
func (r *Reader) Loops(s *Spec) int {
	return r.Size("num_loops", 1, 1, maxLayers/len(s.Layers))
}

// Repeat appends the layers n-1 times.
func (s *Spec) Repeat(n int) {
	once := s.Layers
	for i := 1; i < n; i++ {
		for _, l := range once {
			l.Repeats = i * len(once)
			s.Layers = append(s.Layers, l)
		}
	}
}
