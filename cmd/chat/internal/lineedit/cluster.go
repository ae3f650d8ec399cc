package lineedit

import (
	"slices"

	"github.com/ergochat/readline"
	"github.com/rivo/uniseg"
)

// clusterLine makes keys act on grapheme clusters, what a person sees as one character: a flag, a family, a letter with
// its accents. The library knows code points only, so what it did to one is completed to the whole cluster.
type clusterLine struct {
	text []rune // after the last key
	pos  int    // of the cursor, in runes
}

// listen implements readline.Listener: it sees the line after each key but the last, and may replace it.
func (c *clusterLine) listen(line []rune, pos int, key rune) ([]rune, int, bool) {
	before := *c
	c.text, c.pos = line, pos
	var ok bool
	switch key {
	case readline.CharBackspace, readline.CharCtrlH:
		start := before.start(before.pos - 1)
		ok = before.lost(line, before.pos-1, pos) && c.cut(before, start, before.pos)
	case readline.CharEOT, readline.MetaDeleteKey:
		end := before.end(before.pos)
		ok = before.lost(line, before.pos, pos) && c.cut(before, before.pos, end)
	case readline.CharBackward, readline.CharForward:
		ok = c.skip(before, key == readline.CharForward)
	case readline.CharTranspose:
		ok = c.swap(before)
	}
	return slices.Clone(c.text), c.pos, ok
}

// lost reports whether line is c's text without the rune at i, with the cursor there: anything else was another action
// of the same key, such as one in a search.
func (c *clusterLine) lost(line []rune, i, pos int) bool {
	return i >= 0 && i < len(c.text) && pos == i && slices.Equal(line, slices.Concat(c.text[:i], c.text[i+1:]))
}

// cut makes c before without the runes from start to end. false says that c was so already.
func (c *clusterLine) cut(before clusterLine, start, end int) bool {
	if end-start == 1 {
		return false
	}
	c.text, c.pos = slices.Concat(before.text[:start], before.text[end:]), start
	return true
}

// skip moves a cursor that came to stand within a cluster out of it. false says that it need not.
func (c *clusterLine) skip(before clusterLine, forward bool) bool {
	if c.pos == before.pos || !slices.Equal(c.text, before.text) {
		return false
	}
	start := c.start(c.pos)
	if start == c.pos {
		return false
	}
	c.pos = start
	if forward {
		c.pos = c.end(start)
	}
	return true
}

// swap makes c before with the clusters on both sides of the cursor in each other's place, at the end of the line the
// last two. false says that c was so already.
func (c *clusterLine) swap(before clusterLine) bool {
	middle, end := before.pos, before.end(before.pos)
	if end == middle {
		middle = before.start(before.pos - 1)
	}
	start := max(before.start(middle-1), 0)
	if before.pos == 0 || middle-start == 1 && end-middle == 1 {
		return false
	}
	c.text = slices.Concat(before.text[:start], before.text[middle:end], before.text[start:middle], before.text[end:])
	c.pos = end
	return true
}

// start returns where the cluster begins that the rune at i belongs to; i itself outside of the text.
func (c *clusterLine) start(i int) int {
	start, _ := c.around(i)
	return start
}

// end returns where the cluster ends that the rune at i belongs to; i itself outside of the text.
func (c *clusterLine) end(i int) int {
	_, end := c.around(i)
	return end
}

// around returns the bounds of the cluster that the rune at i belongs to.
func (c *clusterLine) around(i int) (start, end int) {
	if i < 0 || i >= len(c.text) {
		return i, i
	}
	for g := uniseg.NewGraphemes(string(c.text)); g.Next(); start = end {
		if end = start + len(g.Runes()); i < end {
			return start, end
		}
	}
	return i, i
}
