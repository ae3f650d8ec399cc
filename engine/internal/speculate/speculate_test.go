package speculate

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The twin of Lookup looks at all positions.
func guessTwin(text []int32, n int) (guess []int32, match int) {
	at := 0
	for end := len(text) - 1; end >= leastMatch; end-- {
		if m := matching(text[:end], text); m > match {
			at, match = end, m
		}
	}
	if match < leastMatch {
		return nil, 0
	}
	all := slices.Clone(text)
	for i := range n {
		all = append(all, all[at+i])
	}
	return all[len(text):], match
}

func TestLookup(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, vocab := range []int32{2, 5, 40} {
		var l Lookup
		var text []int32
		for range 400 {
			if r.IntN(50) == 0 && len(text) > 0 {
				text = text[:r.IntN(len(text))] // the text becomes shorter
			} else if k := r.IntN(8); k == 0 && len(text) > 9 {
				from := r.IntN(len(text) - 8)
				text = append(text, text[from:from+8]...)
			} else {
				text = append(text, r.Int32N(vocab))
			}
			got, m := l.Guess(nil, text, 6)
			want, wantMatch := guessTwin(text, 6)
			if vocab > 5 && (!slices.Equal(got, want) || m != wantMatch) {
				t.Fatalf("%v: guess %v after a match of %d, want %v, %d", text, got, m, want, wantMatch)
			}
			// Among many pairs that are the same only the newest are looked at.
			if (m == 0) != (wantMatch == 0) || m > wantMatch || m > 0 && len(got) != 6 {
				t.Fatalf("%v: guess %v after a match of %d, the longest is %d", text, got, m, wantMatch)
			}
		}
	}
}

// What guesses cost where all are wrong stays within the share and what may be lost at the beginning; where all are
// right most are asked for.
func TestPace(t *testing.T) {
	for class := range classes {
		const step, cost = 0.01, 0.004
		p, lost := NewPace(), 0.0
		const passes = 3000
		for range passes {
			n := p.Want(class, Most)
			lost += float64(n) * cost
			p.Passed(n, step+float64(n)*cost)
			p.Settled(class, n, 0)
		}
		if most := step * (firstLoss + share*passes); lost > most {
			t.Errorf("class %d: %.3f s of %.0f s are lost, at most %.3f are to be", class, lost, passes*step, most)
		}
		p = NewPace()
		total := 0
		for range 400 {
			n := p.Want(class, Most)
			total += n
			p.Passed(n, step+float64(n)*cost)
			p.Settled(class, n, n)
		}
		if class >= 2 && total < 300*7 {
			t.Errorf("class %d: %d guesses in 400 passes that were all right", class, total)
		}
	}
}

// A pass that took long for another reason is no reason to stop.
func TestPaceForgetsStalls(t *testing.T) {
	p := NewPace()
	for i := range 200 {
		n := p.Want(3, Most)
		took := 0.01 + float64(n)*0.003
		if i == 20 {
			took = 5
		}
		p.Passed(n, took)
		p.Settled(3, n, n)
	}
	if n := p.Want(3, Most); n < 3 {
		t.Errorf("%d guesses are wanted long after a stall", n)
	}
}
