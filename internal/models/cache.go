package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/latentgo/latentgo/internal/cachedir"
)

// CacheDir returns the directory for downloads and history: LATENTGO_CACHE, else latentgo in os.UserCacheDir. It is
// not created.
func CacheDir() (string, error) { return cachedir.Dir() }

// fillDefaults sets what is empty from the environment.
func (o *Options) fillDefaults() error {
	if o.Dir == "" {
		dir, err := CacheDir()
		if err != nil {
			return err
		}
		o.Dir = dir
	}
	if o.Endpoint == "" {
		o.Endpoint = os.Getenv("HF_ENDPOINT")
	}
	if o.Endpoint = strings.TrimSpace(o.Endpoint); o.Endpoint == "" {
		o.Endpoint = "https://huggingface.co"
	}
	if !strings.Contains(o.Endpoint, "://") {
		o.Endpoint = "https://" + o.Endpoint // "hf-mirror.com"
	}
	if o.Token == "" {
		o.Token = os.Getenv("HF_TOKEN")
	}
	o.Token = strings.TrimSpace(o.Token) // of a file that was read with its line end
	o.Offline = o.Offline || isTrue(os.Getenv("HF_HUB_OFFLINE"))
	return nil
}

// isTrue reads a switch of the environment as Hugging Face's own library does.
func isTrue(v string) bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(strings.TrimSpace(v)))
}

// check returns what is wrong with the address and the token of the Hub. Who doesn't ask it need not know.
func (o *Options) check() error {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%w: HF_ENDPOINT %q is no address such as https://huggingface.co", ErrSetting, o.Endpoint)
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: HF_TOKEN holds spaces or characters that no token has", ErrSetting)
	}
	return nil
}

// ref remembers which files a spec led to, so that the next start needs no network.
type ref struct {
	Spec  string    `json:"spec"`
	Files []refFile `json:"files"`
}

// refFile is one file of a ref; Path is relative to the cache directory and slash-separated.
type refFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
}

// refPath is where the ref of a spec is kept.
func (f *fetcher) refPath(s spec) string {
	return filepath.Join(f.opt.Dir, "refs", shortHash(s.name)+".json")
}

// modelPath is where a file of a model is kept: key tells revisions of the same repository apart.
func (f *fetcher) modelPath(home, key, name string) string {
	return filepath.Join(f.opt.Dir, "models", filepath.FromSlash(home), key[:min(12, len(key))], filepath.Base(filepath.FromSlash(name)))
}

// cached returns the files of a spec that was fetched before, if all of them are still there. Names are only given to
// files whose content was checked, so the sizes are proof enough.
func (f *fetcher) cached(s spec) ([]refFile, bool) {
	raw, err := os.ReadFile(f.refPath(s))
	if err != nil {
		return nil, false
	}
	var r ref
	if json.Unmarshal(raw, &r) != nil || r.Spec != s.name || len(r.Files) == 0 {
		return nil, false
	}
	for _, file := range r.Files {
		if !safePath(file.Path) || !hasSize(f.local(file), file.Size) {
			return nil, false
		}
	}
	return r.Files, true
}

// local is where a file of a ref lies.
func (f *fetcher) local(file refFile) string {
	return filepath.Join(f.opt.Dir, filepath.FromSlash(file.Path))
}

// kept returns the first of a model's files in the cache, which its source can't be asked about for reason. With
// Refresh their SHA-256 are computed again where they are known.
func (f *fetcher) kept(files []refFile, reason error) (string, error) {
	for _, file := range files {
		if !f.opt.Refresh || file.SHA256 == "" {
			continue
		}
		f.report(Progress{Step: StepVerify, File: path.Base(file.Path), Total: file.Size})
		sum, err := fileSHA256(f.local(file))
		if err != nil {
			return "", err
		}
		if sum != file.SHA256 {
			return "", fmt.Errorf("%s: %w: SHA-256 is %s, expected %s; and it can't be fetched again: %w", f.local(file), ErrHash, sum, file.SHA256, reason)
		}
	}
	if f.opt.Refresh {
		f.report(Progress{Step: StepKept, File: path.Base(files[0].Path), Source: reason.Error()})
	}
	return f.local(files[0]), nil
}

// remember writes the ref of a spec whose files are complete and returns the first path.
func (f *fetcher) remember(s spec, paths []string, files []remoteFile) (string, error) {
	r := ref{Spec: s.name}
	for i, p := range paths {
		rel, err := filepath.Rel(f.opt.Dir, p)
		if err != nil {
			return "", err
		}
		st, err := os.Stat(p)
		if err != nil {
			return "", err
		}
		r.Files = append(r.Files, refFile{Path: filepath.ToSlash(rel), Size: st.Size(), SHA256: files[i].sha256})
	}
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	// A cache that can't be written may say so already.
	if old, err := os.ReadFile(f.refPath(s)); err == nil && bytes.Equal(old, raw) {
		return paths[0], nil
	}
	return paths[0], writeFile(f.refPath(s), raw)
}

// holds reports whether dst is the wanted file. With Refresh its SHA-256 is computed again.
func (f *fetcher) holds(dst string, file remoteFile) bool {
	st, err := os.Stat(dst)
	if err != nil || st.IsDir() || file.size > 0 && st.Size() != file.size {
		return false
	}
	// A name is only given to a file whose content was checked: the size tells enough unless everything is in doubt.
	if !f.opt.Refresh || file.sha256 == "" {
		return !f.opt.Refresh || file.size > 0
	}
	f.report(Progress{Step: StepVerify, File: file.name, Total: st.Size()})
	sum, err := fileSHA256(dst)
	return err == nil && sum == file.sha256
}

// lock waits until no other process or goroutine works on dst: two names may lead to the same file. The returned
// function ends it. Lock files stay: removing one while another process opens it would let both in.
func (f *fetcher) lock(ctx context.Context, dst string) (func(), error) {
	dir := filepath.Join(f.opt.Dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCache, err)
	}
	l := flock.New(filepath.Join(dir, shortHash(dst)+".lock"))
	ok, err := l.TryLock()
	if err == nil && !ok {
		f.report(Progress{Step: StepWait, File: filepath.Base(dst)})
		ok, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err == nil && !ok {
		err = errors.New("not granted")
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// hasSize reports whether path is a regular file of n bytes.
func hasSize(path string, n int64) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Size() == n
}

// shortHash is a file name that stands for s.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// contentKey names a set of files by their content, or by their address where that is all that is known.
func contentKey(files []remoteFile) string {
	h := sha256.New()
	for _, f := range files {
		id := f.sha256
		if id == "" {
			id = f.url
		}
		fmt.Fprintln(h, id)
	}
	return hex.EncodeToString(h.Sum(nil))
}
