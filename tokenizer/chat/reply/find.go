package reply

import "strings"

// space is the white space that may stand around markers.
const space = " \t\r\n"

// match returns the index of the longest of the marks that text begins with, none, or unsure when more text could make
// it a longer one.
func match(text string, end bool, marks []string) int {
	best := none
	for i, m := range marks {
		switch {
		case strings.HasPrefix(text, m):
			if best < 0 || len(m) > len(marks[best]) {
				best = i
			}
		case !end && strings.HasPrefix(m, text):
			return unsure
		}
	}
	return best
}

const (
	none   = -1
	unsure = -2
)

// find looks for the first of the marks in text. It returns its offset and index; or none, and the length of what
// certainly lies before any mark.
func find(text string, end bool, marks []string) (at, mark int) {
	for at < len(text) {
		n := nextStart(text[at:], marks)
		if at += n; at == len(text) {
			break
		}
		switch m := match(text[at:], end, marks); m {
		case unsure:
			return at, none
		case none:
			at++
		default:
			return at, m
		}
	}
	return at, none
}

// nextStart returns the offset of the first byte that a mark begins with.
func nextStart(text string, marks []string) int {
	n := len(text)
	for _, m := range marks {
		if i := strings.IndexByte(text[:n], m[0]); i >= 0 {
			n = i
		}
	}
	return n
}

// isSpace reports whether c is white space of JSON.
func isSpace(c byte) bool { return strings.IndexByte(space, c) >= 0 }

// trimEnd returns text without the white space at its end, and that.
func trimEnd(text string) (body, white string) {
	body = strings.TrimRight(text, space)
	return body, text[len(body):]
}
