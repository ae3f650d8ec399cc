package models

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kept collects the reasons of StepKept.
func kept(reasons *[]string) func(Progress) {
	return func(p Progress) {
		if p.Step == StepKept {
			*reasons = append(*reasons, p.Source)
		}
	}
}

// A cached model that can't be refreshed is taken as it is, whatever the way it was named, and the reason is told:
// nobody there, the Hub out of order, offline mode, a cache that can't be written.
func TestRefreshKeepsTheCache(t *testing.T) {
	b := gguf(1000, 30)
	for _, spec := range []string{"owner/repo", "owner/repo/m.gguf", "hf://owner/repo:m", "URL"} {
		h := newFakeHub(t, map[string][]byte{"m.gguf": b})
		if spec == "URL" {
			spec = h.URL + "/raw/m.gguf#sha256=" + sum(b)
		}
		opt := Options{Dir: t.TempDir()}
		path, err := h.try(t, spec, opt)
		want(t, path, err, b)
		opt.Refresh = true
		again := func(what, reason string) {
			t.Helper()
			var reasons []string
			opt.Progress = kept(&reasons)
			got, err := h.try(t, spec, opt)
			want(t, got, err, b)
			if got != path || len(reasons) > 1 || len(reasons) == 1 && !strings.Contains(reasons[0], reason) {
				t.Errorf("%s, %s: %s, %q, want …%s…", spec, what, got, reasons, reason)
			}
		}
		locks := filepath.Join(opt.Dir, "locks")
		if err := errors.Join(os.RemoveAll(locks), os.WriteFile(locks, nil, 0o444)); err != nil {
			t.Fatal(err)
		}
		again("no place for locks", "not a directory")
		h.status = http.StatusServiceUnavailable
		again("out of order", "503")
		opt.Offline = true
		again("offline", "offline mode is on")
		opt.Offline = false
		h.Close()
		again("down", "can't be reached: connection refused")
		if err := os.WriteFile(path, gguf(1000, 31), 0o644); err != nil { // damage of the same size
			t.Fatal(err)
		}
		if _, err := h.try(t, spec, opt); err == nil {
			t.Errorf("%s: a damaged file was checked and taken", spec)
		}
	}
}

// What says that there is no such model is no reason to go on with the old one.
func TestRefreshTellsWhatIsGone(t *testing.T) {
	h := newFakeHub(t, map[string][]byte{"m.gguf": gguf(1000, 32)})
	opt := Options{Dir: t.TempDir()}
	if _, err := h.try(t, "owner/repo", opt); err != nil {
		t.Fatal(err)
	}
	opt.Refresh, h.status = true, http.StatusNotFound
	if _, err := h.try(t, "owner/repo", opt); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// An unwritable cache needs no write when everything is there: not even the ref is written again.
func TestRefreshWritesNothingNew(t *testing.T) {
	b := gguf(1000, 33)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	opt := Options{Dir: t.TempDir()}
	if _, err := h.try(t, "owner/repo", opt); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(opt.Dir, "locks")); err != nil {
		t.Fatal(err)
	}
	refs, err := filepath.Glob(filepath.Join(opt.Dir, "refs", "*"))
	if err != nil || len(refs) != 1 {
		t.Fatalf("%q, %v", refs, err)
	}
	before, err := os.Stat(refs[0])
	if err != nil {
		t.Fatal(err)
	}
	opt.Refresh = true
	path, err := h.try(t, "owner/repo", opt)
	want(t, path, err, b)
	after, err := os.Stat(refs[0])
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the ref was written again: %v", err)
	}
	if _, err := os.Stat(filepath.Join(opt.Dir, "locks")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a lock was taken: %v", err)
	}
}

// The address of one part of a split model brings all parts, which lie together.
func TestURLOfAPart(t *testing.T) {
	files := map[string][]byte{}
	for i := 1; i <= 3; i++ {
		files[fmt.Sprintf("a b/m-%05d-of-00003.gguf", i)] = gguf(500+i, uint64(40+i))
	}
	h := newFakeHub(t, files)
	for _, tail := range []string{"-00001-of-00003.gguf", "-00002-of-00003.gguf", "-00001-of-00003.gguf?download=true", "-00003-of-00003.gguf#sha256=" + sum(files["a b/m-00003-of-00003.gguf"])} {
		path, err := h.try(t, h.URL+"/raw/a%20b/m"+tail, Options{})
		want(t, path, err, files["a b/m-00001-of-00003.gguf"])
		for i := 1; i <= 3; i++ {
			name := fmt.Sprintf("m-%05d-of-00003.gguf", i)
			want(t, filepath.Join(filepath.Dir(path), name), nil, files["a b/"+name])
		}
	}
	delete(files, "a b/m-00002-of-00003.gguf")
	if _, err := h.try(t, h.URL+"/raw/a%20b/m-00001-of-00003.gguf", Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "m-00002-of-00003.gguf") {
		t.Errorf("a missing part: %v", err)
	}
}

// owner/repo/FILE.gguf is a file of the Hub unless it, or its folder, is here.
func TestHubFileOrPath(t *testing.T) {
	b := gguf(1000, 50)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b, "sub/n.gguf": b})
	t.Chdir(t.TempDir())
	t.Setenv("HF_ENDPOINT", h.URL)
	opt := &Options{Dir: t.TempDir()}
	for _, spec := range []string{"owner/repo/m.gguf", "owner/repo/sub/n.gguf"} {
		path, err := Fetch(context.Background(), spec, opt)
		want(t, path, err, b)
	}
	if _, err := Fetch(context.Background(), "owner/none/m.gguf", opt); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "there is no file owner/none/m.gguf") {
		t.Errorf("neither: %v", err)
	}
	if err := os.MkdirAll("owner/repo", 0o755); err != nil {
		t.Fatal(err)
	}
	n := len(h.seen())
	if _, err := Fetch(context.Background(), "owner/repo/m.gguf", opt); !errors.Is(err, ErrNotExist) {
		t.Errorf("the folder is here: %v", err)
	}
	if err := os.WriteFile("owner/repo/m.gguf", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if path, err := Fetch(context.Background(), "owner/repo/m.gguf", opt); path != "owner/repo/m.gguf" || err != nil {
		t.Errorf("the file is here: %s, %v", path, err)
	}
	if len(h.seen()) != n {
		t.Error("the Hub was asked about a local file")
	}
}

// Settings of the environment as people have them, and those that can't be meant.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct{ endpoint, token, offline, wantEndpoint, wantToken, bad string }{
		{"", "", "", "https://huggingface.co", "", ""},
		{"hf-mirror.com", "hf_abc\n", "", "https://hf-mirror.com", "hf_abc", ""},
		{" http://127.0.0.1:9/ \n", " hf_abc\r\n", "", "http://127.0.0.1:9/", "hf_abc", ""},
		{"ftp://x", "", "", "ftp://x", "", "HF_ENDPOINT"},
		{"https://", "", "", "https://", "", "HF_ENDPOINT"},
		{"", "two words", "", "https://huggingface.co", "two words", "HF_TOKEN"},
		{"", "hf_a\nhf_b", "", "https://huggingface.co", "hf_a\nhf_b", "HF_TOKEN"},
	} {
		t.Setenv("HF_ENDPOINT", c.endpoint)
		t.Setenv("HF_TOKEN", c.token)
		o := Options{Dir: "x"}
		if err := o.fillDefaults(); err != nil || o.Endpoint != c.wantEndpoint || o.Token != c.wantToken || o.Offline {
			t.Errorf("%+v: %+v, %v", c, o, err)
		}
		err := o.check()
		if (err != nil) != (c.bad != "") || err != nil && (!errors.Is(err, ErrSetting) || !strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "hf_a")) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := Fetch(context.Background(), "owner/repo", &Options{Dir: t.TempDir()}); c.bad != "" && !errors.Is(err, ErrSetting) {
			t.Errorf("%+v: Fetch: %v", c, err)
		}
	}
	for v, want := range map[string]bool{"": false, "0": false, "false": false, "no": false, "off": false, "1": true, "true": true, "YES": true, "on": true, " 1\n": true} {
		t.Setenv("HF_HUB_OFFLINE", v)
		o := Options{Dir: "x"}
		if err := o.fillDefaults(); err != nil || o.Offline != want {
			t.Errorf("HF_HUB_OFFLINE=%q: %v, %v", v, o.Offline, err)
		}
	}
}

// A token with a line end reaches the Hub without it.
func TestTokenIsTrimmed(t *testing.T) {
	b := gguf(1000, 51)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	t.Setenv("HF_TOKEN", "hf_abc\n")
	path, err := h.try(t, "owner/repo", Options{})
	want(t, path, err, b)
	for _, r := range h.seen() {
		if got := r.Header.Get("Authorization"); got != "Bearer hf_abc" {
			t.Errorf("%s: %q", r.URL.Path, got)
		}
	}
}

// A host without an answer is named with a reason that people understand.
func TestUnreachable(t *testing.T) {
	closing := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer closing.Close()
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:1": "127.0.0.1:1 can't be reached: connection refused", "http://no-such-host.invalid": "no-such-host.invalid can't be reached: ",
		closing.URL: "can't be reached: the connection was closed",
	} {
		direct := &http.Client{Transport: &http.Transport{}} // no proxy, which would answer for them
		_, err := Fetch(context.Background(), "owner/repo", &Options{Dir: t.TempDir(), Endpoint: endpoint, Client: direct})
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "dial tcp") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fetch(ctx, "owner/repo", &Options{Dir: t.TempDir(), Endpoint: closing.URL}); errors.Is(err, ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
