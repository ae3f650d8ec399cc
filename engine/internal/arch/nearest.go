package arch

import "strings"

// nearest returns the name of the known architecture that is most like name: of the longest common beginning, of those
// with the fewest letters to change.
func nearest(name string) string {
	best, common, changes := "", -1, 0
	for _, n := range Names() {
		c, d := commonPrefix(n, strings.ToLower(name)), distance(n, strings.ToLower(name))
		if c > common || c == common && d < changes {
			best, common, changes = n, c, d
		}
	}
	return best
}

// commonPrefix returns how many bytes two names begin with alike.
func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
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
