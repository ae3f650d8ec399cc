package lineedit

import (
	"slices"
	"testing"

	"github.com/ergochat/readline"
)

// press does to a line what the library does for a key, then shows it to the listener.
func press(c *clusterLine, key rune) {
	line, pos := slices.Clone(c.text), c.pos
	switch {
	case key == readline.CharBackspace && pos > 0:
		line, pos = slices.Delete(line, pos-1, pos), pos-1
	case key == readline.MetaDeleteKey && pos < len(line):
		line = slices.Delete(line, pos, pos+1)
	case key == readline.CharBackward:
		pos = max(0, pos-1)
	case key == readline.CharForward:
		pos = min(len(line), pos+1)
	}
	if l, p, ok := c.listen(line, pos, key); ok {
		c.text, c.pos = l, p
	}
}

// TestKeysActOnClusters presses each key until it has no effect any more: every cluster takes one key.
func TestKeysActOnClusters(t *testing.T) {
	for _, clusters := range [][]string{
		{"a", "b"},
		{"a", "🇩🇪", "🇫🇷", "b"},
		{"👨‍👩‍👧", "👍🏽", "❤️"},
		{"e\u0301", "x", "o\u0302\u0323"},
		{"각", "ㄱ", "각", "नि"},
		{"1️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"},
		{"one", "日", "本"},
	} {
		if clusters[0] == "one" {
			clusters = append([]string{"o", "n", "e"}, clusters[1:]...)
		}
		var text []rune
		at := []int{0} // where clusters begin, and the end
		for _, c := range clusters {
			text = append(text, []rune(c)...)
			at = append(at, len(text))
		}
		c := &clusterLine{text: text}
		for _, want := range at[1:] {
			if press(c, readline.CharForward); c.pos != want {
				t.Errorf("%q: forward to %d, want %d", clusters, c.pos, want)
			}
		}
		for i := len(at) - 2; i >= 0; i-- {
			if press(c, readline.CharBackward); c.pos != at[i] {
				t.Errorf("%q: back to %d, want %d", clusters, c.pos, at[i])
			}
		}
		for _, start := range at[1:] {
			if press(c, readline.MetaDeleteKey); c.pos != 0 || !slices.Equal(c.text, text[start:]) {
				t.Errorf("%q: after Delete %q", clusters, string(c.text))
			}
		}
		c = &clusterLine{text: text, pos: len(text)}
		for i := len(at) - 2; i >= 0; i-- {
			if press(c, readline.CharBackspace); c.pos != at[i] || !slices.Equal(c.text, text[:at[i]]) {
				t.Errorf("%q: after Backspace %q at %d", clusters, string(c.text), c.pos)
			}
		}
	}
}

func TestTransposeClusters(t *testing.T) {
	for _, c := range []struct {
		before string
		pos    int
		after  string
	}{
		{"a🇩🇪", 3, "🇩🇪a"}, {"a🇩🇪b", 3, "ab🇩🇪"}, {"🇫🇷🇩🇪", 2, "🇩🇪🇫🇷"}, {"🇫🇷🇩🇪x", 4, "🇫🇷x🇩🇪"}, {"🇩🇪", 2, "🇩🇪"},
	} {
		line := &clusterLine{text: []rune(c.before), pos: c.pos}
		r := []rune(c.before)
		i := min(c.pos, len(r)-1)
		r[i], r[i-1] = r[i-1], r[i] // the library's way
		got, pos, ok := line.listen(r, min(c.pos+1, len(r)), readline.CharTranspose)
		if !ok || string(got) != c.after {
			t.Errorf("%q at %d: %q at %d, %v; want %q", c.before, c.pos, string(got), pos, ok, c.after)
		}
	}
	line := &clusterLine{text: []rune("ab"), pos: 2}
	if _, _, ok := line.listen([]rune("ba"), 2, readline.CharTranspose); ok {
		t.Error("what the library does right is done again")
	}
}

// What a key does otherwise, as in a search of the history, is left alone.
func TestOtherUsesOfKeysAreLeftAlone(t *testing.T) {
	c := &clusterLine{text: []rune("a🇩🇪"), pos: 3}
	if _, _, ok := c.listen([]rune("from history"), 4, readline.CharBackspace); ok || string(c.text) != "from history" {
		t.Errorf("the line became %q", string(c.text))
	}
	c = &clusterLine{text: []rune("a🇩🇪"), pos: 3}
	if _, _, ok := c.listen([]rune("x"), 0, readline.CharBackward); ok {
		t.Error("the cursor was moved in another line")
	}
}
