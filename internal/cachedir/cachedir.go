// Package cachedir says where this program may keep what it can get again.
package cachedir

import (
	"errors"
	"os"
	"path/filepath"
)

// Dir returns LATENTGO_CACHE, else latentgo in os.UserCacheDir. It is not created.
func Dir() (string, error) {
	if dir := os.Getenv("LATENTGO_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "latentgo"), nil
	}
	return "", errors.New("no cache directory: set LATENTGO_CACHE to a folder")
}
