package repl

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shown plays what a terminal does with text and the wrapper's escape sequences.
func shown(t *testing.T, s string) string {
	t.Helper()
	back := regexp.MustCompile(`\x1b\[(\d+)D\x1b\[K`)
	for {
		m := back.FindStringSubmatchIndex(s)
		if m == nil {
			return s
		}
		n, err := strconv.Atoi(s[m[2]:m[3]])
		if err != nil {
			t.Fatal(err)
		}
		before := []rune(s[:m[0]])
		s = string(before[:len(before)-n]) + s[m[1]:]
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"short", "short"},
		{"12345678 12345678 1234567890", "12345678 12345678 \n1234567890"},
		{"123456789 123456789 12345 123456789 123456789", "123456789 123456789 \n12345 123456789 \n123456789"},
		{"12345678901234567890 x", "12345678901234567890\nx"},
		{"1234567890123456789012345", "12345678901234567890\n12345"},
		{"12 1234567890123456789012345", "12 \n12345678901234567890\n12345"},
		{"line\nline line\n\nline", "line\nline line\n\nline"},
		{"a\tb 1234567890123", "a\tb \n1234567890123"},
	} {
		var b strings.Builder
		p := &wrapper{w: &b, width: func() int { return 21 }}
		for _, r := range c.text { // as a model streams it
			if err := p.WriteString(string(r)); err != nil {
				t.Fatal(err)
			}
		}
		if got := shown(t, b.String()); got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.text, got, c.want)
		}
	}
}

func TestWrapNeedsAWidth(t *testing.T) {
	long := strings.Repeat("word ", 50)
	for _, width := range []func() int{nil, func() int { return -1 }, func() int { return 5 }} {
		var b strings.Builder
		if err := (&wrapper{w: &b, width: width}).WriteString(long); err != nil || b.String() != long {
			t.Errorf("changed: %q, %v", b.String(), err)
		}
	}
}

func TestWideRunes(t *testing.T) {
	var b strings.Builder
	p := &wrapper{w: &b, width: func() int { return 21 }}
	if err := p.WriteString(strings.Repeat("日", 11)); err != nil || b.String() != strings.Repeat("日", 10)+"\n日" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
