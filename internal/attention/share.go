package attention

import (
	"slices"
	"sync/atomic"
)

// Chunks of a store may be shared with its forks. Who writes takes a copy of his own first; a chunk that is shared is
// never written. Bytes that several stores share are counted once, in a Meter.

// Meter counts the bytes of the chunks and rings of stores.
type Meter struct{ n atomic.Int64 }

// Bytes returns how many there are.
func (m *Meter) Bytes() int64 { return m.n.Load() }

func (m *Meter) add(n int) {
	if m != nil {
		m.n.Add(int64(n))
	}
}

// UseMeter makes a new store count its bytes, until Release.
func (s *Store) UseMeter(m *Meter) {
	s.meter = m
	m.add(s.Bytes())
}

// Fork returns a store with the first n tokens of s, which share memory until one of the two writes. Passes of neither
// are under way.
func (s *Store) Fork(n int) *Store {
	k := (n + s.size - 1) / s.size
	f := &Store{layer: s.layer, format: s.format, size: s.size, meter: s.meter, recent: s.recent.fork(), rope: s.rope, balanced: s.balanced}
	f.chunks, f.users = slices.Clone(s.chunks[:k]), slices.Clone(s.users[:k])
	if s.codes != nil {
		f.codes = slices.Clone(s.codes[:k])
	}
	for _, u := range f.users {
		u.Add(1)
	}
	s.meter.add(f.recent.bytes(s.layer))
	return f
}

// Release gives the memory back. The store is empty afterwards, and is not used any more.
func (s *Store) Release() {
	for i := range s.users {
		s.drop(i)
	}
	s.meter.add(-s.recent.bytes(s.layer))
	s.chunks, s.codes, s.users, s.meter = nil, nil, nil, nil
}

// drop says that the store has no use for chunk i any more.
func (s *Store) drop(i int) {
	if s.users[i].Add(-1) == 0 {
		s.meter.add(-s.chunkBytes())
	}
}

// chunkBytes is the size of a chunk.
func (s *Store) chunkBytes() int { return s.size * s.layer.RowBytes(s.format) }

// Growth returns how many bytes more the store takes when tokens pos … pos+n-1 are appended: chunks that it lacks or
// shares.
func (s *Store) Growth(pos, n int) int {
	count := 0
	for i := s.firstWritten(pos) / s.size; i*s.size < pos+n; i++ {
		if i >= len(s.chunks) || s.users[i].Load() > 1 {
			count++
		}
	}
	return count * s.chunkBytes()
}

// firstWritten returns the first position that a pass from pos on may write: rows of tokens that become compressed lie
// before it.
func (s *Store) firstWritten(pos int) int {
	if s.recent != nil {
		return min(pos, s.recent.made, s.recent.due)
	}
	return pos
}

// own makes the chunks that a pass of n tokens from pos on may write the store's own.
func (s *Store) own(pos, n int) {
	for i := s.firstWritten(pos) / s.size; i < len(s.chunks) && i*s.size < pos+n; i++ {
		if s.users[i].Load() == 1 {
			continue
		}
		s.chunks[i] = slices.Clone(s.chunks[i])
		if s.codes != nil {
			s.codes[i] = slices.Clone(s.codes[i])
		}
		s.drop(i)
		s.addUser(i)
	}
}

// addUser counts a new chunk i.
func (s *Store) addUser(i int) {
	u := new(atomic.Int32)
	u.Store(1)
	if i == len(s.users) {
		s.users = append(s.users, u)
	} else {
		s.users[i] = u
	}
	s.meter.add(s.chunkBytes())
}

// fork returns a copy; r may be nil.
func (r *recentRing) fork() *recentRing {
	if r == nil {
		return nil
	}
	return &recentRing{ring: r.ring.clone(), first: r.first.clone(), mark: r.mark.clone(), made: r.made, due: r.due}
}
