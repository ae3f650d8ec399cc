package kept

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/sha256"
)

// The file of a saved session, little-endian:
//
//	magic, u32 version, the fields of Head, i32 tokens, f32 logits if there are any, CRC-32C of all that as u32
//	the cache, with checksums of its own (model.Sequence.Save)
const magic = "latentgo session\n"

// version changes with the layout.
const version = 2

// Head is the fixed part of a saved session.
type Head struct {
	Model   [sha256.Size]byte // what tells models apart whose caches mean different things
	Cache   uint32            // type of the cached values
	Context uint32
	Tokens  uint32 // of the text
	Cached  uint32 // of them that the cache has
	Logits  uint32 // how many: of the vocabulary, or none
}

// Session is what a file holds before the cache.
type Session struct {
	Head
	CacheAt        int64 // where the cache begins
	tokens, logits []byte
}

// Write writes what comes before the cache; it sets h's numbers of tokens and logits.
func Write(w io.Writer, h Head, tokens []int32, logits []float32) error {
	h.Tokens, h.Logits = uint32(len(tokens)), uint32(len(logits))
	var b bytes.Buffer
	b.WriteString(magic)
	for _, v := range []any{uint32(version), h, tokens, logits} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, checksum(b.Bytes())))
	_, err := w.Write(b.Bytes())
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// Read reads what comes before the cache in a file of size bytes. Errors wrap model.ErrSaved or are r's.
func Read(r io.ReaderAt, size int64) (*Session, error) {
	s := &Session{}
	fixed := int64(len(magic) + 4 + binary.Size(s.Head))
	if size < fixed {
		return nil, fmt.Errorf("%d bytes are too few: %w", size, model.ErrSaved)
	}
	head := make([]byte, fixed)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(head, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q: %w", magic, model.ErrSaved)
	}
	if v := binary.LittleEndian.Uint32(rest); v != version {
		return nil, fmt.Errorf("version %d, this engine reads %d: %w", v, version, model.ErrSaved)
	}
	if _, err := binary.Decode(rest[4:], binary.LittleEndian, &s.Head); err != nil {
		return nil, err
	}
	return s, s.readBody(r, size, head)
}

// readBody reads the tokens and logits, and checks the sum of all.
func (s *Session) readBody(r io.ReaderAt, size int64, head []byte) error {
	fixed := int64(len(head))
	n := 4 * (int64(s.Tokens) + int64(s.Logits))
	if n+4 > size-fixed {
		return fmt.Errorf("%d tokens and %d logits in %d bytes: %w", s.Tokens, s.Logits, size, model.ErrSaved)
	}
	all := append(head, make([]byte, n+4)...)
	if k, err := r.ReadAt(all[fixed:], fixed); k < int(n+4) {
		return err
	}
	if want := binary.LittleEndian.Uint32(all[fixed+n:]); want != checksum(all[:fixed+n]) {
		return fmt.Errorf("the checksum of the tokens is wrong: %w", model.ErrSaved)
	}
	s.tokens, s.logits = all[fixed:][:4*int(s.Tokens)], all[fixed:][4*int(s.Tokens):n]
	s.CacheAt = fixed + n + 4
	return nil
}

// Check says why the session can't be one of a model with such a vocabulary, where there are so many types of caches,
// and contexts of at most most tokens.
func (s *Session) Check(vocab, caches, most int) error {
	switch {
	case int64(s.Cache) >= int64(caches):
		return fmt.Errorf("its cache is of type %d: %w", s.Cache, model.ErrSaved)
	case s.Context < 1 || int64(s.Context) > int64(most) || s.Cached > s.Context || s.Cached > s.Tokens || s.Tokens > s.Context+1:
		return fmt.Errorf("%d tokens, %d of them cached, in a context of %d: %w", s.Tokens, s.Cached, s.Context, model.ErrSaved)
	case s.Logits != 0 && int64(s.Logits) != int64(vocab):
		return fmt.Errorf("%d logits of a vocabulary of %d: %w", s.Logits, vocab, model.ErrSaved)
	}
	for i := range int(s.Tokens) {
		if id := binary.LittleEndian.Uint32(s.tokens[4*i:]); int64(id) >= int64(vocab) {
			return fmt.Errorf("token %d is %d, the vocabulary has %d: %w", i, int32(id), vocab, model.ErrSaved)
		}
	}
	return nil
}

// AppendTokens appends the tokens of a session that was checked.
func (s *Session) AppendTokens(dst []int32) []int32 {
	for i := range int(s.Tokens) {
		dst = append(dst, int32(binary.LittleEndian.Uint32(s.tokens[4*i:])))
	}
	return dst
}

// LogitsAfter returns the logits after the cached tokens, nil where the file has none.
func (s *Session) LogitsAfter() []float32 {
	if s.Logits == 0 {
		return nil
	}
	x := make([]float32, s.Logits)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.logits[4*i:]))
	}
	return x
}
