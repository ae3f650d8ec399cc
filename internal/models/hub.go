package models

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// hubFile is an element of the Hub's answer to /api/models/REPO/tree/REV (https://huggingface.co/docs/hub/api).
type hubFile struct {
	Type string `json:"type"` // "file" or "directory"
	Path string `json:"path"`
	Size int64  `json:"size"`
	LFS  *struct {
		OID  string `json:"oid"` // SHA-256
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// maxListing bounds the listing of a repository: bytes per page, and pages.
const (
	maxListing = 16 << 20
	maxPages   = 50
)

// resolveURL is the address of a file's content on the Hub.
func (f *fetcher) resolveURL(repo, rev, file string) string {
	return f.endpoint() + "/" + repo + "/resolve/" + url.PathEscape(rev) + "/" + escapePath(file)
}

// endpoint is the Hub's address without a slash at its end.
func (f *fetcher) endpoint() string { return strings.TrimRight(f.opt.Endpoint, "/") }

// escapePath escapes each element of a slash-separated path.
func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// list returns the files that make up the model which s names, in order.
func (f *fetcher) list(ctx context.Context, s spec) ([]remoteFile, error) {
	if s.url != "" {
		u, err := url.Parse(s.url)
		if err != nil {
			return nil, err
		}
		return urlParts(u, s.sha256), nil
	}
	if f.opt.Offline {
		return nil, fmt.Errorf("%s: %w", s.repo, ErrOffline)
	}
	all, err := f.tree(ctx, s.repo, s.rev)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(s, all)
	if err != nil {
		return nil, err
	}
	files := make([]remoteFile, len(chosen))
	for i, h := range chosen {
		files[i] = remoteFile{name: h.Path, url: f.resolveURL(s.repo, s.rev, h.Path), size: h.Size}
		if h.LFS != nil {
			files[i].size, files[i].sha256 = h.LFS.Size, strings.ToLower(h.LFS.OID)
		}
	}
	return files, nil
}

// urlParts returns the file at u, or all parts of the split model that its name says it is one of. sum is the SHA-256
// of the file that was named.
func urlParts(u *url.URL, sum string) []remoteFile {
	named := remoteFile{name: path.Base(u.Path), url: u.String(), sha256: sum}
	m := splitRE.FindStringSubmatch(u.EscapedPath())
	if m == nil {
		return []remoteFile{named}
	}
	count, _ := strconv.Atoi(m[3]) // five digits
	files := make([]remoteFile, count)
	for i := range files {
		part := *u
		part.RawPath = fmt.Sprintf("%s-%05d-of-%s.gguf", m[1], i+1, m[3])
		part.Path, _ = url.PathUnescape(part.RawPath) // it was unescaped before
		files[i] = remoteFile{name: path.Base(part.Path), url: part.String()}
		if files[i].name == named.name {
			files[i] = named
		}
	}
	return files
}

// tree lists the files of a repository, following the pages of a long answer.
func (f *fetcher) tree(ctx context.Context, repo, rev string) ([]hubFile, error) {
	next := f.endpoint() + "/api/models/" + repo + "/tree/" + url.PathEscape(rev) + "?recursive=1"
	f.report(Progress{Step: StepConnect, File: repo, Source: hostOf(next)})
	var all []hubFile
	for page := 0; next != "" && page < maxPages; page++ {
		files, link, err := f.treePage(ctx, next, repo)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
		next = f.nextPage(next, link)
	}
	return all, nil
}

// treePage reads one page of a listing and its Link header.
func (f *fetcher) treePage(ctx context.Context, address, repo string) ([]hubFile, string, error) {
	resp, err := f.get(ctx, address, nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return nil, "", f.newStatusError(resp, "repository "+repo)
	}
	var files []hubFile
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxListing)).Decode(&files); err != nil {
		return nil, "", fmt.Errorf("read the list of files of %s: %w", repo, err)
	}
	return files, resp.Header.Get("Link"), nil
}

// nextPage returns the address of `<…>; rel="next"` in a Link header when it stays on the Hub, or "".
func (f *fetcher) nextPage(current, link string) string {
	for _, part := range strings.Split(link, ",") {
		target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
		if !ok || !strings.HasPrefix(target, "<") || !strings.Contains(params, `rel="next"`) {
			continue
		}
		base, err := url.Parse(current)
		if err != nil {
			return ""
		}
		u, err := base.Parse(target[1:])
		if err != nil || !sameOrigin(f.opt.Endpoint, u) {
			return ""
		}
		return u.String()
	}
	return ""
}
