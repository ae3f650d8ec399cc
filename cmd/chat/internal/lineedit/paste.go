package lineedit

import (
	"fmt"
	"io"
	"strings"
)

// Terminals mark pasted text when asked to (bracketed paste, xterm's private mode 2004).
const (
	pasteOn    = "\x1b[?2004h"
	pasteOff   = "\x1b[?2004l"
	pasteStart = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// While a line is edited, private-use runes stand for characters that the editor would act on.
const (
	newlineRune = '\uE00A'
	tabRune     = '\uE009'
)

// longPaste is the size in bytes from which a pasted text is replaced by a short label while the line is edited.
const longPaste = 1000

// maxPaste bounds one pasted text; the rest of it is dropped.
const maxPaste = 16 << 20

// pasteReader passes a terminal's input on. Pasted text is taken out of it and arrives as one piece, with its line
// ends and tabs in disguise.
type pasteReader struct {
	in      io.Reader
	out     []byte          // ready for Read
	pasting bool            // between the two marks
	matched int             // bytes of the next mark that were seen
	text    []byte          // the paste so far
	labels  []labelledPaste // long pastes of the line that is being edited
}

// labelledPaste is a long paste and what stands for it in the line.
type labelledPaste struct{ label, text string }

// newPasteReader wraps a terminal, whose owner switches bracketed paste on and off.
func newPasteReader(in io.Reader) *pasteReader { return &pasteReader{in: in} }

// Read implements io.Reader.
func (r *pasteReader) Read(b []byte) (int, error) {
	var chunk [4096]byte
	for len(r.out) == 0 {
		n, err := r.in.Read(chunk[:])
		for _, c := range chunk[:n] {
			r.feed(c)
		}
		if err != nil && len(r.out) == 0 {
			return 0, err
		}
	}
	n := copy(b, r.out)
	r.out = r.out[n:]
	return n, nil
}

// feed takes one byte. The start mark is passed on like a key: the editor ignores it, so a lone Esc need not be held
// back.
func (r *pasteReader) feed(c byte) {
	if !r.pasting {
		r.out = append(r.out, c)
		if r.match(pasteStart, c) {
			r.pasting, r.text = true, r.text[:0]
		}
		return
	}
	// The end mark itself must get in, however long the paste is.
	if len(r.text) < maxPaste || c == 0x1b || r.matched > 0 {
		r.text = append(r.text, c)
	}
	if r.match(pasteEnd, c) {
		r.pasting = false
		r.endPaste(string(r.text[:len(r.text)-len(pasteEnd)]))
	}
}

// match advances the search for a mark, whose first byte occurs in it only once, and reports its end.
func (r *pasteReader) match(mark string, c byte) bool {
	switch {
	case c == mark[r.matched]:
		r.matched++
	case c == mark[0]:
		r.matched = 1
	default:
		r.matched = 0
	}
	if r.matched < len(mark) {
		return false
	}
	r.matched = 0
	return true
}

// endPaste puts a finished paste into the line: itself in disguise, or a label when it is long.
func (r *pasteReader) endPaste(text string) {
	text = cleanPaste(text)
	if len(text) < longPaste {
		r.out = append(r.out, flatten(text)...)
		return
	}
	p := labelledPaste{label: fmt.Sprintf("[pasted text %d, %d lines]", len(r.labels)+1, strings.Count(text, "\n")+1), text: text}
	r.labels = append(r.labels, p)
	r.out = append(r.out, p.label...)
}

// restore turns an entered line back into the text that was meant, and forgets the line's long pastes.
func (r *pasteReader) restore(line string) string {
	line = unflatten(line)
	for _, p := range r.labels {
		line = strings.Replace(line, p.label, p.text, 1)
	}
	r.labels = nil
	return line
}

// cleanPaste makes line ends uniform and drops control characters, which nobody means to send.
func cleanPaste(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7F {
			return -1
		}
		return r
	}, s)
}

// The disguise, its inverse, and how it looks: one cell for one rune.
var (
	toFlat   = strings.NewReplacer("\n", string(newlineRune), "\t", string(tabRune))
	fromFlat = strings.NewReplacer(string(newlineRune), "\n", string(tabRune), "\t")
	toScreen = strings.NewReplacer(string(newlineRune), "↵", string(tabRune), " ")
)

// flatten disguises what an edited line cannot hold.
func flatten(s string) string { return toFlat.Replace(s) }

// unflatten is the inverse of flatten.
func unflatten(s string) string { return fromFlat.Replace(s) }

// paint shows the disguised runes; each stays one cell wide, which the editor counts on.
func paint(line []rune, _ int) []rune { return []rune(toScreen.Replace(string(line))) }
