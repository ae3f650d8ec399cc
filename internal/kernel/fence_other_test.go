//go:build !linux

package kernel

import "testing"

// protectedMap has no pages to protect here.
func protectedMap(testing.TB, int) ([]byte, bool) { return nil, false }
