package sample

// xtc ("exclude top choices") removes, with the given probability per token, all candidates with p_i ≥ threshold but
// the least probable of them, if at least keep candidates are left. By p-e-w, oobabooga/text-generation-webui#6335.
type xtc struct {
	probability, threshold float64
	keep                   int
	random                 random
}

func (s *xtc) name() string { return "xtc" }

func (s *xtc) reseed(seed uint64) { s.random.reseed(seed, streamXTC) }

func (s *xtc) apply(c *candidates) {
	if len(c.listed()) < 2 || s.random.float64() >= s.probability {
		return
	}
	c.softmax()
	last, n := -1, 0
	for i := range c.list {
		if c.list[i].p < s.threshold {
			continue
		}
		n++
		if last < 0 || compare(c.list[i], c.list[last]) > 0 {
			last = i
		}
	}
	if n >= 2 && len(c.list)-(n-1) >= s.keep {
		s.exclude(c, c.list[last].id)
	}
}

// exclude drops the top choices but the one with the given id.
func (s *xtc) exclude(c *candidates, id int32) {
	kept := c.list[:0]
	for _, cand := range c.list {
		if cand.p < s.threshold || cand.id == id {
			kept = append(kept, cand)
		}
	}
	c.list = kept
}
