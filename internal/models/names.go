package models

import (
	"os"
	"strings"
)

// Likeness says how much a text looks like the name of a model.
type Likeness int

// The values of Likeness.
const (
	NotAName   Likeness = iota // nothing that Fetch would find
	MaybeAName                 // owner/repo[:QUANT]: a repository, or two words with a slash between
	IsAName                    // a name of the catalogue, a path or address that ends in .gguf, an address of the Hub, a GGUF file
)

// LooksLike tells the name of a model from a text. It asks no network: a name may lead nowhere.
func LooksLike(s string) Likeness {
	switch {
	case s == "" || strings.ContainsAny(s, "\n\x00"):
		return NotAName
	case lookup(s) != nil || isGGUF(s):
		return IsAName
	case strings.ContainsAny(s, " \t"):
		return NotAName
	case hubPrefix(s) != "" || strings.HasSuffix(strings.ToLower(withoutFragment(s)), ".gguf"):
		return IsAName
	case !looksLocal(s) && strings.Count(s, "/") == 1:
		if _, err := parseSpec(s); err == nil {
			return MaybeAName
		}
	}
	return NotAName
}

// withoutFragment returns an address without what follows a number sign.
func withoutFragment(s string) string {
	s, _, _ = strings.Cut(s, "#")
	return s
}

// isGGUF reports whether path is a regular file that begins like a GGUF file.
func isGGUF(path string) bool {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	n, _ := f.Read(magic[:])
	return n == 4 && string(magic[:]) == "GGUF"
}
