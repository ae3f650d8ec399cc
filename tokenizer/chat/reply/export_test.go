package reply

// Markers returns the texts that a parser of the format looks for.
func (f *Format) Markers() []string { return f.marksOf(true) }

// UpTo returns the rules of any text up to a mark.
func UpTo(mark string) string {
	g := &grammar{f: &Format{}, until: map[string]string{}}
	g.upTo(mark)
	return g.text.String()
}

// KnownFormats returns the texts by which each format is recognised, and its name.
func KnownFormats() (texts [][]string, names []string) {
	for _, k := range known {
		texts, names = append(texts, k.all), append(names, k.format.name)
	}
	return append(texts, []string{"anything"}), append(names, "json")
}
