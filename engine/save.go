package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/atomicfile"
	"github.com/latentgo/latentgo/internal/sha256"
)

// ErrSaved is wrapped by errors about a file that is no saved session, is damaged, or belongs to another model or form
// of it.
var ErrSaved = model.ErrSaved

const savedMagic = "latentgo session\n"

// savedVersion changes with the layout:
//
//	magic, u32 version, the fields of savedHead, i32 tokens, f32 logits if there are any, CRC-32C of all that as u32
//	the cache, with checksums of its own (engine/internal/model)
const savedVersion = 1

// savedHead is the fixed part of a saved session, little-endian.
type savedHead struct {
	Model   [sha256.Size]byte // Model.identity
	Cache   uint32            // CacheType
	Context uint32
	Tokens  uint32 // of the text
	Cached  uint32 // of them that the cache has
	Logits  uint32 // how many: of the vocabulary, or none
}

// identity tells models apart whose caches mean different things: the file, the form of attention, how it was made.
func (m *Model) identity() (id [sha256.Size]byte, err error) {
	print, err := m.file.Fingerprint()
	if err != nil {
		return id, err
	}
	made, err := json.Marshal(m.made)
	if err != nil {
		return id, err
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", print, m.Info().MLA, made)), nil
}

// Save writes the session to w, for LoadSession: its tokens, its cache (TokenBytes for each token, in whole chunks of
// 256) and the logits. Text of an answer that no Piece has shown yet is not kept. Errors: ErrBusy, ErrClosed, w's.
func (s *Session) Save(w io.Writer) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.alive(); err != nil {
		return err
	}
	h := savedHead{Cache: uint32(s.format), Context: uint32(s.context), Tokens: uint32(len(s.tokens)), Cached: uint32(s.seq.Len())}
	var err error
	if h.Model, err = s.m.identity(); err != nil {
		return err
	}
	var logits []float32
	if s.valid {
		logits = s.logits
	}
	h.Logits = uint32(len(logits))
	var b bytes.Buffer
	b.WriteString(savedMagic)
	for _, v := range []any{uint32(savedVersion), h, s.tokens, logits} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, checksum(b.Bytes())))
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return s.seq.Save(w)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// SaveFile is Save to a file, which appears complete or not at all. One that is there is replaced with overwrite only;
// otherwise the error wraps fs.ErrExist.
func (s *Session) SaveFile(path string, overwrite bool) error {
	return atomicfile.Write(path, atomicfile.Options{Overwrite: overwrite}, s.Save)
}

// LoadSession makes a session of size bytes of r, which Save has written, ready to go on where it was. It must be the
// same model in the same form. nil options are those of the saved session; others must have the same Cache, and a
// Context that has room for the tokens and, with LongRoPE, the same positions. Errors wrap ErrSaved, or are NewSession's
// and r's.
func (m *Model) LoadSession(r io.ReaderAt, size int64, opt *SessionOptions) (*Session, error) {
	if m.alive() != nil || m.net == nil {
		return m.NewSession(opt) // fails
	}
	h, body, at, err := readSaved(r, size)
	if err != nil {
		return nil, err
	}
	if opt == nil {
		opt = &SessionOptions{Context: int(h.Context), Cache: CacheType(h.Cache)}
	}
	if err := m.checkSaved(h, body, opt); err != nil {
		return nil, err
	}
	s, err := m.NewSession(opt)
	if err != nil {
		return nil, err
	}
	if int(h.Tokens) > s.context+1 || int(h.Cached) > s.context {
		return nil, errors.Join(fmt.Errorf("%d tokens in a context of %d: %w", h.Tokens, s.context, ErrContextFull), s.Close())
	}
	if !s.seq.LikeContext(int(h.Context)) {
		return nil, errors.Join(fmt.Errorf("its context of %d tokens has other positions than one of %d: %w", h.Context, s.context, ErrSaved), s.Close())
	}
	if err := s.seq.Load(int(h.Cached), r, at, size); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.restore(h, body)
	return s, nil
}

// LoadSessionFile is LoadSession for a file.
func (m *Model) LoadSessionFile(path string, opt *SessionOptions) (*Session, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s, err := m.LoadSession(f, st.Size(), opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// readSaved reads what comes before the cache, and where that begins. body has the tokens and logits.
func readSaved(r io.ReaderAt, size int64) (h savedHead, body []byte, at int64, err error) {
	fixed := int64(len(savedMagic) + 4 + binary.Size(h))
	if size < fixed {
		return h, nil, 0, fmt.Errorf("%d bytes are too few: %w", size, ErrSaved)
	}
	head := make([]byte, fixed)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return h, nil, 0, err
	}
	rest, ok := bytes.CutPrefix(head, []byte(savedMagic))
	if !ok {
		return h, nil, 0, fmt.Errorf("it does not begin with %q: %w", savedMagic, ErrSaved)
	}
	if v := binary.LittleEndian.Uint32(rest); v != savedVersion {
		return h, nil, 0, fmt.Errorf("version %d, this engine reads %d: %w", v, savedVersion, ErrSaved)
	}
	if _, err := binary.Decode(rest[4:], binary.LittleEndian, &h); err != nil {
		return h, nil, 0, err
	}
	n := 4 * (int64(h.Tokens) + int64(h.Logits))
	if n+4 > size-fixed {
		return h, nil, 0, fmt.Errorf("%d tokens and %d logits in %d bytes: %w", h.Tokens, h.Logits, size, ErrSaved)
	}
	all := append(head, make([]byte, n+4)...)
	if k, err := r.ReadAt(all[fixed:], fixed); k < int(n+4) {
		return h, nil, 0, err
	}
	if want := binary.LittleEndian.Uint32(all[fixed+n:]); want != checksum(all[:fixed+n]) {
		return h, nil, 0, fmt.Errorf("the checksum of the tokens is wrong: %w", ErrSaved)
	}
	return h, all[fixed : fixed+n], fixed + n + 4, nil
}

// checkSaved says why a saved session can't be this model's.
func (m *Model) checkSaved(h savedHead, body []byte, opt *SessionOptions) error {
	id, err := m.identity()
	vocab := m.net.Vocab()
	switch {
	case err != nil:
		return err
	case h.Model != id:
		return fmt.Errorf("it was saved with another model, or another form of its attention: %w", ErrSaved)
	case h.Cache > uint32(CacheQ4):
		return fmt.Errorf("its cache is of type %d: %w", h.Cache, ErrSaved)
	case h.Cache != uint32(opt.Cache):
		return fmt.Errorf("its cache is of type %v, not %v: %w", CacheType(h.Cache), opt.Cache, ErrSaved)
	case h.Context < 1 || h.Context > MaxContext || h.Cached > h.Context || h.Cached > h.Tokens || h.Tokens > h.Context+1:
		return fmt.Errorf("%d tokens, %d of them cached, in a context of %d: %w", h.Tokens, h.Cached, h.Context, ErrSaved)
	case h.Logits != 0 && h.Logits != uint32(vocab):
		return fmt.Errorf("%d logits of a vocabulary of %d: %w", h.Logits, vocab, ErrSaved)
	}
	for i := range int(h.Tokens) {
		if id := binary.LittleEndian.Uint32(body[4*i:]); id >= uint32(vocab) {
			return fmt.Errorf("token %d is %d, the vocabulary has %d: %w", i, int32(id), vocab, ErrSaved)
		}
	}
	return nil
}

// restore gives a new session what was saved beside the cache.
func (s *Session) restore(h savedHead, body []byte) {
	for i := range int(h.Tokens) {
		s.tokens = append(s.tokens, int32(binary.LittleEndian.Uint32(body[4*i:])))
	}
	if body = body[4*h.Tokens:]; h.Logits > 0 {
		s.logits, s.valid = make([]float32, h.Logits), true
		for i := range s.logits {
			s.logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
	}
}
