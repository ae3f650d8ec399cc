package reply

// Markers returns the texts that a parser of the format looks for.
func (f *Format) Markers() []string { return f.marksOf(true) }

// UpTo returns the rules of any text up to a mark.
func UpTo(mark string) string {
	g := &grammar{f: &Format{}, until: map[string]string{}}
	g.upTo(mark)
	return g.text.String()
}
