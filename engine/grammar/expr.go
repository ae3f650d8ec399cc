package grammar

// rule is a named expression.
type rule struct {
	name string
	body expr
}

// expr is a set of texts: one of the types below.
type expr interface{}

type (
	lit   string // the bytes themselves
	class []rune // characters in ranges [lo, hi], pairs one after the other
	seq   []expr // one after the other; empty: the empty text
	alt   []expr // any of them; empty: no text at all
	ref   int    // a rule, by its index
	// rep is x again and again, min to max times; max < 0 is no bound.
	rep struct {
		x        expr
		min, max int
	}
	// token is one token of the vocabulary, or any other.
	token struct {
		id   int32
		text string // names the token where id is −1
		not  bool
	}
)

// never is no text at all.
var never = alt{}

func opt(x expr) expr  { return rep{x, 0, 1} }
func star(x expr) expr { return rep{x, 0, -1} }

// sizeOf estimates how many nodes an expression becomes, references not followed. loops says that it has a part without
// bound.
func sizeOf(e expr) (n int, loops bool) {
	const large = MaxSize + 1
	switch e := e.(type) {
	case lit:
		return len(e), false
	case class:
		n = 1
		for i := 0; i < len(e); i += 2 {
			if n++; e[i+1] > 0x7F {
				n += 8 // by the lengths of UTF-8
			}
		}
		return n, false
	case seq:
		return sizeOfAll(e)
	case alt:
		n, loops = sizeOfAll(e)
		return n + 1, loops
	case rep:
		n, loops = sizeOf(e.x)
		times := max(e.min, e.max, 1)
		if times > large/(n+1) {
			return large, loops || e.max < 0
		}
		return times*n + 1, loops || e.max < 0
	}
	return 1, false
}

func sizeOfAll(list []expr) (n int, loops bool) {
	for _, x := range list {
		m, l := sizeOf(x)
		n, loops = min(n+m, MaxSize+1), loops || l
	}
	return n, loops
}

// eachRef calls f for every reference to a rule.
func eachRef(e expr, f func(ref)) {
	switch e := e.(type) {
	case seq:
		for _, x := range e {
			eachRef(x, f)
		}
	case alt:
		for _, x := range e {
			eachRef(x, f)
		}
	case rep:
		eachRef(e.x, f)
	case ref:
		f(e)
	}
}

// shifted returns e with n added to its references.
func shifted(e expr, n int) expr {
	return mapped(e, func(e expr) expr {
		if r, ok := e.(ref); ok {
			return r + ref(n)
		}
		return e
	})
}

// mapped returns e with f of each of its parts that have none themselves.
func mapped(e expr, f func(expr) expr) expr {
	all := func(list []expr) []expr {
		out := make([]expr, len(list))
		for i, x := range list {
			out[i] = mapped(x, f)
		}
		return out
	}
	switch e := e.(type) {
	case seq:
		return seq(all(e))
	case alt:
		return alt(all(e))
	case rep:
		return rep{mapped(e.x, f), e.min, e.max}
	}
	return f(e)
}
