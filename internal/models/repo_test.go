package models

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"testing"
	"time"
)

// openFake opens owner/repo of a fake hub.
func openFake(t *testing.T, h *fakeHub) *Repo {
	t.Helper()
	r, err := OpenRepo(t.Context(), "owner/repo", &Options{Endpoint: h.URL, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	r.f.backoff = func(int) time.Duration { return time.Millisecond }
	return r
}

// TestRepo reads files of a repository by ranges, also over connections that are cut.
func TestRepo(t *testing.T) {
	big := gguf(20<<20, 1)
	h := newFakeHub(t, map[string][]byte{"config.json": []byte(`{"a": 1}`), "model.safetensors": big, "1_Pooling/config.json": []byte("{}")})
	h.cutAfter, h.cuts = 1<<20, 3
	r := openFake(t, h)
	if r.Name() != "owner/repo" || r.HasGGUF() {
		t.Error(r.Name(), r.HasGGUF())
	}
	if b, err := fs.ReadFile(r, "config.json"); err != nil || string(b) != `{"a": 1}` {
		t.Errorf("%q, %v", b, err)
	}
	f, err := r.Open("model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := f.(io.ReaderAt)
	for _, s := range []struct{ off, n int }{{0, 8}, {8, 1000}, {1008, 3 << 20}, {15 << 20, 5 << 20}, {3, 9 << 20}, {20<<20 - 1, 1}} {
		p := make([]byte, s.n)
		if n, err := at.ReadAt(p, int64(s.off)); n != s.n || err != nil || !bytes.Equal(p, big[s.off:s.off+s.n]) {
			t.Errorf("%d bytes at %d: %d, %v", s.n, s.off, n, err)
		}
	}
	if n, err := at.ReadAt(make([]byte, 9), 20<<20-4); n != 4 || err != io.EOF {
		t.Error(n, err)
	}
	if _, err := r.Open("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range h.requests {
		if q.Header.Get("Authorization") != "Bearer secret" {
			t.Error("a request without the token:", q.URL)
		}
	}
}

// TestRepoFaults: servers that do not send what was asked for.
func TestRepoFaults(t *testing.T) {
	big := gguf(1<<20, 2)
	for _, tt := range []struct {
		what  string
		fault func(h *fakeHub)
		kind  error
	}{
		{"another range", func(h *fakeHub) { h.badRange = true }, ErrHash},
		{"an error", func(h *fakeHub) { h.status = http.StatusForbidden }, ErrAccess},
	} {
		h := newFakeHub(t, map[string][]byte{"m": big})
		r := openFake(t, h)
		h.mu.Lock()
		tt.fault(h)
		h.mu.Unlock()
		f, err := r.Open("m")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.(io.ReaderAt).ReadAt(make([]byte, 10), 70<<10); !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	h := newFakeHub(t, map[string][]byte{"m": big})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := OpenRepo(ctx, "owner/repo", &Options{Endpoint: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open("m")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := f.Read(make([]byte, 10)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, name := range []string{"owner", "owner/repo/m.gguf", "http://x/y.gguf"} {
		if _, err := OpenRepo(t.Context(), name, &Options{Endpoint: h.URL}); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenRepo(t.Context(), "owner/repo", &Options{Endpoint: h.URL, Offline: true}); !errors.Is(err, ErrOffline) {
		t.Error(err)
	}
}
