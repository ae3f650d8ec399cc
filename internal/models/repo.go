package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Repo is a repository of the Hub as a file system: nothing of it is stored here. Files implement io.ReaderAt; what is
// read of them is asked for then, a few megabytes ahead where reads follow each other, and a cut connection is tried
// again. It implements fs.ReadDirFS and fs.StatFS.
type Repo struct {
	ctx   context.Context
	f     *fetcher
	s     spec
	files map[string]hubFile
}

// OpenRepo lists the files of owner/repo[@REVISION]. ctx ends all reading. Errors wrap the sentinels of this package
// where one fits.
func OpenRepo(ctx context.Context, name string, opt *Options) (*Repo, error) {
	s, err := parseSpec(name)
	if err != nil {
		return nil, err
	}
	if s.repo == "" || s.file != "" {
		return nil, fmt.Errorf("%w %q: a repository is written owner/repo[@REVISION]", ErrUnknown, name)
	}
	return openRepo(ctx, s, opt)
}

// openRepo lists the files of the repository of s.
func openRepo(ctx context.Context, s spec, opt *Options) (*Repo, error) {
	f, err := newFetcher(opt)
	if err != nil {
		return nil, err
	}
	if err := f.opt.check(); err != nil {
		return nil, err
	}
	if f.opt.Offline {
		return nil, fmt.Errorf("%s: %w", s.repo, ErrOffline)
	}
	all, err := f.tree(ctx, s.repo, s.rev)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	r := &Repo{ctx: ctx, f: f, s: s, files: map[string]hubFile{}}
	for _, h := range all {
		if h.Type == "file" && fs.ValidPath(h.Path) {
			r.files[h.Path] = h
		}
	}
	return r, nil
}

// Name returns owner/repo.
func (r *Repo) Name() string { return r.s.repo }

// HasGGUF reports whether there is a GGUF file, whatever else there is.
func (r *Repo) HasGGUF() bool {
	for name := range r.files {
		if strings.HasSuffix(strings.ToLower(name), ".gguf") {
			return true
		}
	}
	return false
}

// Stat implements fs.StatFS.
func (r *Repo) Stat(name string) (fs.FileInfo, error) {
	h, ok := r.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return repoInfo{path.Base(name), h.size()}, nil
}

// ReadDir implements fs.ReadDirFS: the files of a folder, sorted by name, without folders in it.
func (r *Repo) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	for p, h := range r.files {
		if path.Dir(p) == name {
			list = append(list, fs.FileInfoToDirEntry(repoInfo{path.Base(p), h.size()}))
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Open implements fs.FS.
func (r *Repo) Open(name string) (fs.File, error) {
	h, ok := r.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &repoFile{repo: r, info: repoInfo{path.Base(name), h.size()},
		file: remoteFile{name: name, url: r.f.resolveURL(r.s.repo, r.s.rev, name), size: h.size()}}, nil
}

// size is the size of the content, not of a pointer to it.
func (h hubFile) size() int64 {
	if h.LFS != nil {
		return h.LFS.Size
	}
	return h.Size
}

// repoInfo is the fs.FileInfo of a file of a repository.
type repoInfo struct {
	name string
	size int64
}

func (i repoInfo) Name() string     { return i.name }
func (i repoInfo) Size() int64      { return i.size }
func (repoInfo) Mode() fs.FileMode  { return 0o444 }
func (repoInfo) ModTime() time.Time { return time.Time{} }
func (repoInfo) IsDir() bool        { return false }
func (repoInfo) Sys() any           { return nil }

// What is read at a time: at first, and where reads follow each other.
const (
	firstRange = 64 << 10
	mostRange  = 8 << 20
)

// repoFile reads a file of a repository by ranges.
type repoFile struct {
	repo *Repo
	info repoInfo
	file remoteFile

	mu    sync.Mutex
	pos   int64  // of Read
	buf   []byte // bytes of the file, from start on
	start int64
	etag  string // of the first answer, which all others must have
}

// Stat implements fs.File.
func (f *repoFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close implements fs.File.
func (f *repoFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = nil
	return nil
}

// Read implements fs.File.
func (f *repoFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *repoFile) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off < 0 || off >= f.info.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), f.info.size-off)]
	for n := 0; n < len(want); {
		at := off + int64(n)
		if at < f.start || at >= f.start+int64(len(f.buf)) {
			if err := f.fill(at, len(want)-n); err != nil {
				return n, fmt.Errorf("%s/%s: %w", f.repo.s.repo, f.file.name, err)
			}
		}
		n += copy(want[n:], f.buf[at-f.start:])
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// fill reads the bytes from off on into the buffer: more than n where they follow the last ones.
func (f *repoFile) fill(off int64, n int) error {
	ahead := firstRange
	if len(f.buf) > 0 && off == f.start+int64(len(f.buf)) {
		ahead = 2 * len(f.buf)
	}
	size := min(int64(max(min(n, mostRange), min(ahead, mostRange))), f.info.size-off)
	if int64(cap(f.buf)) < size {
		f.buf = make([]byte, size)
	}
	got := 0
	for failures := 1; ; failures++ {
		k, err := f.get(f.buf[:size][got:], off+int64(got))
		if got += k; err == nil {
			break
		}
		if k > 0 {
			failures = 1
		}
		wait, ok := f.repo.f.retry(err, failures, true)
		if !ok || sleep(f.repo.ctx, wait) != nil {
			f.buf, f.start = f.buf[:0], 0
			return errors.Join(err, context.Cause(f.repo.ctx))
		}
	}
	f.buf, f.start = f.buf[:size], off
	return nil
}

// get makes one request for len(b) bytes from off on, and returns how many of them came.
func (f *repoFile) get(b []byte, off int64) (int, error) {
	ctx, cancel := context.WithTimeoutCause(f.repo.ctx, 4*stallTimeout, errStalled)
	defer cancel()
	resp, err := f.repo.f.get(ctx, f.file.url, http.Header{"Accept-Encoding": {"identity"}, "Range": {fmt.Sprintf("bytes=%d-%d", off, off+int64(len(b))-1)}})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
		first, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || first != off || total > 0 && total != f.info.size {
			return 0, fmt.Errorf("%w: asked for bytes from %d of %d, got %q", ErrHash, off, f.info.size, resp.Header.Get("Content-Range"))
		}
	case http.StatusOK:
		if off > 0 { // a small file may come as a whole
			return 0, fmt.Errorf("%s does not send parts of files: fetch the repository by other means", hostOf(f.file.url))
		}
	default:
		return 0, f.repo.f.newStatusError(resp, f.file.name)
	}
	if tag := strongETag(resp.Header.Get("ETag")); tag != "" {
		if f.etag != "" && tag != f.etag {
			return 0, fmt.Errorf("%w: the file changed meanwhile", ErrHash)
		}
		f.etag = tag
	}
	n, err := io.ReadFull(resp.Body, b)
	if err != nil {
		return n, fmt.Errorf("%s: %w at byte %d: %w", hostOf(f.file.url), errCut, off+int64(n), err)
	}
	return n, nil
}

// OpenRemote finds the GGUF file of the Hub that a name means, without fetching it: a file system and the path of the
// file in it, the first part of a split model. ok is false for what lies on this machine, in the cache included, and
// for names that are none of the Hub's.
func OpenRemote(ctx context.Context, name string, opt *Options) (r *Repo, file string, ok bool, err error) {
	if _, local, err := localFile(name); local || err != nil {
		return nil, "", false, nil //nolint:nilerr // Fetch tells about it
	}
	s, err := parseSpec(name)
	if err != nil || s.repo == "" {
		return nil, "", false, nil //nolint:nilerr // as before
	}
	f, err := newFetcher(opt)
	if err != nil {
		return nil, "", false, err
	}
	if _, cached := f.cached(s); cached || f.opt.Offline {
		return nil, "", false, nil
	}
	if r, err = openRepo(ctx, s, opt); err != nil {
		return nil, "", false, err
	}
	all := make([]hubFile, 0, len(r.files))
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		all = append(all, r.files[name])
	}
	chosen, err := choose(s, all)
	if err != nil {
		return nil, "", false, err
	}
	return r, chosen[0].Path, true, nil
}
