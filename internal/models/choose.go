package models

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// defaultTag is the quantisation that is taken when none is named, as in llama.cpp and Ollama.
const defaultTag = "Q4_K_M"

// splitRE matches the names of the parts of a split model.
var splitRE = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// candidate is one model in a repository: one file, or all parts of a split one in order.
type candidate struct {
	stem  string // path without ".gguf" and without the part's number
	want  int    // parts that it should have
	files []hubFile
}

// choose picks the files of s out of a repository's listing.
func choose(s spec, all []hubFile) ([]hubFile, error) {
	cs := candidates(all)
	if len(cs) == 0 {
		return nil, fmt.Errorf("%s: %w: it has none at all; repositories with GGUF files often end in -GGUF", s.repo, ErrNoFile)
	}
	c := pick(s, cs)
	if c == nil {
		return nil, fmt.Errorf("%s: %w: nothing matches %q; it has %s", s.repo, ErrNoFile, s.file+s.tag, stems(cs))
	}
	if len(c.files) != c.want {
		return nil, fmt.Errorf("%s: %w: %s has %d of its %d parts", s.repo, ErrNoFile, c.stem, len(c.files), c.want)
	}
	return c.files, nil
}

// candidates groups the GGUF files of a listing; projectors of images and importance matrices are no models.
func candidates(all []hubFile) []*candidate {
	var cs []*candidate
	groups := map[string]*candidate{}
	slices.SortFunc(all, func(a, b hubFile) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range all {
		base := strings.ToLower(path.Base(f.Path))
		if f.Type == "directory" || !strings.HasSuffix(base, ".gguf") || !safePath(f.Path) ||
			strings.Contains(base, "mmproj") || strings.Contains(base, "imatrix") {
			continue
		}
		stem, want := f.Path[:len(f.Path)-len(".gguf")], 1
		if m := splitRE.FindStringSubmatch(f.Path); m != nil {
			stem = m[1]
			want, _ = strconv.Atoi(m[3])
		}
		c := groups[stem]
		if c == nil {
			c = &candidate{stem: stem, want: want}
			groups[stem] = c
			cs = append(cs, c)
		}
		c.files = append(c.files, f)
	}
	return cs
}

// pick returns the candidate that s names by file or by quantisation; without either the default quantisation, else
// the first. nil means that nothing matches.
func pick(s spec, cs []*candidate) *candidate {
	if s.file != "" {
		return find(cs, func(c *candidate) bool {
			return slices.ContainsFunc(c.files, func(f hubFile) bool { return f.Path == s.file })
		})
	}
	if s.tag != "" {
		return byTag(cs, s.tag)
	}
	if c := byTag(cs, defaultTag); c != nil {
		return c
	}
	return cs[0]
}

// byTag finds the candidate whose name ends in tag, or else has it as one of its words.
func byTag(cs []*candidate, tag string) *candidate {
	tag = strings.ToUpper(tag)
	// The end of the name first: "x-Q4_K_M.gguf" before "x-Q4_K_M-f16-embeddings.gguf".
	last := regexp.MustCompile(`(^|[-._/])` + regexp.QuoteMeta(tag) + `$`)
	if c := find(cs, func(c *candidate) bool { return last.MatchString(strings.ToUpper(c.stem)) }); c != nil {
		return c
	}
	word := regexp.MustCompile(`(^|[-._/])` + regexp.QuoteMeta(tag) + `([-./]|$)`)
	return find(cs, func(c *candidate) bool { return word.MatchString(strings.ToUpper(c.stem)) })
}

// find returns the first candidate that ok accepts, or nil.
func find(cs []*candidate, ok func(*candidate) bool) *candidate {
	if i := slices.IndexFunc(cs, ok); i >= 0 {
		return cs[i]
	}
	return nil
}

// stems lists what a repository has, for an error.
func stems(cs []*candidate) string {
	names := make([]string, 0, len(cs))
	for _, c := range cs {
		names = append(names, path.Base(c.stem))
	}
	if len(names) > 30 {
		names = append(names[:30], "…")
	}
	return strings.Join(names, ", ")
}
