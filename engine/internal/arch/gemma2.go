package arch

import "github.com/latentgo/latentgo/engine/internal/model"

// gemma2 is Gemma 2: Gemma with sandwich norms, soft caps on scores and logits, and a sliding window in every other
// layer.
func gemma2(r *model.Reader) *model.Spec {
	s := gemma(r)
	s.LogitCap = float32(r.Float("final_logit_softcapping", 30))
	scoreCap := float32(r.Float("attn_logit_softcapping", 50))
	window := r.Window(4096)
	local, sliding := r.LocalLayers(s, window, 2, false), slidingRope(r, s)
	for i := range s.Layers {
		a := s.Layers[i].Mixer.(model.Attention)
		a.ScoreCap = scoreCap
		if len(s.Layers) == 46 { // the 27B model divides by the residual width per head
			a.Scale = model.ScoreScale(s.Width / max(a.Heads, 1))
		}
		if local[i] {
			a.Window, a.Rope = window, sliding
		}
		s.Layers[i].Mixer, s.Layers[i].PostNorm = a, true
	}
	return s
}

// slidingRope returns the index of the position embedding of layers with a window: the first, or where the file has
// another base for it one of its own.
func slidingRope(r *model.Reader, s *model.Spec) int {
	const key = "rope.freq_base_swa"
	if !r.Has(key) {
		return 0
	}
	c := s.Ropes[0]
	c.Base = r.Positive(key, 0)
	s.Ropes = append(s.Ropes, c)
	return len(s.Ropes) - 1
}
