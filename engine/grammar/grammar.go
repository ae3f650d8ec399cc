package grammar

import (
	"errors"
	"maps"
	"sync"
	"weak"
)

// Limits of grammars.
const (
	// MaxSource is the largest length of a source text, in bytes.
	MaxSource = 1 << 20
	// MaxSize is the largest number of the automaton's nodes: about one per byte of literals, some per character class.
	MaxSize = 200_000
	// MaxNesting is how deep parentheses, groups and the like may be nested in a source text.
	MaxNesting = 200
	// MaxDepth is how deep rules may be within each other in a text that is matched: no text with more brackets open
	// is allowed.
	MaxDepth = 1000
)

var (
	// ErrSyntax is wrapped by errors about a source text that cannot be read.
	ErrSyntax = errors.New("bad grammar")
	// ErrLimit is wrapped by errors about what exceeds a limit.
	ErrLimit = errors.New("grammar too large")
	// ErrRecursion is returned for a rule that begins with itself, which has no end.
	ErrRecursion = errors.New("left recursion")
	// ErrEmpty is returned for a grammar that no text matches.
	ErrEmpty = errors.New("no text matches")
	// ErrUnsupported is wrapped by errors about a part of a schema or regular expression that cannot be enforced.
	ErrUnsupported = errors.New("cannot be enforced")
	// ErrToken is wrapped by errors about a token that the grammar does not allow, or that does not exist.
	ErrToken = errors.New("token not allowed")
)

// Grammar describes a set of texts. It does not change and may be used by any number of goroutines.
type Grammar struct {
	prog  *program
	rules []rule // for grammars that this one is a part of
	root  int

	mu       sync.Mutex
	bare     *automaton                         // for Match
	automata map[weak.Pointer[Vocab]]*automaton // token tables belong to a vocabulary
}

func newGrammar(rules []rule, root int) (*Grammar, error) {
	prog, err := compile(rules, root)
	if err != nil {
		return nil, err
	}
	return &Grammar{prog: prog, rules: rules, root: root}, nil
}

// automaton returns the automaton for a vocabulary, or the one without tokens for nil.
func (g *Grammar) automaton(v *Vocab) (*automaton, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v == nil {
		if g.bare == nil {
			g.bare = newAutomaton(g.prog, nil)
		}
		return g.bare, nil
	}
	key := weak.Make(v)
	if a := g.automata[key]; a != nil {
		return a, nil
	}
	ids, err := v.find(g.prog.tokens)
	if err != nil {
		return nil, err
	}
	if g.automata == nil {
		g.automata = map[weak.Pointer[Vocab]]*automaton{}
	}
	maps.DeleteFunc(g.automata, func(key weak.Pointer[Vocab], _ *automaton) bool {
		return key.Value() == nil // of a model that is gone
	})
	g.automata[key] = newAutomaton(g.prog, ids)
	return g.automata[key], nil
}

// Match reports whether the grammar allows text, as a whole. Tokens of GBNF such as <[10]> match no text. The error
// wraps ErrLimit.
func (g *Grammar) Match(text string) (bool, error) {
	a, err := g.automaton(nil)
	if err != nil {
		return false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begin()
	s, err := a.start()
	for i := 0; i < len(text) && err == nil && s != nil; i++ {
		a.begin()
		s, err = a.step(s, text[i])
	}
	if err != nil || s == nil {
		return false, err
	}
	return s.final, nil
}
