package sample

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHistory(t *testing.T) {
	for _, limit := range []int{-1, 0, 1, 2, 7, 64} {
		h := history{limit: limit}
		var all []int32
		for i := range int32(300) {
			h.add(i)
			all = append(all, i)
			for _, n := range []int{-1, 0, 1, 5, 64, 1000} {
				want := n
				if want < 0 || limit >= 0 && want > limit {
					want = limit
				}
				if want < 0 || want > len(all) {
					want = len(all)
				}
				if got := h.last(n); !slices.Equal(got, all[len(all)-want:]) {
					t.Fatalf("limit %d: last(%d) after %d tokens is %v", limit, n, len(all), got)
				}
			}
		}
		if limit > 0 && cap(h.tokens) > 4*limit+8 {
			t.Errorf("limit %d: capacity %d", limit, cap(h.tokens))
		}
		if h.reset(); len(h.last(-1)) != 0 {
			t.Error("tokens left after reset")
		}
	}
}

// TestPenalties holds the stage against counting by scanning.
func TestPenalties(t *testing.T) {
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		h := &history{limit: -1}
		for range r.IntN(150) {
			h.add(int32(r.IntN(len(logits)+20) - 10)) // some outside the vocabulary
		}
		s := &penalties{history: h, lastN: r.IntN(100) - 1, repeat: 0.5 + r.Float32(),
			frequency: r.Float32() - 0.5, presence: r.Float32() - 0.5}
		window := h.last(s.lastN)
		want := newTwin(logits)
		for i := range want {
			count := 0
			for _, token := range window {
				if token == want[i].id {
					count++
				}
			}
			if count == 0 {
				continue
			}
			if want[i].l > 0 {
				want[i].l /= float64(s.repeat)
			} else {
				want[i].l *= float64(s.repeat)
			}
			want[i].l -= float64(count)*float64(s.frequency) + float64(s.presence)
		}
		return s, want
	})
}

// dryTwin computes the penalties from the definition: for every earlier position, compare backwards.
func dryTwin(s *dry, texts []string, split []string) map[int32]float64 {
	tokens := s.history.last(s.lastN)
	limit := len(tokens)
	for i := len(tokens) - 1; i >= 0; i-- {
		if id := int(tokens[i]); id >= 0 && id < len(texts) && containsAny(texts[id], split) {
			limit = len(tokens) - 1 - i
			break
		}
	}
	out := make(map[int32]float64)
	if len(tokens) <= s.allowed || limit < s.allowed {
		return out
	}
	for j := 1; j < len(tokens); j++ { // tokens[j] continued tokens[:j]
		n := 0
		for n < j && n < limit && tokens[j-1-n] == tokens[len(tokens)-1-n] {
			n++
		}
		id := tokens[j]
		if n < s.allowed || id < 0 || int(id) < len(texts) && containsAny(texts[id], split) {
			continue
		}
		out[id] = max(out[id], s.multiplier*math.Pow(s.base, float64(n-s.allowed)))
	}
	return out
}

func containsAny(s string, subs []string) bool {
	return slices.ContainsFunc(subs, func(sub string) bool { return bytes.Contains([]byte(s), []byte(sub)) })
}

func TestDry(t *testing.T) {
	vocab := pieces{"a", "b\n", "c", "d:", "e", " f", "g", "h", "\n\n"}
	split := []string{"\n", ":"}
	marks := newBreakers(split, vocab, nil)
	againstTwin(t, func(r *rand.Rand, logits []float32) (stage, twin) {
		h := &history{limit: -1}
		few := 1 + r.IntN(5)
		for range r.IntN(200) {
			h.add(int32(r.IntN(few)))
			if r.IntN(40) == 0 {
				h.add(int32(r.IntN(12) - 1))
			}
		}
		s := &dry{history: h, lastN: r.IntN(250) - 1, allowed: r.IntN(5), multiplier: r.Float64(), base: 1 + r.Float64()/10}
		if r.IntN(2) == 0 {
			s.breakers = marks
		} else {
			split = nil
		}
		penalty := dryTwin(s, vocab, split)
		split = []string{"\n", ":"}
		want := newTwin(logits)
		for i := range want {
			want[i].l -= penalty[want[i].id]
		}
		return s, want
	})
}

// TestDryOverflow: a long repetition must not turn into NaN, only rule the token out.
func TestDryOverflow(t *testing.T) {
	p := off()
	p.DryMultiplier, p.DryBase, p.DryPenaltyLastN = 1, 3, -1
	ch, err := New(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		ch.Accept(1)
	}
	for range 20 {
		if got := ch.Sample([]float32{0, 50}); got != 0 {
			t.Fatalf("drew %d", got)
		}
	}
}

// TestBreakers: breakers inside a token, across tokens, and both at once.
func TestBreakers(t *testing.T) {
	vocab := pieces{"x", "Us", "er:", "er", ":", "User:", "s", "U", ""}
	encode := func(s string) []int32 {
		return map[string][]int32{"er:": {2}, "ser:": {6, 2}, "r:": {0, 4}}[s]
	}
	b := newBreakers([]string{"User:", ""}, vocab, encode)
	for _, c := range []struct {
		tokens []int32
		limit  int
	}{
		{nil, 0},
		{[]int32{0, 0, 0}, 3},
		{[]int32{0, 5, 0}, 1},
		{[]int32{0, 1, 2, 0, 0}, 2},
		{[]int32{0, 1, 3, 4, 0, 0}, 6},
		{[]int32{7, 6, 2}, 0},
		{[]int32{1}, 1},
	} {
		if got := b.limit(c.tokens); got != c.limit {
			t.Errorf("limit(%v) = %d, want %d", c.tokens, got, c.limit)
		}
	}
	if !b.single(5) || b.single(1) || b.single(0) {
		t.Error("only token 5 is a breaker alone")
	}
	if without := newBreakers([]string{"User:"}, vocab, nil); len(without) != 1 {
		t.Errorf("without encode: %v", without)
	}
}
