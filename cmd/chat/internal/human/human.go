// Package human renders numbers for people: sizes in powers of 1000, counts, speeds.
//
// All subcommands of chat need it, JSON output does not.
package human

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/latentgo/latentgo/engine"
)

// Size renders a number of bytes: "96.6 MB".
func Size(n int64) string {
	for _, u := range []struct {
		name string
		unit float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if f := float64(n) / u.unit; f >= 1 {
			return fmt.Sprintf("%.1f %s", f, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// Count renders a number of things: "134.5 million".
func Count(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f billion", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

// Speed renders the statistics of an answer: tokens, seconds and rates of the prompt and of the answer.
func Speed(st engine.Stats) string {
	p, d := st.PromptTime.Seconds(), st.DecodeTime.Seconds()
	text := fmt.Sprintf("prompt %d tokens (+%d cached) in %.2f s, %s; answer %d tokens in %.2f s, %s",
		st.PromptTokens, st.CachedTokens, p, rate(st.PromptTokens, p), st.Tokens, d, rate(st.Tokens, d))
	if st.Drafted > 0 {
		text += fmt.Sprintf("; %d of %d guesses were right", st.Accepted, st.Drafted)
	}
	return text
}

// rate renders tokens per second, "-" where nothing was measured.
func rate(tokens int, seconds float64) string {
	if tokens == 0 || seconds <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f tokens/s", float64(tokens)/seconds)
}

// Printable drops what could steer a terminal from a text that a model or a file holds; line ends and tabs stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// Line is Printable for one line: line ends and tabs become ↵ and spaces.
func Line(s string) string {
	return Printable(strings.NewReplacer("\r\n", "↵", "\n", "↵", "\t", " ").Replace(s))
}
