// Package kept has caches that outlive their sessions: in a pool, so that a new session whose text begins with the same
// tokens does not evaluate them again, and in files.
package kept

import (
	"slices"
	"sync"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/lists"
)

// least is how many tokens are worth keeping, or taking.
const least = 16

// Pool holds sequences up to a number of bytes, the least recently used go first. A nil Pool holds none. It is safe for
// concurrent use.
type Pool struct {
	mu      sync.Mutex
	most    int64
	entries []entry // the last used last
}

// entry is a sequence of which no pass is under way, and its tokens.
type entry struct {
	tokens []int32
	seq    *model.Sequence
}

// NewPool returns a pool for so many bytes, nil for 0.
func NewPool(bytes int64) *Pool {
	if bytes <= 0 {
		return nil
	}
	return &Pool{most: bytes}
}

// Put keeps what a sequence holds of tokens; both are the pool's from now on, or neither when it reports false.
func (p *Pool) Put(tokens []int32, seq *model.Sequence) bool {
	n := min(len(tokens), seq.Len())
	if p == nil || n < least || seq.Len() > len(tokens) {
		return false
	}
	e := entry{tokens[:n:n], seq.Fork()} // without the room behind its tokens
	seq.Release()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.entries) - 1; i >= 0; i-- {
		old := p.entries[i]
		if !old.seq.Like(e.seq) {
			continue
		}
		switch lists.Common(old.tokens, e.tokens) {
		case len(e.tokens): // it is there
			e.seq.Release()
			e = old
			p.entries = slices.Delete(p.entries, i, i+1)
		case len(old.tokens): // it has become longer
			p.remove(i)
		}
	}
	p.entries = append(p.entries, e)
	for p.bytes() > p.most {
		p.remove(0)
	}
	return true
}

// Take returns a sequence like the one given with the first n of tokens, at least some more than have; nil when there is
// none. It shares memory with the pool's.
func (p *Pool) Take(tokens []int32, have int, like *model.Sequence) (seq *model.Sequence, n int) {
	if p == nil || len(tokens) < have+least {
		return nil, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	best := -1
	for i, e := range p.entries {
		if k := lists.Common(e.tokens, tokens); k > n && e.seq.Like(like) {
			best, n = i, k
		}
	}
	if n < have+least {
		return nil, 0
	}
	e := p.entries[best]
	seq = e.seq.Fork()
	seq.Truncate(n)
	if seq.Restart() < have+least { // of fixed size, and there is no mark to go back to
		seq.Release()
		return nil, 0
	}
	p.entries = append(slices.Delete(p.entries, best, best+1), e)
	return seq, n
}

// Drop lets go of what was not used for longest, and reports whether there was something.
func (p *Pool) Drop() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.entries) == 0 {
		return false
	}
	p.remove(0)
	return true
}

func (p *Pool) remove(i int) {
	p.entries[i].seq.Release()
	p.entries = slices.Delete(p.entries, i, i+1)
}

// bytes returns what all entries hold; what two share counts twice.
func (p *Pool) bytes() int64 {
	n := int64(0)
	for _, e := range p.entries {
		n += int64(e.seq.Bytes())
	}
	return n
}
