package models

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSecondFetchNeedsNoNetwork(t *testing.T) {
	b := gguf(1000, 20)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	opt := Options{Dir: t.TempDir()}
	first, err := h.try(t, "owner/repo", opt)
	want(t, first, err, b)
	n := len(h.seen())
	opt.Offline = true
	second, err := h.try(t, "hf.co/owner/repo", opt)
	want(t, second, err, b)
	if len(h.seen()) != n || first != second {
		t.Errorf("%d more requests; %s, then %s", len(h.seen())-n, first, second)
	}
}

func TestRefreshRepairsAndUpdates(t *testing.T) {
	b := gguf(1000, 21)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	opt := Options{Dir: t.TempDir(), Refresh: true}
	path, err := h.try(t, "owner/repo", opt)
	want(t, path, err, b)
	if err := os.WriteFile(path, gguf(1000, 22), 0o644); err != nil { // damage of the same size
		t.Fatal(err)
	}
	path, err = h.try(t, "owner/repo", opt)
	want(t, path, err, b)
	h.files["m.gguf"] = gguf(900, 23)
	path, err = h.try(t, "owner/repo", opt)
	want(t, path, err, h.files["m.gguf"])
}

func TestTruncatedCacheIsFetchedAgain(t *testing.T) {
	b := gguf(1000, 24)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	opt := Options{Dir: t.TempDir()}
	path, err := h.try(t, "owner/repo", opt)
	want(t, path, err, b)
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	path, err = h.try(t, "owner/repo", opt)
	want(t, path, err, b)
}

// TestHelperProcess is no test: it is the program that TestProcessesShareOneDownload starts.
func TestHelperProcess(t *testing.T) {
	if os.Getenv("LATENTGO_TEST_FETCH") == "" {
		t.Skip("only runs as a child")
	}
	path, err := Fetch(context.Background(), os.Getenv("LATENTGO_TEST_FETCH"), nil)
	fmt.Printf("%s|%v\n", path, err)
}

func TestProcessesShareOneDownload(t *testing.T) {
	b := gguf(4<<20, 25)
	h := newFakeHub(t, map[string][]byte{"m.gguf": b})
	dir := t.TempDir()
	var wg sync.WaitGroup
	for _, name := range []string{"owner/repo", "owner/repo", "hf://owner/repo/m.gguf"} { // two names of one file
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
			cmd.Env = append(os.Environ(), "LATENTGO_TEST_FETCH="+name, "LATENTGO_CACHE="+dir, "HF_ENDPOINT="+h.URL, "HF_HUB_OFFLINE=")
			out, err := cmd.CombinedOutput()
			path, msg, _ := strings.Cut(strings.SplitN(string(out), "\n", 2)[0], "|")
			if err != nil || msg != "<nil>" {
				t.Errorf("child: %v\n%s", err, out)
				return
			}
			if got, err := os.ReadFile(path); err != nil || sum(got) != sum(b) {
				t.Errorf("child's file: %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(h.ranges()); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
	if left := leftovers(t, dir); len(left) != 1 {
		t.Errorf("left in the cache: %q", left)
	}
}

func TestCacheDir(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LATENTGO_CACHE", dir)
	if got, err := CacheDir(); err != nil || got != dir {
		t.Errorf("LATENTGO_CACHE: %q %v", got, err)
	}
	t.Setenv("LATENTGO_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", dir)
	if got, err := CacheDir(); err != nil || filepath.Base(got) != "latentgo" || !strings.HasPrefix(got, dir) {
		t.Errorf("below HOME: %q %v", got, err)
	}
	t.Setenv("HOME", "")
	if got, err := CacheDir(); err == nil && filepath.Base(got) != "latentgo" {
		t.Errorf("without HOME: %q", got)
	}
}
