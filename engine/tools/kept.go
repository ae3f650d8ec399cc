package tools

import (
	"slices"
	"sync"

	"github.com/latentgo/latentgo/engine/grammar"
)

// maxKept is how many grammars are kept: each may have learnt some 48 MB of what tokens do in it.
const maxKept = 8

// cache keeps the grammars that were used last, since they get to know a vocabulary with use.
type cache struct {
	mu   sync.Mutex
	list []entry // the last used first
}

type entry struct {
	key string
	g   *grammar.Grammar
}

var kept cache

// grammar returns the grammar of a text with parts.
func (c *cache) grammar(text string, p parts) (*grammar.Grammar, error) {
	key := p.key(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := entry{key: key}
	if i := slices.IndexFunc(c.list, func(e entry) bool { return e.key == key }); i >= 0 {
		e = c.list[i]
		c.list = slices.Delete(c.list, i, i+1)
	} else {
		var err error
		if e.g, err = grammar.GBNFWith(text, p.grammars); err != nil {
			return nil, err
		}
	}
	c.list = slices.Insert(c.list, 0, e)
	c.list = slices.Delete(c.list, min(maxKept, len(c.list)), len(c.list))
	return e.g, nil
}
