package arch

import (
	"strings"

	"github.com/latentgo/latentgo/internal/lists"
)

// nearest returns the name of the known architecture that is most like name: of the longest common beginning, of those
// with the fewest letters to change.
func nearest(name string) string {
	best, common, changes := "", -1, 0
	for _, n := range Names() {
		c, d := lists.Common([]byte(n), []byte(strings.ToLower(name))), distance(n, strings.ToLower(name))
		if c > common || c == common && d < changes {
			best, common, changes = n, c, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := last
			if a[i] != b[j] {
				changed++
			}
			last = row[j+1]
			row[j+1] = min(changed, row[j]+1, last+1)
		}
	}
	return row[len(b)]
}
