package tokenizer

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// charsmap replaces the characters of a text, as SentencePiece precompiles the rules for it: a trie of what is replaced,
// as an array of nodes (a double array, XOR-compressed: Kanda 2018), and the replacements, each ended by a zero byte.
// The zero value replaces nothing.
//
//	node  bits 0–7 and 31  the byte that leads here; bit 31 is set in nodes that hold the place of a replacement
//	      bit 8            something is replaced that ends here
//	      bits 9–30        where the next nodes are: bits 10–30, shifted by 8 where bit 9 is set
type charsmap struct {
	nodes []uint32
	texts string
}

// loadCharsmap reads tokenizer.ggml.precompiled_charsmap: the size of the array in bytes, the array, the replacements;
// numbers are little-endian, also in a file that is not. Errors: ErrVocab for sizes that contradict each other.
func loadCharsmap(md Metadata) (charsmap, error) {
	if !md.Has(keyCharsmap) {
		return charsmap{}, nil
	}
	list, err := md.Ints(keyCharsmap)
	if err != nil {
		return charsmap{}, err
	}
	raw := make([]byte, len(list))
	for i, v := range list {
		if v < -128 || v > 255 {
			return charsmap{}, badVocab(keyCharsmap, i, "%d is no byte", v)
		}
		raw[i] = byte(v)
	}
	if len(raw) < 4 {
		return charsmap{}, fmt.Errorf("%s: %d bytes: too short for the size of its array: %w", keyCharsmap, len(raw), ErrVocab)
	}
	size := binary.LittleEndian.Uint32(raw)
	if uint64(size)+4 >= uint64(len(raw)) || raw[len(raw)-1] != 0 {
		const format = "%s: an array of %d bytes and replacements that end with a zero byte don't fit in %d bytes: %w"
		return charsmap{}, fmt.Errorf(format, keyCharsmap, size, len(raw), ErrVocab)
	}
	m := charsmap{nodes: make([]uint32, size/4), texts: string(raw[4+size:])}
	for i := range m.nodes {
		m.nodes[i] = binary.LittleEndian.Uint32(raw[4+4*i:])
	}
	return m, nil
}

// replace returns what the longest beginning of text that has a replacement becomes, and its length, 0 if there is none.
// Nodes outside the array, which a sound file does not lead to, hold nothing.
func (m *charsmap) replace(text string) (out string, n int) {
	at := m.next(0)
	for i := 0; i < len(text) && text[i] != 0; i++ {
		at ^= uint32(text[i])
		if m.node(at)&(1<<31|0xFF) != uint32(text[i]) {
			break
		}
		ends := m.node(at)&(1<<8) != 0
		at ^= m.next(at)
		if !ends {
			continue
		}
		if place := m.node(at) &^ (1 << 31); uint64(place) < uint64(len(m.texts)) {
			out, _, _ = strings.Cut(m.texts[place:], "\x00")
			n = i + 1
		}
	}
	return out, n
}

// node returns a node of the array.
func (m *charsmap) node(i uint32) uint32 {
	if uint64(i) >= uint64(len(m.nodes)) {
		return 0
	}
	return m.nodes[i]
}

// next returns where the nodes behind node i are, to be combined with a byte by XOR.
func (m *charsmap) next(i uint32) uint32 {
	v := m.node(i)
	return v >> 10 << (v & (1 << 9) >> 6)
}
