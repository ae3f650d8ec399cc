// Package lists has what package slices lacks: calls for many indexes in a few goroutines, common beginnings.
package lists

// Common returns how many first elements two lists have in common.
func Common[T comparable](a, b []T) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
