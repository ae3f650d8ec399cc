package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/lists"
)

// The states of a sequence in a file, little-endian:
//
//	u32 layers, u32 length, u32 0, then per layer u32 count and that many i64 (attention.Saved.Numbers), CRC-32C of it as u32
//	per layer the bytes of its parts, one behind the other, and their CRC-32C as u32
//
// The sizes of the parts follow from the model, the cache's format and the length.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrSaved is wrapped by errors about what a file of a sequence holds.
var ErrSaved = errors.New("not a usable saved session")

// Save writes the sequence's states. No pass of it is under way.
func (s *Sequence) Save(w io.Writer) error {
	if !attention.LittleEndian {
		return fmt.Errorf("sessions are saved on little-endian machines only: %w", ErrUnsupported)
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(s.states)))
	head = binary.LittleEndian.AppendUint32(head, uint32(s.length))
	head = binary.LittleEndian.AppendUint32(head, 0) // marks are not kept
	saved := make([]attention.Saved, len(s.states))
	for i, st := range s.states {
		if st != nil {
			saved[i] = st.Save(s.length)
		}
		head = binary.LittleEndian.AppendUint32(head, uint32(len(saved[i].Numbers)))
		for _, n := range saved[i].Numbers {
			head = binary.LittleEndian.AppendUint64(head, uint64(n))
		}
	}
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, v := range saved {
		sum := uint32(0)
		for _, p := range v.Parts {
			sum = crc32.Update(sum, castagnoli, p)
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		if _, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum)); err != nil {
			return err
		}
	}
	return nil
}

// Load reads at offset at of r what Save wrote of length tokens into an empty sequence; the states end at size. Errors
// wrap ErrSaved or are r's; the sequence is not used any more then.
func (s *Sequence) Load(length int, r io.ReaderAt, at, size int64) error {
	if !attention.LittleEndian {
		return fmt.Errorf("sessions are loaded on little-endian machines only: %w", ErrUnsupported)
	}
	if need := int64(length) * int64(s.model.CacheSize(s.format).Token); need > size-at {
		return fmt.Errorf("%d tokens take %d bytes, there are %d: %w", length, need, size-at, ErrSaved)
	}
	section, sum := io.NewSectionReader(r, at, size-at), crc32.New(castagnoli)
	head := io.TeeReader(section, sum)
	var fixed [3]uint32
	if err := read(head, &fixed); err != nil {
		return err
	}
	if int(fixed[0]) != len(s.states) || int(fixed[1]) != length || int64(fixed[2]) > int64(length) {
		const format = "%d layers, %d tokens, %d marked; want %d, %d, and no more than that: %w"
		return fmt.Errorf(format, fixed[0], fixed[1], fixed[2], len(s.states), length, ErrSaved)
	}
	s.length = length
	layers := make([][]int64, len(s.states))
	for i := range s.states {
		var count uint32
		if err := read(head, &count); err != nil {
			return err
		}
		numbers := make([]int64, min(count, 16))
		if err := read(head, numbers); err != nil {
			return err
		}
		layers[i] = numbers
	}
	var want uint32
	if err := read(section, &want); err != nil {
		return err
	}
	if want != sum.Sum32() {
		return fmt.Errorf("the checksum of the layers' numbers is wrong: %w", ErrSaved)
	}
	done, _ := section.Seek(0, io.SeekCurrent)
	parts := make([][][]byte, len(s.states))
	if err := lists.Each(s.model.Workers(), len(parts), func(i int) (err error) {
		if st := s.states[i]; st != nil {
			if parts[i], err = st.Unsaved(length, layers[i]); err != nil {
				err = fmt.Errorf("layer %d: %w: %w", i, err, ErrSaved)
			}
		}
		return err
	}); err != nil {
		return err
	}
	return s.model.readParts(parts, r, at+done, size)
}

// readParts reads the layers' parts, several layers at the same time, and checks that they end at size.
func (m *Model) readParts(layers [][][]byte, r io.ReaderAt, at, size int64) error {
	offsets := make([]int64, len(layers)+1)
	offsets[0] = at
	for i, parts := range layers {
		n := int64(4)
		for _, p := range parts {
			n += int64(len(p))
		}
		offsets[i+1] = offsets[i] + n
	}
	if end := offsets[len(layers)]; end != size {
		return fmt.Errorf("the states end at byte %d, the file at %d: %w", end, size, ErrSaved)
	}
	return lists.Each(m.Workers(), len(layers), func(i int) error {
		if err := readLayer(layers[i], r, offsets[i]); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		return nil
	})
}

func readLayer(parts [][]byte, r io.ReaderAt, at int64) error {
	sum := uint32(0)
	for _, p := range parts {
		for len(p) > 0 { // in pieces that stay in the cache until they are summed up
			n := min(len(p), 256<<10)
			if k, err := r.ReadAt(p[:n], at); k < n {
				return short(err)
			}
			sum = crc32.Update(sum, castagnoli, p[:n])
			p, at = p[n:], at+int64(n)
		}
	}
	var want [4]byte
	if k, err := r.ReadAt(want[:], at); k < len(want) {
		return short(err)
	}
	if got := binary.LittleEndian.Uint32(want[:]); got != sum {
		return fmt.Errorf("checksum at byte %d is %08x, the data's %08x: %w", at, got, sum, ErrSaved)
	}
	return nil
}

// read reads little-endian numbers.
func read(r io.Reader, v any) error {
	if err := binary.Read(r, binary.LittleEndian, v); err != nil {
		return short(err)
	}
	return nil
}

// short makes of an end that comes too soon an error of what the file holds.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends too soon: %w", ErrSaved)
	}
	return err
}
