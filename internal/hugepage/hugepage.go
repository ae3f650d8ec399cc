// Package hugepage puts what is read again and again into the system's huge pages, of 2 MB on most machines instead of
// 4 kB. Reading weights or caches from one end to the other then needs no look at the page table every 4 kB, where the
// processor's own reading ahead ends too.
//
// Only Linux gives such pages to those who ask for them and have no special rights (transparent huge pages). Elsewhere, and
// where the administrator has switched them off, everything here does nothing.
package hugepage

import "errors"

// ErrNone is the error where there are no huge pages to ask for.
var ErrNone = errors.New("the system has no huge pages for this program")

// fromBytes is the size from which a slice is worth a question to the system.
const fromBytes = 64 << 10

// Make is make([]T, n), in huge pages where it is large. Memory that the program has used before stays in the pages that
// it has.
func Make[T any](n int) []T {
	s := make([]T, n)
	advise(s)
	return s
}
