// Package testenv finds what tests need outside of the source tree: the shared vectors and a real model.
//
//	LATENTGO_SHARED  folder with the shared vectors; default ../shared beside the repository
//	LATENTGO_MODEL   path of the SmolLM2 file; default: the model cache, filled from the network when empty
//	LATENTGO_STRICT  1: a missing file fails the test instead of skipping it
//
// Only tests import it.
package testenv

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/models"
)

// Shared returns the path of a file or folder of the shared vectors, given by its slash-separated path there. When it
// does not exist, the test is skipped with the reason (see LATENTGO_STRICT).
func Shared(t testing.TB, rel string) string {
	t.Helper()
	dir := os.Getenv("LATENTGO_SHARED")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			missing(t, "shared %s: %v", rel, err)
		}
		dir = filepath.Join(filepath.Dir(root), "shared")
	}
	path := filepath.Join(dir, filepath.FromSlash(rel))
	if _, err := os.Stat(path); err != nil {
		missing(t, "shared vectors: %v; set LATENTGO_SHARED to their folder", err)
	}
	return path
}

// modelOnce fetches the model once per test binary; processes wait for each other.
var modelOnce = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("LATENTGO_MODEL"); path != "" {
		_, err := os.Stat(path)
		return path, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	return models.Fetch(ctx, models.Default, nil)
})

// Model returns the path of SmolLM2-135M-Instruct as Q4_1, fetching it when it is not in the cache. When there is no
// way to get it, the test is skipped with the reason (see LATENTGO_STRICT).
func Model(t testing.TB) string {
	t.Helper()
	path, err := modelOnce()
	if err != nil {
		missing(t, "model %s: %v; set LATENTGO_MODEL to the file", models.Default, err)
	}
	return path
}

// missing skips the test, or fails it where nothing may be left out.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if v := os.Getenv("LATENTGO_STRICT"); v != "" && v != "0" {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED, NOT TESTED: "+format, args...)
}

// moduleRoot walks up from the test's folder to the first go.mod of this module.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test's folder")
		}
		dir = up
	}
}
