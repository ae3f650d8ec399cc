package models

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Cached is a complete model in the cache.
type Cached struct {
	Name     string    `json:"name"`     // what Fetch finds it by; the path of a file that no name leads to any more
	Path     string    `json:"path"`     // of its first file
	Parts    int       `json:"parts"`    // files
	Size     int64     `json:"size"`     // bytes of all of them
	Modified time.Time `json:"modified"` // when the first file was completed
}

// List returns the models in a cache directory, "" for CacheDir(), sorted by name. A cache that does not exist is
// empty.
func List(dir string) ([]Cached, error) {
	opt := Options{Dir: dir}
	if err := opt.fillDefaults(); err != nil {
		return nil, err
	}
	named, err := listRefs(opt.Dir)
	if err != nil {
		return nil, err
	}
	all, err := addNameless(opt.Dir, named)
	slices.SortFunc(all, func(a, b Cached) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path)) })
	return all, err
}

// listRefs returns the models that names lead to and whose files are all there.
func listRefs(dir string) ([]Cached, error) {
	refs := filepath.Join(dir, "refs")
	entries, err := os.ReadDir(refs)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var out []Cached
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(refs, e.Name()))
		if err != nil {
			return nil, err
		}
		var r ref
		if json.Unmarshal(raw, &r) != nil {
			continue // Fetch takes no notice of it either
		}
		if c, ok := r.cached(dir); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// cached describes what r leads to; false when something of it is missing.
func (r *ref) cached(dir string) (Cached, bool) {
	c := Cached{Name: strings.TrimPrefix(r.Spec, "hf://"), Parts: len(r.Files)}
	for i, f := range r.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if !safePath(f.Path) || !hasSize(path, f.Size) {
			return c, false
		}
		c.Size += f.Size
		if st, err := os.Stat(path); i == 0 && err == nil {
			c.Path, c.Modified = path, st.ModTime()
		}
	}
	return c, len(r.Files) > 0
}

// addNameless appends the files below models/ that none of the folders in named holds: an older revision, or what a
// program that was killed had completed.
func addNameless(dir string, named []Cached) ([]Cached, error) {
	known := map[string]bool{}
	for _, c := range named {
		known[filepath.Dir(c.Path)] = true
	}
	err := filepath.WalkDir(filepath.Join(dir, "models"), func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".gguf") || known[filepath.Dir(path)] {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		named = append(named, Cached{Name: path, Path: path, Parts: 1, Size: st.Size(), Modified: st.ModTime()})
		return nil
	})
	return named, err
}
