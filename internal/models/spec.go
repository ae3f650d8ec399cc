package models

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// spec is a parsed model name: exactly one of entry, repo and url is set.
type spec struct {
	name   string // normalised, the key of the cache
	entry  *Entry // model of the catalogue
	repo   string // owner/repo of the Hub
	rev    string // revision, "main" by default
	file   string // file in the repository, "" when tag decides
	tag    string // quantisation, "" for the default choice
	url    string // any other address
	sha256 string // expected content of url, "" when unknown
}

// Names of repositories, owners, revisions and quantisations as the Hub allows them.
var (
	repoRE = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)
	revRE  = regexp.MustCompile(`^[\w][\w.+-]*$`)
	tagRE  = regexp.MustCompile(`^[\w.+-]+$`)
)

// hubPrefixes mark a repository of the Hub explicitly.
var hubPrefixes = []string{"hf://", "hf.co/", "huggingface.co/", "https://hf.co/", "https://huggingface.co/"}

// looksLocal reports whether s can only be meant as a path: it starts like one, or ends in .gguf without a scheme or a
// hub prefix. OWNER/REPO/FILE.gguf can be both: it is a path if its folder is there.
func looksLocal(s string) bool {
	if strings.Contains(s, "://") || hubPrefix(s) != "" {
		return false
	}
	if filepath.IsAbs(s) || strings.HasPrefix(s, "."+string(filepath.Separator)) || strings.HasPrefix(s, "./") ||
		strings.HasPrefix(s, "..") || strings.HasPrefix(s, "~") || s == "." {
		return true
	}
	if !strings.HasSuffix(strings.ToLower(s), ".gguf") || strings.Contains(s, ":") {
		return false
	}
	parts := strings.SplitN(s, "/", 3)
	if len(parts) < 3 || !repoRE.MatchString(parts[0]+"/"+parts[1]) || !safePath(parts[2]) {
		return true
	}
	st, err := os.Stat(filepath.FromSlash(path.Dir(s)))
	return err == nil && st.IsDir()
}

// hubPrefix returns the prefix that marks s as the Hub's, or "".
func hubPrefix(s string) string {
	for _, p := range hubPrefixes {
		if len(s) > len(p) && strings.EqualFold(s[:len(p)], p) {
			return p
		}
	}
	return ""
}

// parseSpec reads the name of a model that is not a local file.
func parseSpec(s string) (spec, error) {
	if e := lookup(s); e != nil {
		return spec{name: e.Names[0], entry: e}, nil
	}
	if p := hubPrefix(s); p != "" {
		return parseHub(s[len(p):])
	}
	if strings.Contains(s, "://") {
		return parseURL(s)
	}
	if strings.Contains(s, "/") {
		return parseHub(s)
	}
	return spec{}, fmt.Errorf("%w %q: no file of this name, and the catalogue has: %s", ErrUnknown, s, strings.Join(Names(), ", "))
}

// parseHub reads owner/repo[@REV][:QUANT] or owner/repo/FILE[@REV], and the two forms of the Hub's web addresses,
// owner/repo/resolve/REV/FILE and owner/repo/blob/REV/FILE.
func parseHub(s string) (spec, error) {
	s, _, _ = strings.Cut(s, "?")
	rest, tag, _ := strings.Cut(strings.Trim(s, "/"), ":")
	rest, rev, _ := strings.Cut(rest, "@")
	parts := strings.Split(rest, "/")
	if len(parts) < 2 {
		return spec{}, fmt.Errorf("%w %q: a repository is written owner/repo", ErrUnknown, s)
	}
	h := spec{repo: parts[0] + "/" + parts[1], rev: rev, tag: tag}
	tail := parts[2:]
	if len(tail) > 2 && (tail[0] == "resolve" || tail[0] == "blob") {
		h.rev, tail = tail[1], tail[2:]
	} else if len(tail) == 2 && tail[0] == "tree" {
		h.rev, tail = tail[1], nil
	}
	h.file = strings.Join(tail, "/")
	if strings.HasSuffix(strings.ToLower(h.tag), ".gguf") {
		h.file, h.tag = h.tag, ""
	}
	return h.checked(s)
}

// checked fills in the defaults of a hub spec and rejects what cannot be a name there.
func (h spec) checked(s string) (spec, error) {
	if h.rev == "" {
		h.rev = "main"
	}
	if strings.EqualFold(h.tag, "latest") {
		h.tag = ""
	}
	ok := repoRE.MatchString(h.repo) && revRE.MatchString(h.rev) && (h.tag == "" || tagRE.MatchString(h.tag))
	if !ok || strings.Contains(h.repo, "..") || h.file != "" && !safePath(h.file) {
		return spec{}, fmt.Errorf("%w %q: a repository is written owner/repo[@REVISION][:QUANT]", ErrUnknown, s)
	}
	h.name = "hf://" + h.repo
	if h.file != "" {
		h.name += "/" + h.file
	}
	if h.rev != "main" {
		h.name += "@" + h.rev
	}
	if h.tag != "" {
		h.name += ":" + strings.ToUpper(h.tag)
	}
	return h, nil
}

// parseURL reads an address, with the content's SHA-256 as its fragment if wanted.
func parseURL(s string) (spec, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return spec{}, fmt.Errorf("%w %q: only http and https addresses are understood", ErrUnknown, s)
	}
	sha, pinned := strings.CutPrefix(u.Fragment, "sha256=")
	if raw, err := hex.DecodeString(sha); pinned && (err != nil || len(raw) != 32) {
		return spec{}, fmt.Errorf("%w %q: #sha256= wants 64 hexadecimal digits", ErrUnknown, s)
	}
	if !pinned {
		sha = ""
	}
	u.Fragment = ""
	if !strings.HasSuffix(strings.ToLower(u.Path), ".gguf") || !safePath(path.Base(u.Path)) {
		return spec{}, fmt.Errorf("%w %q: the address must end in .gguf", ErrUnknown, s)
	}
	return spec{name: u.Redacted(), url: u.String(), sha256: strings.ToLower(sha)}, nil
}

// safePath reports whether a slash-separated path stays below its folder on every system.
func safePath(p string) bool {
	return p != "" && p != "." && filepath.IsLocal(filepath.FromSlash(p)) && !strings.ContainsAny(p, "\\:\x00")
}

// home is the folder of the cache, below models/, that the spec's files go to.
func (h spec) home() string {
	switch {
	case h.entry != nil:
		return h.entry.Repo
	case h.repo != "":
		return h.repo
	}
	u, err := url.Parse(h.url)
	if err != nil {
		return "url"
	}
	return "url/" + strings.ReplaceAll(u.Host, ":", "_")
}
