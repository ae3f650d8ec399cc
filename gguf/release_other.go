//go:build !unix && !windows

package gguf

// release has no counterpart here that keeps the mapping.
func release([]byte) {}
