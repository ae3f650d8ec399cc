package tokenizer

import "fmt"

// Warnings returns what New found wrong in the vocabulary and did without, a line each that begins with the key:
// special tokens out of range, merges that no text can meet, unknown token types and the like. Lines that would differ
// in nothing but the index are one. There are none for a sound file. The caller owns the slice.
func (t *Tokenizer) Warnings() []string {
	var lines []string
	for _, w := range t.warnings {
		line := w.first
		if w.more > 0 {
			line += fmt.Sprintf(" (and %d more like it)", w.more)
		}
		lines = append(lines, line)
	}
	return lines
}

// warning is one kind of thing that New does without.
type warning struct {
	kind, first string
	more        int
}

// warnings are the kinds in the order of their first occurrence. A file may be wrong in each of its 200,000 tokens, so
// only the first of a kind is written out.
type warnings []warning

// add notes a thing of a kind, which is named by its format.
func (w *warnings) add(format string, args ...any) {
	for i := range *w {
		if (*w)[i].kind == format {
			(*w)[i].more++
			return
		}
	}
	*w = append(*w, warning{kind: format, first: fmt.Sprintf(format, args...)})
}
