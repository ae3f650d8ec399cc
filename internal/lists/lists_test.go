package lists

import "testing"

func TestCommon(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "a", 0}, {"abc", "abd", 2}, {"ab", "abd", 2}, {"abd", "ab", 2}, {"x", "y", 0}, {"same", "same", 4}} {
		if got := Common([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
