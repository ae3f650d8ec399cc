package models

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ranges lists the Range headers of the requests for files.
func (h *fakeHub) ranges() []string {
	var rs []string
	for _, r := range h.seen() {
		if strings.Contains(r.URL.Path, "/resolve/") || strings.HasPrefix(r.URL.Path, "/raw/") {
			rs = append(rs, r.Header.Get("Range"))
		}
	}
	return rs
}

func TestDownloadGoesOnAfterCuts(t *testing.T) {
	b := gguf(3<<20, 7)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	h.cutAfter, h.cuts = 1<<20, 2
	path, err := h.try(t, "owner/repo", Options{})
	want(t, path, err, b)
	if rs := h.ranges(); len(rs) != 3 || rs[0] != "" || !strings.HasPrefix(rs[1], "bytes=") || rs[1] == rs[2] {
		t.Errorf("requests with ranges %q, want three that go on", rs)
	}
}

func TestDownloadResumesInAnotherRun(t *testing.T) {
	b := gguf(100_000, 8)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	dir := t.TempDir()
	dst := filepath.Join(dir, "models", "owner", "repo", contentKey([]remoteFile{{sha256: sum(b)}})[:12], "m.gguf")
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dst+".part", b[:60_000], 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := h.try(t, "owner/repo", Options{Dir: dir})
	want(t, path, err, b)
	if rs := h.ranges(); len(rs) != 1 || rs[0] != "bytes=60000-" {
		t.Errorf("ranges %q, want one from byte 60000", rs)
	}
}

func TestDownloadStartsAgain(t *testing.T) {
	b := gguf(100_000, 9)
	faults := map[string]func(h *fakeHub){
		"range ignored":     func(h *fakeHub) { h.noRange = true },
		"range misread":     func(h *fakeHub) { h.badRange = true },
		"validator changed": func(h *fakeHub) { h.files["m.gguf"] = b },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t, map[string][]byte{"m.gguf": gguf(100_000, 10)})
			h.cutAfter, h.cuts = 50_000, 1
			dir := t.TempDir()
			f, err := newFetcher(&Options{Dir: dir, Endpoint: h.URL})
			if err != nil {
				t.Fatal(err)
			}
			f.backoff = func(int) time.Duration { fault(h); return 0 }
			s, _ := parseSpec(h.URL + "/raw/m.gguf")
			path, err := f.fetch(context.Background(), s)
			want(t, path, err, h.files["m.gguf"])
			if left := leftovers(t, dir); len(left) != 1 {
				t.Errorf("left in the cache: %q", left)
			}
		})
	}
}

func TestWrongHashIsRemoved(t *testing.T) {
	h := newFakeHub(t, map[string][]byte{"m.gguf": gguf(5000, 11)})
	h.wrongOID = true
	dir := t.TempDir()
	_, err := h.try(t, "owner/repo", Options{Dir: dir})
	if !errors.Is(err, ErrHash) || !strings.Contains(err.Error(), sum(h.files["m.gguf"])) {
		t.Errorf("wrong content: %v", err)
	}
	if left := leftovers(t, dir); len(left) != 0 {
		t.Errorf("left in the cache: %q", left)
	}
}

func TestWrongSizeIsSeenBeforeTheDownload(t *testing.T) {
	h := newFakeHub(t, map[string][]byte{"m.gguf": gguf(5000, 12)})
	f, err := newFetcher(&Options{Dir: t.TempDir(), Endpoint: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(f.opt.Dir, "m.gguf")
	if err = f.obtain(context.Background(), remoteFile{name: "m.gguf", url: h.URL + "/raw/m.gguf", size: 6000}, dst); !errors.Is(err, ErrHash) {
		t.Errorf("5000 bytes for 6000: %v", err)
	}
}

func TestURLPinnedByHash(t *testing.T) {
	b := gguf(5000, 13)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	path, err := h.try(t, h.URL+"/raw/m.gguf#sha256="+strings.ToUpper(sum(b)), Options{})
	want(t, path, err, b)
	if _, err = h.try(t, h.URL+"/raw/m.gguf#sha256="+strings.Repeat("1", 64), Options{}); !errors.Is(err, ErrHash) {
		t.Errorf("other hash: %v", err)
	}
}

func TestPagesAndEmptyAnswersAreNoModels(t *testing.T) {
	h := newFakeHub(t, map[string][]byte{"page.gguf": []byte("<!DOCTYPE html><html>"), "empty.gguf": {}, "gg.gguf": []byte("GG")})
	for name := range h.files {
		dir := t.TempDir()
		if _, err := h.try(t, h.URL+"/raw/"+name, Options{Dir: dir}); !errors.Is(err, ErrNotGGUF) {
			t.Errorf("%s: %v", name, err)
		}
		if left := leftovers(t, dir); len(left) != 0 {
			t.Errorf("%s left in the cache: %q", name, left)
		}
	}
}

func TestUnreachableHostIsNotWaitedFor(t *testing.T) {
	srv := httptest.NewServer(nil)
	address := srv.URL
	srv.Close()
	start := time.Now()
	_, err := Fetch(context.Background(), address+"/m.gguf", &Options{Dir: t.TempDir()})
	if err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestErrorsHideTheAddress(t *testing.T) {
	srv := httptest.NewServer(nil)
	address := srv.URL
	srv.Close()
	_, err := Fetch(context.Background(), address+"/m.gguf?signature=secret", &Options{Dir: t.TempDir()})
	if err == nil || strings.Contains(err.(interface{ Unwrap() error }).Unwrap().Error(), "secret") {
		t.Errorf("error: %v", err)
	}
}

func TestStalledConnectionIsCutAndResumed(t *testing.T) {
	defer func(d time.Duration) { stallTimeout = d }(stallTimeout)
	stallTimeout = 100 * time.Millisecond
	b := gguf(10_000, 14)
	first := true
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			w.Header().Set("ETag", `"v"`)
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(b[:5000])
			w.(http.Flusher).Flush()
			<-release
			return
		}
		w.Header().Set("ETag", `"v"`)
		http.ServeContent(w, r, "m.gguf", time.Time{}, strings.NewReader(string(b)))
	}))
	defer srv.Close()
	defer close(release)
	f, err := newFetcher(&Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	f.backoff = func(int) time.Duration { return 0 }
	s, _ := parseSpec(srv.URL + "/m.gguf")
	path, err := f.fetch(context.Background(), s)
	want(t, path, err, b)
}

func TestTokenStaysWithTheHub(t *testing.T) {
	b := gguf(2000, 15)
	var leaked string
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
		_, _ = w.Write(b)
	}))
	defer cdn.Close()
	var sent string
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		http.Redirect(w, r, cdn.URL+"/blob?sig=1", http.StatusFound)
	}))
	defer hub.Close()
	opt := &Options{Dir: t.TempDir(), Endpoint: hub.URL, Token: "secret"}
	path, err := Fetch(context.Background(), hub.URL+"/raw/m.gguf", opt)
	want(t, path, err, b)
	if sent != "Bearer secret" || leaked != "" {
		t.Errorf("the hub got %q, the host behind the redirect %q", sent, leaked)
	}
	sent = ""
	if _, err = Fetch(context.Background(), cdn.URL+"/m.gguf", opt); err != nil || leaked != "" {
		t.Errorf("another host: %v, token %q", err, leaked)
	}
}

func TestRedirectDoesNotLeaveHTTPS(t *testing.T) {
	a, _ := http.NewRequest("GET", "https://a.example/", nil)
	b, _ := http.NewRequest("GET", "http://a.example/", nil)
	if checkRedirect(b, []*http.Request{a}) == nil {
		t.Error("a redirect to http was followed")
	}
}

func TestCancelKeepsThePart(t *testing.T) {
	b := gguf(1<<20, 16)
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v"`)
		w.Header().Set("Content-Length", "1048576")
		_, _ = w.Write(b[:1<<19])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	dir := t.TempDir()
	opt := &Options{Dir: dir, Progress: func(p Progress) {
		if p.Done >= 1<<19 {
			cancel()
		}
	}}
	if _, err := Fetch(ctx, srv.URL+"/m.gguf", opt); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left := strings.Join(leftovers(t, dir), " "); left != "m.gguf.etag m.gguf.part" {
		t.Errorf("left in the cache: %q", left)
	}
}

func TestContentRange(t *testing.T) {
	for s, c := range map[string]struct {
		first, total int64
		ok           bool
	}{
		"bytes 5-9/10": {5, 10, true}, "bytes 5-9/*": {5, 0, true}, "": {}, "bytes */10": {}, "bytes 9-5/10": {9, 10, false},
	} {
		first, total, ok := contentRange(s)
		if ok != c.ok || ok && (first != c.first || total != c.total) {
			t.Errorf("%q: %d %d %v", s, first, total, ok)
		}
	}
	if strongETag(`W/"x"`) != "" || strongETag("x") != "" || strongETag(`"x"`) != `"x"` {
		t.Error("weak and malformed validators must not be used")
	}
}
