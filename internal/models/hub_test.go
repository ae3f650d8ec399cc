package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub is a server with the Hub's three addresses (listing, resolve, raw files) and switches for its faults.
type fakeHub struct {
	*httptest.Server
	files map[string][]byte // repository path → content, all in owner/repo

	mu       sync.Mutex
	requests []*http.Request
	cutAfter int  // bytes after which a transfer is cut, 0 for never
	cuts     int  // how many transfers are cut
	noRange  bool // ignores Range
	badRange bool // answers 206 with another offset
	status   int  // answers everything with this
	page     int  // listing entries per page, 0 for all
	wrongOID bool // lists another SHA-256 than the content's
}

// newFakeHub starts a server with the given files.
func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	h := &fakeHub{files: files}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// gguf makes content that starts like a GGUF file.
func gguf(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	copy(b, "GGUF")
	return b
}

// sum is the SHA-256 of b in hex.
func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.requests = append(h.requests, r.Clone(context.Background()))
	status := h.status
	h.mu.Unlock()
	switch {
	case status != 0:
		http.Error(w, "as told", status)
	case strings.HasPrefix(r.URL.Path, "/api/models/owner/repo/tree/main"):
		h.list(w, r)
	case strings.HasPrefix(r.URL.Path, "/owner/repo/resolve/main/"):
		h.serve(w, r, strings.TrimPrefix(r.URL.Path, "/owner/repo/resolve/main/"))
	case strings.HasPrefix(r.URL.Path, "/raw/"):
		h.serve(w, r, strings.TrimPrefix(r.URL.Path, "/raw/"))
	default:
		http.NotFound(w, r)
	}
}

// list answers with a page of the listing.
func (h *fakeHub) list(w http.ResponseWriter, r *http.Request) {
	all := []map[string]any{{"type": "directory", "path": "sub", "size": 0}}
	for _, name := range slices.Sorted(maps.Keys(h.files)) {
		b := h.files[name]
		oid := sum(b)
		if h.wrongOID {
			oid = strings.Repeat("0", 64)
		}
		all = append(all, map[string]any{"type": "file", "path": name, "size": len(b), "oid": "1234", "lfs": map[string]any{"oid": oid, "size": len(b)}})
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	if h.page > 0 && from+h.page < len(all) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=1&cursor=%d>; rel="next"`, h.URL, r.URL.Path, from+h.page))
		all = all[from : from+h.page]
	} else {
		all = all[from:]
	}
	_ = json.NewEncoder(w).Encode(all)
}

// serve answers with a file's content, from the asked byte on unless a fault is switched on.
func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request, name string) {
	b, ok := h.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	from, tag := 0, `"`+sum(b)[:8]+`"`
	rng := r.Header.Get("Range")
	if rng != "" && !h.noRange && (r.Header.Get("If-Range") == "" || r.Header.Get("If-Range") == tag) {
		_, _ = fmt.Sscanf(rng, "bytes=%d-", &from)
		if h.badRange {
			from /= 2
		}
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
		w.WriteHeader(http.StatusPartialContent)
	}
	b = b[from:]
	h.mu.Lock()
	cut := h.cuts > 0 && h.cutAfter < len(b)
	if cut {
		h.cuts--
		b = b[:h.cutAfter]
	}
	h.mu.Unlock()
	_, _ = w.Write(b)
	if cut {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// seen returns the requests so far.
func (h *fakeHub) seen() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*http.Request(nil), h.requests...)
}

// try fetches spec from the server without pauses between tries.
func (h *fakeHub) try(t *testing.T, spec string, opt Options) (string, error) {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	opt.Endpoint = h.URL
	s, err := parseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFetcher(&opt)
	if err != nil {
		t.Fatal(err)
	}
	f.backoff = func(int) time.Duration { return time.Millisecond }
	return f.fetch(context.Background(), s)
}

// want fails unless path holds b.
func want(t *testing.T, path string, err error, b []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum(got) != sum(b) {
		t.Errorf("%s holds %d bytes that are not the %d wanted ones", filepath.Base(path), len(got), len(b))
	}
}

// leftovers lists all files in the cache that are neither locks nor refs.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(p, ".lock") && filepath.Base(filepath.Dir(p)) != "refs" {
			names = append(names, filepath.Base(p))
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func TestHubChoosesQuantisation(t *testing.T) {
	files := map[string][]byte{
		"README.md":                        []byte("# a repository"),
		"m-Q8_0.gguf":                      gguf(100, 1),
		"m-Q4_K_M.gguf":                    gguf(200, 2),
		"mmproj-m-f16.gguf":                gguf(300, 3),
		"sub/big-Q6_K-00001-of-00002.gguf": gguf(400, 4),
		"sub/big-Q6_K-00002-of-00002.gguf": gguf(500, 5),
	}
	h := newFakeHub(t, files)
	for spec, name := range map[string]string{
		"owner/repo":                  "m-Q4_K_M.gguf",
		"hf://owner/repo":             "m-Q4_K_M.gguf",
		"hf.co/owner/repo:latest":     "m-Q4_K_M.gguf",
		"owner/repo:q8_0":             "m-Q8_0.gguf",
		"owner/repo:Q6_K":             "sub/big-Q6_K-00001-of-00002.gguf",
		"hf://owner/repo/m-Q8_0.gguf": "m-Q8_0.gguf",
		"owner/repo:m-Q8_0.gguf":      "m-Q8_0.gguf",
		"https://huggingface.co/owner/repo/resolve/main/m-Q8_0.gguf?download=true": "m-Q8_0.gguf",
		"https://huggingface.co/owner/repo/blob/main/m-Q8_0.gguf":                  "m-Q8_0.gguf",
	} {
		path, err := h.try(t, spec, Options{})
		want(t, path, err, files[name])
		if filepath.Base(path) != filepath.Base(name) {
			t.Errorf("%s is kept as %s, want %s", spec, path, name)
		}
	}
}

func TestHubSplitFilesLieTogether(t *testing.T) {
	files := map[string][]byte{"big-00001-of-00002.gguf": gguf(400, 4), "big-00002-of-00002.gguf": gguf(500, 5)}
	h := newFakeHub(t, files)
	path, err := h.try(t, "owner/repo", Options{})
	want(t, path, err, files["big-00001-of-00002.gguf"])
	want(t, filepath.Join(filepath.Dir(path), "big-00002-of-00002.gguf"), nil, files["big-00002-of-00002.gguf"])

	delete(h.files, "big-00002-of-00002.gguf")
	if _, err := h.try(t, "owner/repo", Options{}); !errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), "1 of its 2 parts") {
		t.Errorf("missing part: %v", err)
	}
}

func TestHubPagedListing(t *testing.T) {
	files := map[string][]byte{}
	for i := range 9 {
		files[fmt.Sprintf("m%d.Q%d_0.gguf", i, i)] = gguf(50, uint64(i))
	}
	h := newFakeHub(t, files)
	h.page = 4
	path, err := h.try(t, "owner/repo:Q7_0", Options{})
	want(t, path, err, files["m7.Q7_0.gguf"])
}

func TestNextPageStaysOnTheHub(t *testing.T) {
	f := &fetcher{opt: Options{Endpoint: "https://hub.example"}}
	cur := "https://hub.example/api/models/a/b/tree/main?recursive=1"
	for link, next := range map[string]string{
		"": "",
		`<https://hub.example/api/x?cursor=1>; rel="next"`:                         "https://hub.example/api/x?cursor=1",
		`</api/x?cursor=1>; rel="next"`:                                            "https://hub.example/api/x?cursor=1",
		`<https://evil.example/x>; rel="next"`:                                     "",
		`<https://hub.example/p>; rel="prev", <https://hub.example/n>; rel="next"`: "https://hub.example/n",
	} {
		if got := f.nextPage(cur, link); got != next {
			t.Errorf("Link %s leads to %q, want %q", link, got, next)
		}
	}
}

func TestHubSaysWhatIsThere(t *testing.T) {
	h := newFakeHub(t, map[string][]byte{"m-Q8_0.gguf": gguf(10, 1), "README.md": nil})
	_, err := h.try(t, "owner/repo:Q2_K", Options{})
	if !errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), "m-Q8_0") {
		t.Errorf("unknown quantisation: %v", err)
	}
	delete(h.files, "m-Q8_0.gguf")
	if _, err = h.try(t, "owner/repo", Options{}); !errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), "-GGUF") {
		t.Errorf("no GGUF: %v", err)
	}
}

func TestHubStatusMessages(t *testing.T) {
	h := newFakeHub(t, nil)
	for _, c := range []struct {
		status int
		token  string
		is     error
		text   string
	}{
		{401, "", ErrAccess, "set HF_TOKEN"},
		{401, "tok", ErrAccess, "check the spelling and the token"},
		{403, "tok", ErrAccess, "accept its terms"},
		{404, "", ErrNotFound, "check the spelling"},
		{503, "", nil, `"503 Service Unavailable"`},
		{410, "", nil, "as told"},
	} {
		h.status = c.status
		_, err := h.try(t, "owner/repo", Options{Token: c.token})
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%d with token %q: %v, want %q", c.status, c.token, err, c.text)
		}
	}
}
