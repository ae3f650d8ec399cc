package tokenizer

import "unicode/utf8"

// Byte-level vocabularies spell each byte as a printable character: those of ASCII and Latin-1 that can be seen stand
// for themselves, the other 68 bytes are U+0100 … U+0143 in order (GPT-2's bytes_to_unicode).

// byteRunes maps a byte to its character, runeBytes the character back; -1 for a character that stands for no byte.
var byteRunes, runeBytes = func() (runes [256]rune, bytes [0x144]int16) {
	for i := range bytes {
		bytes[i] = -1
	}
	next := rune(0x100)
	for b := range rune(256) {
		r := b
		if b <= ' ' || 0x7F <= b && b <= 0xA0 || b == 0xAD {
			r = next
			next++
		}
		runes[b] = r
		bytes[r] = int16(b)
	}
	return runes, bytes
}()

// appendPrintable appends the spelling of the bytes of s.
func appendPrintable(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = utf8.AppendRune(dst, byteRunes[s[i]])
	}
	return dst
}

// appendBytes appends the bytes that token text s spells. A character that stands for no byte is appended as it is.
func appendBytes(dst []byte, s string) []byte {
	for len(s) > 0 {
		r, n := decodeLax(s)
		if int(r) < len(runeBytes) && runeBytes[r] >= 0 {
			dst = append(dst, byte(runeBytes[r]))
		} else {
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return dst
}
