package sample

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// stopsTwin is the definition: the text as a whole ends before the first stop string to be complete, the longest of
// those that are complete there.
func stopsTwin(stops []string, text string) (out, matched string) {
	for end := range len(text) + 1 {
		for _, stop := range stops {
			if stop != "" && strings.HasSuffix(text[:end], stop) && len(stop) > len(matched) {
				matched = stop
			}
		}
		if matched != "" {
			return text[:end-len(matched)], matched
		}
	}
	return text, ""
}

// longestHold is the length of the longest suffix of text that begins a stop string without being all of it.
func longestHold(stops []string, text string) (n int) {
	for i := range len(text) {
		for _, stop := range stops {
			if len(stop) > len(text)-i && strings.HasPrefix(stop, text[i:]) {
				return len(text) - i
			}
		}
	}
	return 0
}

// checkStops pushes text in pieces and compares after each of them.
func checkStops(t *testing.T, stops []string, pieces []string) {
	t.Helper()
	s := NewStops(stops)
	var in, out string
	for _, piece := range pieces {
		emit, stopped := s.Push(piece)
		in += piece
		out += emit
		want, matched := stopsTwin(stops, in)
		if s.Matched() != matched || stopped != (matched != "") {
			t.Fatalf("%q, %q: matched %q, want %q", stops, in, s.Matched(), matched)
		}
		if !stopped {
			want = in[:len(in)-longestHold(stops, in)]
		}
		if out != want {
			t.Fatalf("%q, %q: %q so far, want %q", stops, pieces, out, want)
		}
	}
	want, _ := stopsTwin(stops, in)
	if out += s.Flush(); out != want {
		t.Fatalf("%q, %q: %q in the end, want %q", stops, pieces, out, want)
	}
}

// split cuts a text at random places; empty pieces occur.
func split(r *rand.Rand, text string) (pieces []string) {
	for len(text) > 0 {
		n := r.IntN(min(len(text), 6) + 1)
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

func TestStops(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	word := func(n int) string {
		var b strings.Builder
		for range r.IntN(n + 1) {
			b.WriteString([]string{"a", "b", "é", "\n", "<", "😀"}[r.IntN(2+r.IntN(5))])
		}
		return b.String()
	}
	for range 20_000 {
		var stops []string
		for range r.IntN(4) {
			stops = append(stops, word(5))
		}
		checkStops(t, stops, split(r, word(40)))
	}
}

func TestStopsCases(t *testing.T) {
	for _, c := range []struct{ stops, pieces []string }{
		{nil, []string{"a", "b"}},
		{[]string{""}, []string{"abc"}},
		{[]string{"<|im_end|>"}, []string{"Hello", " <|im", "_en", "d|> more"}},
		{[]string{"<|im_end|>"}, []string{"Hello <|im", "_start|>"}},
		{[]string{"aab"}, []string{"aa", "a", "a", "b"}},
		{[]string{"abcd", "bc"}, []string{"ab", "cd"}},
		{[]string{"bc", "abc"}, []string{"xab", "c"}},
		{[]string{"abab"}, []string{"aba", "aba", "b"}},
		{[]string{"\nUser:", "\n\n"}, []string{"Hi\n", "\nUser:"}},
		{[]string{"é"}, []string{"e", "è", "\xc3", "\xa9"}},
		{[]string{"end"}, []string{"the en", ""}},
	} {
		checkStops(t, c.stops, c.pieces)
	}
}

// TestStopsUTF8: pieces of whole characters come out as whole characters.
func TestStopsUTF8(t *testing.T) {
	s := NewStops([]string{"é!", "😀😀"})
	for _, piece := range []string{"è", "é", "ê", "😀", "😁", "é", "é!"} {
		if emit, _ := s.Push(piece); !utf8.ValidString(emit) {
			t.Errorf("%q after %q", emit, piece)
		}
	}
	if s.Matched() != "é!" {
		t.Errorf("matched %q", s.Matched())
	}
}

// TestStopsAfter: after a match all is dropped until Reset.
func TestStopsAfter(t *testing.T) {
	s := NewStops([]string{"X"})
	if emit, stop := s.Push("aXb"); emit != "a" || !stop {
		t.Errorf("%q, %v", emit, stop)
	}
	if emit, stop := s.Push("c"); emit != "" || !stop || s.Flush() != "" {
		t.Errorf("%q, %v", emit, stop)
	}
	s.Reset()
	if emit, stop := s.Push("c"); emit != "c" || stop || s.Matched() != "" {
		t.Errorf("%q, %v", emit, stop)
	}
	var none *Stops
	if emit, stop := none.Push("c"); emit != "c" || stop || none.Flush() != "" || none.Matched() != "" {
		t.Error("nil Stops")
	}
	none.Reset()
}

func FuzzStops(f *testing.F) {
	f.Add("ab\x00b", "aabb", uint64(1))
	f.Add("<|im_end|>\x00\n\n", "x<|im_<|im_end|>", uint64(2))
	f.Add("aab\x00ab\x00", "aaaab", uint64(3))
	f.Fuzz(func(t *testing.T, stops, text string, seed uint64) {
		if len(text) > 300 || len(stops) > 60 {
			t.Skip()
		}
		checkStops(t, strings.Split(stops, "\x00"), split(rand.New(rand.NewPCG(seed, 0)), text))
	})
}

func BenchmarkStops(b *testing.B) {
	s := NewStops([]string{"<|im_end|>", "\nUser:", "</s>"})
	b.ReportAllocs()
	for b.Loop() {
		s.Push(" token")
	}
}
