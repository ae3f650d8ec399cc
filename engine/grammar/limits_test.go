package grammar

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"weak"
)

// TestConcurrent: matchers of one grammar in many goroutines share its automaton, also while it is made anew.
func TestConcurrent(t *testing.T) {
	v := NewVocab(smallVocab)
	g := mustGBNF(t, `root ::= "a" root "b" | "c" [ab]{5,60}`)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 20 {
				m, err := g.NewMatcher(v)
				if err != nil {
					t.Error(err)
					return
				}
				for _, c := range strings.Repeat("a", n) + "c" + strings.Repeat("ab", 20) + strings.Repeat("b", n) {
					bits := make([]uint64, words(v.size))
					if err := m.Mask(bits); err != nil {
						t.Error(err)
					}
					id, _ := smallVocab.Lookup(string(c))
					if err := m.Accept(id); err != nil || !hasBit(bits, id) {
						t.Errorf("%c: %v", c, err)
					}
				}
				if !m.CanEnd() {
					t.Error("the text is not complete")
				}
				m.a.mu.Lock()
				m.a.bytes += maxBytes / 30
				m.a.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestDepth: rules are as deep within each other as MaxDepth says, and no deeper.
func TestDepth(t *testing.T) {
	g := mustGBNF(t, `root ::= "[" root "]" | "x"`)
	for _, n := range []int{MaxDepth, MaxDepth + 1} {
		ok, err := g.Match(strings.Repeat("[", n) + "x" + strings.Repeat("]", n))
		if ok != (n == MaxDepth) || err != nil {
			t.Errorf("%d brackets: %v %v", n, ok, err)
		}
	}
	// A list is no depth.
	list := mustGBNF(t, "root ::= \"x\" root | \"x\"")
	if ok, err := list.Match(strings.Repeat("x", 20_000)); !ok || err != nil {
		t.Errorf("a long list: %v %v", ok, err)
	}
}

// TestTooAmbiguous: a mask that takes too much work is an error, not a hang.
func TestTooAmbiguous(t *testing.T) {
	v := NewVocab(smallVocab)
	m := newMatcher(t, mustGBNF(t, `root ::= (((((([a-z]{0,99}){0,99}){0,99}){0,99}){0,99}){0,99}){0,99}`), v)
	id, _ := smallVocab.Lookup("a")
	for range 60 {
		err := m.Mask(make([]uint64, words(v.size)))
		if err == nil {
			err = m.Accept(id)
		}
		if errors.Is(err, ErrLimit) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("no limit was met")
}

// TestForgotten: neither does a vocabulary keep a grammar, nor a grammar a vocabulary.
func TestForgotten(t *testing.T) {
	v := NewVocab(smallVocab)
	g := mustGBNF(t, `root ::= "a"`)
	newMatcher(t, g, v)
	gone := weak.Make(v)
	v = NewVocab(smallVocab)
	for range 10 {
		runtime.GC()
	}
	if gone.Value() != nil {
		t.Error("the grammar keeps the vocabulary")
	}
	newMatcher(t, g, v)
	if n := len(g.automata); n != 1 {
		t.Errorf("%d automata", n)
	}
	dropped := weak.Make(g)
	g = nil
	for range 10 {
		runtime.GC()
	}
	if dropped.Value() != nil {
		t.Error("the vocabulary keeps the grammar")
	}
	runtime.KeepAlive(v)
}
