package gguf

import "strconv"

// readEntry reads the kind and the value of key, checks the value and steps over it. Nothing is decoded here; the
// getters do that from the same bytes and rely on these checks.
func readEntry(c *cursor, key string) (entry, error) {
	e := entry{key: key, count: 1}
	kind, err := readKind(c, "kind")
	if err != nil {
		return e, err
	}
	e.kind = kind
	switch kind {
	case KindString:
		s, err := c.str(maxString, "string")
		e.start, e.end = c.off-uint64(len(s)), c.off
		return e, err
	case KindArray:
		elem, n, err := readArrayStart(c)
		if err != nil {
			return e, err
		}
		e.elem, e.count, e.start = elem, int(n), c.off
		err = skipElements(c, elem, n, 1)
		e.end = c.off
		return e, err
	}
	e.start = c.off
	err = skipElements(c, kind, 1, 0)
	e.end = c.off
	return e, err
}

// readKind reads a kind and refuses unknown ones: without the size of a value the rest of the file means nothing.
func readKind(c *cursor, what string) (Kind, error) {
	start := c.off
	v, err := c.u32(what)
	if err != nil {
		return 0, err
	}
	if k := Kind(v); k.known() {
		return k, nil
	}
	return 0, c.errorf(start, "unknown %s %d", what, v)
}

// readArrayStart reads element kind and count; so many elements fit into the rest of the file.
func readArrayStart(c *cursor) (elem Kind, n uint64, err error) {
	if elem, err = readKind(c, "array kind"); err != nil {
		return 0, 0, err
	}
	start := c.off
	if n, err = c.u64("array count"); err != nil {
		return 0, 0, err
	}
	if n > c.remaining()/elem.minSize() {
		return 0, 0, c.errorf(start, "array of %d %v, the file has %d bytes left", n, elem, c.remaining())
	}
	if n > maxElements {
		return 0, 0, c.errorf(start, "array of %d elements, more than %d", n, maxElements)
	}
	return elem, n, nil
}

// skipElements checks n values of a kind and steps over them; depth counts the arrays around them.
func skipElements(c *cursor, kind Kind, n uint64, depth int) error {
	switch kind {
	case KindBool:
		return skipBools(c, n)
	case KindString:
		return skipStrings(c, n)
	case KindArray:
		return skipArrays(c, n, depth)
	}
	size := n * kind.minSize() // no overflow: readArrayStart compared n with the file's size
	if err := c.need(size, "value"); err != nil {
		return err
	}
	c.off += size
	return nil
}

// skipBools steps over n bools, which are bytes of 0 or 1. llama.cpp takes any byte; another value shows that the file
// is damaged, or that its kinds are misread.
func skipBools(c *cursor, n uint64) error {
	if err := c.need(n, "bool"); err != nil {
		return err
	}
	for i, b := range c.buf[c.off : c.off+n] {
		if b > 1 {
			return c.errorf(c.off+uint64(i), "bool is %d, expected 0 or 1", b)
		}
	}
	c.off += n
	return nil
}

// skipStrings steps over n strings, of any bytes: tokens need not be UTF-8.
func skipStrings(c *cursor, n uint64) error {
	for i := range n {
		// In place where both length and bytes were read already: the case of a vocabulary.
		if uint64(len(c.buf))-c.off >= 8 {
			size := c.order.Uint64(c.buf[c.off:])
			if size <= maxString && size <= uint64(len(c.buf))-c.off-8 {
				c.off += 8 + size
				continue
			}
		}
		if _, err := c.str(maxString, "string "+strconv.FormatUint(i, 10)); err != nil {
			return err
		}
	}
	return nil
}

// skipArrays steps over n arrays that lie inside depth arrays. The walk stays linear in the file's size: each array
// takes at least its 12 bytes.
func skipArrays(c *cursor, n uint64, depth int) error {
	if depth >= maxNesting {
		return c.errorf(c.off, "arrays nested deeper than %d", maxNesting)
	}
	for range n {
		elem, m, err := readArrayStart(c)
		if err != nil {
			return err
		}
		if err := skipElements(c, elem, m, depth+1); err != nil {
			return err
		}
	}
	return nil
}
