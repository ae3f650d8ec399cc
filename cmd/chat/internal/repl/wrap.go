package repl

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// wrapper breaks lines between words on a terminal. Text is shown as it comes: a word that turns out too long for its
// line is taken back and shown again on the next one.
type wrapper struct {
	w     io.Writer
	width func() int // columns of the terminal; ≤ 0 means unknown: nothing is wrapped
	col   int        // where the cursor is
	word  []rune     // since the last space
	cells int        // columns that word takes
}

// minWidth is the narrowest terminal that is wrapped for.
const minWidth = 20

// WriteString shows s. The terminal's last column stays free, so that it never wraps by itself.
func (p *wrapper) WriteString(s string) error {
	limit := 0
	if p.width != nil {
		limit = p.width() - 1
	}
	if limit >= minWidth {
		s = p.wrap(s, limit)
	}
	_, err := io.WriteString(p.w, s)
	return err
}

// wrap returns s with the line ends and corrections that it needs.
func (p *wrapper) wrap(s string, limit int) string {
	var b strings.Builder
	for _, c := range s {
		n := runewidth.RuneWidth(c)
		switch {
		case c == '\n':
			p.newLine()
			b.WriteRune(c)
			continue
		case c == '\t':
			n = 8 - p.col%8
		case c != ' ' && p.col+n > limit:
			p.breakLine(&b)
		}
		if c == ' ' || c == '\t' {
			p.word, p.cells = p.word[:0], 0
			if p.col+n > limit {
				b.WriteRune('\n')
				p.newLine()
				continue
			}
		} else {
			p.word, p.cells = append(p.word, c), p.cells+n
		}
		p.col += n
		b.WriteRune(c)
	}
	return b.String()
}

// breakLine moves the unfinished word to the next line, unless the line is all that it has.
func (p *wrapper) breakLine(b *strings.Builder) {
	if p.cells >= p.col {
		b.WriteRune('\n')
		p.newLine()
		return
	}
	if p.cells > 0 {
		fmt.Fprintf(b, "\x1b[%dD\x1b[K", p.cells)
	}
	b.WriteRune('\n')
	b.WriteString(string(p.word))
	p.col = p.cells
}

// newLine starts at the left.
func (p *wrapper) newLine() { p.col, p.cells, p.word = 0, 0, p.word[:0] }
