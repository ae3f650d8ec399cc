package main

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzParseIDs takes what encoding/json takes as a list of 32-bit numbers without null, and nothing else.
func FuzzParseIDs(f *testing.F) {
	for _, s := range []string{"[1,2]", "[]", "[1,]", "[1,null]", "null", " [ -0 , 7\n]\t", "[1]x", "[1e1]", "[\"a\"]", "[[1]]", "\ufeff[1]", "[,]", "[1", "]", "[2147483648]", "[\xff]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []*int32
		ok := json.Unmarshal(raw, &list) == nil && list != nil && !slices.Contains(list, nil)
		ids, err := parseIDs("x", raw)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, %v", raw, ids, err)
		}
		for i := range list {
			if ok && (len(ids) != len(list) || ids[i] != *list[i]) {
				t.Fatalf("%q: %v", raw, ids)
			}
		}
	})
}
