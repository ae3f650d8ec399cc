package tokenizer

import "hash/maphash"

// Sizes of the word cache: a word and its tokens fit into one slot of 56 bytes, or are not cached.
const (
	cacheSlots = 1 << 12
	cacheWord  = 27
	cacheIDs   = 6
)

// wordCache remembers the tokens of short words: a table with one place per hash value in which the newest word wins,
// so that it never grows. Text repeats its words, hence most of them are found.
type wordCache struct {
	seed  maphash.Seed
	slots []cacheSlot
}

type cacheSlot struct {
	size uint8 // length of word in bytes; 0: empty
	n    uint8
	word [cacheWord]byte
	ids  [cacheIDs]int32
}

func newWordCache() wordCache {
	return wordCache{seed: maphash.MakeSeed(), slots: make([]cacheSlot, cacheSlots)}
}

// slot returns the place of a word, nil if it is too long (or empty), and whether the word is there.
func (c *wordCache) slot(word string) (s *cacheSlot, found bool) {
	if len(word) > cacheWord || len(word) == 0 {
		return nil, false
	}
	s = &c.slots[maphash.String(c.seed, word)%cacheSlots]
	return s, int(s.size) == len(word) && string(s.word[:s.size]) == word
}

// put stores the tokens of a word if there are few enough.
func (s *cacheSlot) put(word string, ids []int32) {
	if s == nil || len(ids) > cacheIDs {
		return
	}
	s.size, s.n = uint8(len(word)), uint8(len(ids))
	copy(s.word[:], word)
	copy(s.ids[:], ids)
}
