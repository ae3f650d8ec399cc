package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// filterWordWrap is wordwrap(width=79, break_long_words=True, wrapstring="\n", break_on_hyphens=True): each line is
// wrapped by itself, as Python's textwrap does.
func filterWordWrap(r *run, v Value, a args) Value {
	b := a.bind(r, "wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens")
	t := r.string(v, "wordwrap")
	w := &wrapper{r: r, width: r.integer(b[0], 79), breakLong: b[1] == nil || r.truth(b[1]), hyphens: b[3] == nil || r.truth(b[3])}
	if w.width <= 0 {
		r.fail("invalid width %d (must be > 0)", w.width)
	}
	sep := own("\n")
	if b[2] != nil && !isNone(b[2]) {
		sep = r.string(b[2], "wordwrap")
	}
	r.items(4 * len(t.s))
	var parts []text
	for _, line := range lines(t, false) {
		parts = append(parts, r.joined(w.wrap(line), sep))
	}
	return r.joined(parts, sep)
}

// wrapper wraps one line after the other.
type wrapper struct {
	r                  *run
	width              int
	breakLong, hyphens bool
}

// wrap returns the lines of a text that has none.
func (w *wrapper) wrap(t text) []text {
	chunks := w.chunks(t)
	var out []text
	for len(chunks) > 0 {
		if len(out) > 0 && blank(chunks[0]) {
			chunks = chunks[1:]
			if len(chunks) == 0 {
				break
			}
		}
		n, size := 0, 0
		for n < len(chunks) && size+chunks[n].runes() <= w.width {
			size += chunks[n].runes()
			n++
		}
		line := append([]text(nil), chunks[:n]...)
		chunks = chunks[n:]
		if len(chunks) > 0 && chunks[0].runes() > w.width {
			line, chunks = w.long(line, chunks, w.width-size)
		}
		if n := len(line); n > 0 && blank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			out = append(out, w.r.joined(line, text{}))
		}
	}
	return out
}

// long handles a chunk that fits on no line; room is what is left of this one.
func (w *wrapper) long(line, chunks []text, room int) ([]text, []text) {
	c := chunks[0]
	if w.breakLong {
		end := runeOffset(c.s, max(room, 0)) // 0 leaves the space before it at the end of the line
		if w.hyphens {
			if i := strings.LastIndexByte(c.s[:end], '-'); i > 0 && strings.Trim(c.s[:i], "-") != "" {
				end = i + 1
			}
		}
		chunks[0] = c.cut(end, len(c.s))
		return append(line, c.cut(0, end)), chunks
	}
	if len(line) == 0 {
		return append(line, c), chunks[1:]
	}
	return line, chunks
}

func blank(t text) bool { return strings.TrimFunc(t.s, wrapSpace) == "" }

// wrapSpace is the white space that textwrap breaks at.
func wrapSpace(c rune) bool { return strings.ContainsRune("\t\n\v\f\r ", c) }

// chunks takes a line apart into words, white space and, at hyphens, parts of words.
func (w *wrapper) chunks(t text) []text {
	var out []text
	for at := 0; at < len(t.s); {
		c, _ := utf8.DecodeRuneInString(t.s[at:])
		white := wrapSpace(c)
		n := strings.IndexFunc(t.s[at:], func(c rune) bool { return wrapSpace(c) != white })
		if n < 0 {
			n = len(t.s) - at
		}
		if white || !w.hyphens {
			out = append(out, t.cut(at, at+n))
		} else {
			out = w.word(out, t.cut(at, at+n))
		}
		at += n
	}
	return out
}

// word takes a word apart behind its hyphens between letters, and around dashes.
func (w *wrapper) word(out []text, t text) []text {
	from := 0
	for i := 0; i < len(t.s); i++ {
		if t.s[i] != '-' {
			continue
		}
		end := i
		for end < len(t.s) && t.s[end] == '-' {
			end++
		}
		switch {
		case end-i >= 2 && i > from && end < len(t.s) && dashSides(t.s[:i], t.s[end:]):
			out = append(out, t.cut(from, i), t.cut(i, end))
			from = end
		case end-i == 1 && hyphenated(t.s[from:i], t.s[end:]):
			out = append(out, t.cut(from, end))
			from = end
		}
		i = end - 1
	}
	if from < len(t.s) {
		out = append(out, t.cut(from, len(t.s)))
	}
	return out
}

// dashSides reports whether a dash stands between words.
func dashSides(before, after string) bool {
	b, _ := utf8.DecodeLastRuneInString(before)
	a, _ := utf8.DecodeRuneInString(after)
	return (isAlnum(b) || strings.ContainsRune("_!\"'&.,?", b)) && (isAlnum(a) || a == '_')
}

// hyphenated reports whether a hyphen divides a word: two letters before it (or a letter, hyphen, letter) and two
// behind it.
func hyphenated(before, after string) bool {
	b2, n := utf8.DecodeLastRuneInString(before)
	b1, _ := utf8.DecodeLastRuneInString(before[:len(before)-n])
	a1, n := utf8.DecodeRuneInString(after)
	a2, _ := utf8.DecodeRuneInString(after[n:])
	left := unicode.IsLetter(b2) && (unicode.IsLetter(b1) || b1 == '-')
	right := unicode.IsLetter(a1) && (unicode.IsLetter(a2) || a2 == '-')
	return left && right
}
