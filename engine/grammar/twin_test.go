package grammar

import "unicode/utf8"

// A second way to match, without automata: which ends can an expression have in a text that begins at a place? It
// knows nothing of stacks, states and bytes that share tables.

// twin matches texts by trying everything, with a table of what was tried.
type twin struct {
	rules []rule
	text  string
	known map[twinKey][]int
}

type twinKey struct{ rule, at int }

// twinMatch reports whether text is in the language of a rule.
func twinMatch(rules []rule, root int, text string) bool {
	t := &twin{rules: rules, text: text, known: map[twinKey][]int{}}
	for _, e := range t.ends(ref(root), 0) {
		if e == len(text) {
			return true
		}
	}
	return false
}

// ends returns where e can end when it begins at at, each once.
func (t *twin) ends(e expr, at int) []int {
	switch e := e.(type) {
	case lit:
		if len(t.text)-at >= len(e) && t.text[at:at+len(e)] == string(e) {
			return []int{at + len(e)}
		}
	case class:
		r, n := utf8.DecodeRuneInString(t.text[at:])
		for k := 0; k < len(e) && (r != utf8.RuneError || n > 1); k += 2 {
			if e[k] <= r && r <= e[k+1] {
				return []int{at + n}
			}
		}
	case seq:
		now := []int{at}
		for _, x := range e {
			now = t.each(x, now)
		}
		return now
	case alt:
		set := map[int]bool{}
		for _, x := range e {
			for _, end := range t.ends(x, at) {
				set[end] = true
			}
		}
		return keys(set)
	case rep:
		return t.rep(e, at)
	case ref:
		key := twinKey{int(e), at}
		if ends, ok := t.known[key]; ok {
			return ends
		}
		t.known[key] = nil // a rule that begins with itself has no end
		ends := t.ends(t.rules[e].body, at)
		t.known[key] = ends
		return ends
	}
	return nil
}

func (t *twin) rep(e rep, at int) []int {
	all := map[int]bool{}
	now := []int{at}
	for n := 0; len(now) > 0 && (e.max < 0 || n <= e.max) && n <= e.min+len(t.text)+1; n++ {
		if n >= e.min {
			for _, end := range now {
				all[end] = true
			}
		}
		now = t.each(e.x, now)
	}
	return keys(all)
}

func (t *twin) each(x expr, from []int) []int {
	set := map[int]bool{}
	for _, at := range from {
		for _, end := range t.ends(x, at) {
			set[end] = true
		}
	}
	return keys(set)
}

func keys(set map[int]bool) (out []int) {
	for k := range set {
		out = append(out, k)
	}
	return out
}
