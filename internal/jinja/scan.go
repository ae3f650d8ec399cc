package jinja

import (
	"strings"
	"unicode"
)

// segKind says what a piece of the source is.
type segKind uint8

const (
	segText segKind = iota // literal text, white space already trimmed
	segExpr                // {{ … }}
	segStmt                // {% … %}
)

// segment is one piece of a template's source.
type segment struct {
	kind segKind
	text string  // segText
	toks []token // the others; ends with a tokEnd
	line int     // from 1
}

// scanner splits the source into segments by the rules of Jinja2's lexer
// with trim_blocks and lstrip_blocks on and keep_trailing_newline off:
//
//   - a "-" beside a delimiter takes all white space on that side;
//   - the newline right after "%}" or "#}" is dropped, unless "+" stands before it;
//   - white space between the start of a line and "{%" or "{#" is dropped,
//     unless "+" stands after it.
type scanner struct {
	src       string
	pos       int
	line      int
	lineStart bool // the last delimiter ended with a newline
	segs      []segment
}

// scan returns the segments of src.
func scan(src string) ([]segment, error) {
	src = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src)
	s := &scanner{src: strings.TrimSuffix(src, "\n"), line: 1, lineStart: true}
	for s.pos < len(s.src) {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	return s.segs, nil
}

// next consumes text up to the next delimiter and the tag that it opens.
func (s *scanner) next() error {
	open := s.findOpen(s.pos)
	if open < 0 {
		s.addText(s.src[s.pos:])
		s.pos = len(s.src)
		return nil
	}
	kind := s.src[open+1]
	after, sign := s.sign(open + 2)
	s.addText(s.stripLeft(s.src[s.pos:open], sign, kind != '{'))
	s.advance(after)
	switch kind {
	case '#':
		return s.comment()
	case '%':
		if end, ok := s.rawTag(); ok {
			return s.raw(end)
		}
		return s.tag(segStmt, "%}")
	default:
		return s.tag(segExpr, "}}")
	}
}

// findOpen returns the offset of the next "{{", "{%" or "{#" from i, or -1.
func (s *scanner) findOpen(i int) int {
	for i < len(s.src) {
		n := strings.IndexByte(s.src[i:], '{')
		if n < 0 || i+n+1 >= len(s.src) {
			return -1
		}
		i += n
		if strings.IndexByte("{%#", s.src[i+1]) >= 0 {
			return i
		}
		i++
	}
	return -1
}

// sign reads a "-" or "+" at i and returns the offset behind it.
func (s *scanner) sign(i int) (int, byte) {
	if i < len(s.src) && (s.src[i] == '-' || s.src[i] == '+') {
		return i + 1, s.src[i]
	}
	return i, 0
}

// stripLeft trims the text before a tag; block is false for "{{".
func (s *scanner) stripLeft(text string, sign byte, block bool) string {
	if sign == '-' {
		return strings.TrimRightFunc(text, isSpace)
	}
	nl := strings.LastIndexByte(text, '\n') + 1
	if sign == '+' || !block || nl == 0 && !s.lineStart {
		return text
	}
	if strings.TrimLeftFunc(text[nl:], isSpace) == "" {
		return text[:nl]
	}
	return text
}

// addText appends a text segment unless it is empty.
func (s *scanner) addText(text string) {
	if text != "" {
		s.segs = append(s.segs, segment{kind: segText, text: text, line: s.line})
	}
}

// advance moves to offset to, counting lines.
func (s *scanner) advance(to int) {
	s.line += strings.Count(s.src[s.pos:to], "\n")
	s.pos = to
	s.lineStart = to > 0 && s.src[to-1] == '\n'
}

// comment skips to the end of a comment.
func (s *scanner) comment() error {
	n := strings.Index(s.src[s.pos:], "#}")
	if n < 0 {
		return syntaxError(s.line, "comment is not closed")
	}
	end := s.pos + n
	var sign byte
	if n > 0 {
		sign = s.src[end-1]
	}
	s.advance(s.stripRight(end+2, sign, true))
	return nil
}

// stripRight returns where text goes on after a delimiter that ends at i;
// sign is the character before the delimiter, block is false for "}}".
func (s *scanner) stripRight(i int, sign byte, block bool) int {
	if sign == '-' {
		return len(s.src) - len(strings.TrimLeftFunc(s.src[i:], isSpace))
	}
	if sign != '+' && block && i < len(s.src) && s.src[i] == '\n' {
		return i + 1
	}
	return i
}

// rawTag tells whether the tag whose content starts here is "raw", and
// returns the offset behind it. Its newline stays.
func (s *scanner) rawTag() (int, bool) {
	end, sign, ok := s.bareTag(s.pos, "raw")
	if !ok || sign == '+' { // which Jinja2 does not know here
		return 0, false
	}
	return s.stripRight(end, sign, false), true
}

// bareTag matches `name %}` at i, with optional white space and sign.
func (s *scanner) bareTag(i int, name string) (end int, sign byte, ok bool) {
	rest := strings.TrimLeftFunc(s.src[i:], isSpace)
	rest, ok = strings.CutPrefix(rest, name)
	if !ok {
		return 0, 0, false
	}
	rest = strings.TrimLeftFunc(rest, isSpace)
	i, sign = s.sign(len(s.src) - len(rest))
	if !strings.HasPrefix(s.src[i:], "%}") {
		return 0, 0, false
	}
	return i + 2, sign, true
}

// raw adds everything up to the endraw tag as text.
func (s *scanner) raw(start int) error {
	s.advance(start)
	for i := start; ; {
		n := strings.Index(s.src[i:], "{%")
		if n < 0 {
			return syntaxError(s.line, "raw block is not closed")
		}
		open := i + n
		after, sign := s.sign(open + 2)
		if end, right, ok := s.bareTag(after, "endraw"); ok {
			s.addText(s.stripLeft(s.src[start:open], sign, true))
			s.advance(s.stripRight(end, right, true))
			return nil
		}
		i = open + 2
	}
}

// isSpace tells what Python's str.isspace does for one character.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}
