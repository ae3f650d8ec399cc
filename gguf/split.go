package gguf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// Keys of a split model, in each of its files, as llama.cpp's gguf-split writes them.
const (
	splitKeys       = "split."              // what they begin with
	splitNoKey      = "split.no"            // u16, from 0
	splitCountKey   = "split.count"         // u16
	splitTensorsKey = "split.tensors.count" // i32, of all files together
)

// splitInfo is what a file says about its place in a split model; count is 0 or 1 for a model in one file.
type splitInfo struct{ no, count, tensors uint64 }

// split reads the split keys of a part. A file without them, or with a count of 0 or 1, is a model by itself whatever
// its name. Errors: ErrNoKey or ErrKind for a key that is missing or mistyped, ErrSplit for numbers that cannot be.
func (p *part) split() (s splitInfo, err error) {
	one := &File{name: p.name, parts: []*part{p}}
	if !one.Has(splitCountKey) {
		return s, nil
	}
	if s.count, err = one.Uint(splitCountKey); err != nil || s.count <= 1 {
		return s, err
	}
	if s.no, err = one.Uint(splitNoKey); err != nil {
		return s, err
	}
	if s.tensors, err = one.Uint(splitTensorsKey); err != nil {
		return s, err
	}
	if s.no >= s.count || s.count > maxParts {
		return s, p.splitError("%s is %d, %s is %d", splitNoKey, s.no, splitCountKey, s.count)
	}
	return s, nil
}

// splitError makes an ErrSplit about the file p.
func (p *part) splitError(format string, args ...any) error {
	return fmt.Errorf("gguf: %s: %w: %s", p.name, ErrSplit, fmt.Sprintf(format, args...))
}

// openSplit returns all parts of the model that opened belongs to, itself if it is the whole, the others by openPart.
// On error all are closed.
func openSplit(opened *part, openPart func(name string) (*part, error)) (parts []*part, err error) {
	parts = []*part{opened}
	defer func() {
		if err != nil {
			for _, p := range parts {
				err = errors.Join(err, p.close())
			}
			parts = nil
		}
	}()
	s, err := opened.split()
	if err != nil || s.count <= 1 {
		return parts, err
	}
	prefix, err := opened.splitPrefix(s)
	if err != nil {
		return parts, err
	}
	all := make([]*part, 0, 8)
	for no := range s.count {
		p := opened
		if no != s.no {
			if p, err = openPart(fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, s.count)); err != nil {
				return parts, fmt.Errorf("open part %d of %d: %w: %w", no+1, s.count, ErrSplit, err)
			}
			if err = p.checkSibling(no, s); err != nil {
				return parts, err
			}
			parts = append(parts, p)
		}
		all = append(all, p)
	}
	if err = checkTensorCount(all, s); err != nil {
		return parts, err
	}
	return all, nil
}

// splitPrefix takes the path of a part apart, which must say the same as its metadata, and returns what stands before
// "-00001-of-00003.gguf". Siblings are found by this alone, so no content of a file can lead to another folder.
func (p *part) splitPrefix(s splitInfo) (string, error) {
	dir, base := filepath.Split(p.name)
	name, no, count, ok := cutSplitName(base)
	if !ok {
		return "", p.splitError("part %d of %d is not named NAME-%05d-of-%05d.gguf", s.no+1, s.count, s.no+1, s.count)
	}
	if no != s.no+1 || count != s.count {
		return "", p.splitError("the name says part %d of %d, the metadata part %d of %d", no, count, s.no+1, s.count)
	}
	return dir + name, nil
}

// cutSplitName takes a file name NAME-00001-of-00003.gguf apart.
func cutSplitName(base string) (name string, no, count uint64, ok bool) {
	const end = "-00001-of-00003.gguf"
	name, rest := base[:max(0, len(base)-len(end))], base[max(0, len(base)-len(end)):]
	if name == "" || rest[:1] != "-" || rest[6:10] != "-of-" || rest[15:] != ".gguf" {
		return "", 0, 0, false
	}
	no, errNo := digits(rest[1:6])
	count, errCount := digits(rest[10:15])
	return name, no, count, errNo == nil && errCount == nil
}

// digits reads a number of nothing but digits.
func digits(s string) (uint64, error) { return strconv.ParseUint(s, 10, 32) }

// checkSibling checks that p is part no (from 0) of the split that want is about. Its error matches ErrSplit, or says
// what is wrong with p's keys; p is closed then.
func (p *part) checkSibling(no uint64, want splitInfo) error {
	s, err := p.split()
	if err == nil && (s.no != no || s.count != want.count || s.tensors != want.tensors) {
		err = p.splitError("the file says part %d of %d with %d tensors, expected part %d of %d with %d",
			s.no+1, s.count, s.tensors, no+1, want.count, want.tensors)
	}
	if err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

// checkTensorCount holds the number of tensors in all parts against the metadata.
func checkTensorCount(parts []*part, s splitInfo) error {
	var n uint64
	for _, p := range parts {
		n += uint64(len(p.tensors))
	}
	if n != s.tensors {
		return parts[0].splitError("%s is %d, the %d files have %d tensors", splitTensorsKey, s.tensors, s.count, n)
	}
	return nil
}
