package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/latentgo/latentgo/engine"
)

// Users at the same time get whole answers, one too many is told so, and a second turn finds the first one's cache.
func TestServer(t *testing.T) {
	model, err := engine.Load("../../engine/testdata/tiny.gguf", &engine.Options{MaxSessions: 4, PrefixCache: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	server := httptest.NewServer(handler(model))
	defer server.Close()
	const first = `{"messages": [{"role": "user", "content": "Hello!"}]}`
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			if code, body := post(t, server.URL, first); code != 200 || !strings.Contains(body, "event: text\ndata: \"") || !strings.Contains(body, "event: done\n") {
				t.Errorf("%d %q", code, body)
			}
		})
	}
	users.Wait()
	if _, body := post(t, server.URL, first); strings.Contains(body, `"CachedTokens":0`) {
		t.Errorf("nothing was cached: %q", body)
	}
	for range 4 {
		if _, err := model.NewSession(nil); err != nil {
			t.Fatal(err)
		}
	}
	if code, body := post(t, server.URL, first); code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d %q", code, body)
	}
	if code, _ := post(t, server.URL, "{"); code != http.StatusBadRequest {
		t.Errorf("bad JSON: %d", code)
	}
}

func post(t *testing.T, url, body string) (int, string) {
	resp, err := http.Post(url+"/chat", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}
