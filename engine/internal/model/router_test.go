package model

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// refRoute is the definition, by sorting: the weight of each expert, 0 for those that are not chosen.
func refRoute(m *Experts, bias, logits []float32, used int) []float64 {
	n := len(logits)
	p, score := make([]float64, n), make([]float64, n)
	sum := 0.0
	for i, l := range logits {
		p[i] = math.Exp(float64(l))
		sum += p[i]
	}
	for i := range p {
		if p[i] /= sum; m.Sigmoid {
			p[i] = 1 / (1 + math.Exp(-float64(logits[i])))
		}
		score[i] = p[i]
		if bias != nil {
			score[i] += float64(bias[i])
		}
	}
	descending := func(x []float64) []int {
		ix := make([]int, len(x))
		for i := range ix {
			ix[i] = i
		}
		slices.SortStableFunc(ix, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
		return ix
	}
	if m.Groups > 1 {
		size := n / m.Groups
		best := make([]float64, m.Groups)
		for g := range best {
			part := slices.Clone(score[g*size : (g+1)*size])
			slices.Sort(part)
			best[g] = part[size-1] + part[size-2]
		}
		for _, g := range descending(best)[m.GroupsUsed:] {
			for i := range size {
				score[g*size+i] = math.Inf(-1)
			}
		}
	}
	out := make([]float64, n)
	chosen := descending(score)[:used]
	total := 0.0
	for _, e := range chosen {
		total += p[e]
	}
	for _, e := range chosen {
		if out[e] = p[e] * float64(m.Scale); m.Normed {
			out[e] /= total
		}
	}
	return out
}

func TestRoute(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, m := range []Experts{
		{Count: 8, Scale: 1},
		{Count: 8, Scale: 2.5, Normed: true},
		{Count: 64, Scale: 1, Sigmoid: true},
		{Count: 64, Scale: 2.5, Sigmoid: true, Normed: true, Groups: 8, GroupsUsed: 3},
		{Count: 12, Scale: 1, Groups: 6, GroupsUsed: 4},
		{Count: 4, Scale: 1, Groups: 1, GroupsUsed: 1},
	} {
		var r router // of one worker, for tokens and layers of all kinds
		for round := range 200 {
			used := 1 + rnd.IntN(min(m.Count, 8))
			logits, bias := make([]float32, m.Count), []float32(nil)
			if round%2 == 1 {
				bias = make([]float32, m.Count)
			}
			for i := range logits {
				logits[i] = float32(rnd.NormFloat64() * 2)
			}
			for i := range bias {
				bias[i] = float32(rnd.NormFloat64() * 0.2)
			}
			want := refRoute(&m, bias, logits, used)
			ids, weights := make([]int32, used), make([]float32, used)
			r.route(&m, bias, logits, ids, weights)
			got := make([]float64, m.Count)
			for i, e := range ids {
				if got[e] != 0 {
					t.Fatalf("expert %d twice", e)
				}
				got[e] = float64(weights[i])
			}
			for e := range want {
				if math.Abs(got[e]-want[e]) > 1e-5*float64(m.Scale) {
					t.Fatalf("%+v: expert %d has weight %v, want %v", m, e, got[e], want[e])
				}
			}
		}
	}
}

// Whatever the logits, the choice is one of different experts that exist.
func TestRouteOfNaNs(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, m := range []Experts{{Count: 8, Scale: 1}, {Count: 8, Scale: 1, Sigmoid: true, Normed: true, Groups: 4, GroupsUsed: 2}} {
		for _, x := range [][2]float32{{nan, nan}, {inf, -inf}, {inf, nan}, {-inf, -inf}} {
			logits := make([]float32, 8)
			for i := range logits {
				logits[i] = x[i%2]
			}
			ids := make([]int32, 4)
			new(router).route(&m, nil, logits, ids, make([]float32, 4))
			slices.Sort(ids)
			if len(slices.Compact(ids)) != 4 || ids[0] < 0 || ids[3] > 7 {
				t.Errorf("%v: %v", x, ids)
			}
		}
	}
}

func TestSortChoices(t *testing.T) {
	var m expertBuffers
	m.grow(3, 1, widths{experts: 6, used: 2, mixed: 2})
	copy(m.ids, []int32{4, 1, 1, 0, 4, 1})
	m.sort(6, 6)
	if want := []int32{0, 1, 4}; !slices.Equal(m.active, want) {
		t.Errorf("active %v, want %v", m.active, want)
	}
	if want := []int32{3, 1, 2, 5, 0, 4}; !slices.Equal(m.order, want) {
		t.Errorf("order %v, want %v", m.order, want)
	}
	if want := []int32{0, 1, 4, 4, 4, 6, 6}; !slices.Equal(m.start, want) {
		t.Errorf("start %v, want %v", m.start, want)
	}
}
