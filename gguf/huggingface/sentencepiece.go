package huggingface

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
)

// sentencePiece is a model of SentencePiece: tokenizer.model, a message of protocol buffers.
type sentencePiece struct {
	pieces      []token // kinds are numbered as in the GGUF file
	unigram     bool
	charsmap    []byte
	dummyPrefix bool
	extraSpaces bool // removes them
}

// Fields of the message.
const (
	fieldPieces     = 1
	fieldTrainer    = 2
	fieldNormalizer = 3
)

// readSentencePiece reads a model.
func readSentencePiece(dir fs.FS, name string) (*sentencePiece, error) {
	raw, err := readFile(dir, name)
	if err != nil {
		return nil, err
	}
	// The defaults of the format.
	s := &sentencePiece{unigram: true, dummyPrefix: true, extraSpaces: true}
	err = fields(raw, func(field int, n uint64, b []byte) error {
		switch field {
		case fieldPieces:
			return s.piece(b)
		case fieldTrainer:
			return fields(b, func(field int, n uint64, _ []byte) error {
				if field == 3 { // model_type
					s.unigram = n == 1
				}
				return nil
			})
		case fieldNormalizer:
			return s.normalizer(b)
		}
		return nil
	})
	if err == nil && len(s.pieces) == 0 {
		err = fmt.Errorf("no pieces")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrFolder, err)
	}
	return s, nil
}

// piece adds a piece: text, score and kind.
func (s *sentencePiece) piece(b []byte) error {
	t := token{kind: kindNormal}
	err := fields(b, func(field int, n uint64, b []byte) error {
		switch field {
		case 1:
			t.text = string(b)
		case 2:
			t.score = math.Float32frombits(uint32(n))
		case 3:
			t.kind = int32(min(n, math.MaxInt32))
		}
		return nil
	})
	if t.kind == kindUserDefined || t.kind < kindNormal || t.kind > kindByte {
		t.kind = kindNormal // as the script has it
	}
	s.pieces = append(s.pieces, t)
	return err
}

// normalizer takes what is done to text first.
func (s *sentencePiece) normalizer(b []byte) error {
	return fields(b, func(field int, n uint64, b []byte) error {
		switch field {
		case 2:
			s.charsmap = b
		case 3:
			s.dummyPrefix = n != 0
		case 4:
			s.extraSpaces = n != 0
		}
		return nil
	})
}

// fields calls f with each field of a message: its number, and its value as a number or as bytes.
func fields(raw []byte, f func(field int, n uint64, b []byte) error) error {
	for at := 0; at < len(raw); {
		tag, k := binary.Uvarint(raw[at:])
		if k <= 0 {
			return fmt.Errorf("offset %d: no field", at)
		}
		at += k
		var n uint64
		var b []byte
		rest := len(raw) - at
		switch tag & 7 {
		case 0:
			if n, k = binary.Uvarint(raw[at:]); k <= 0 {
				return fmt.Errorf("offset %d: no number", at)
			}
			at += k
		case 1:
			if rest < 8 {
				return fmt.Errorf("offset %d: the message ends", at)
			}
			n = binary.LittleEndian.Uint64(raw[at:])
			at += 8
		case 5:
			if rest < 4 {
				return fmt.Errorf("offset %d: the message ends", at)
			}
			n = uint64(binary.LittleEndian.Uint32(raw[at:]))
			at += 4
		case 2:
			size, k := binary.Uvarint(raw[at:])
			if k <= 0 || size > uint64(rest-k) {
				return fmt.Errorf("offset %d: a field of %d bytes, %d are left", at, size, rest)
			}
			b = raw[at+k:][:size]
			at += k + int(size)
		default:
			return fmt.Errorf("offset %d: a field of kind %d", at, tag&7)
		}
		if err := f(int(min(tag>>3, math.MaxInt32)), n, b); err != nil {
			return err
		}
	}
	return nil
}
