//go:build !linux

package quant

import "testing"

// protectedMap has no pages to protect here.
func protectedMap(testing.TB, int) ([]byte, bool) { return nil, false }
