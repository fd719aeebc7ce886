package safetensors

import (
	"cmp"
	"slices"
)

// What a header may hold at most, so that reading it takes no more memory than twice its size and
// a megabyte. Files of other programs stay far below.
const (
	maxHeader = 100_000_000 // bytes: the format's own limit
	maxName   = 1 << 12     // bytes of a tensor's name or of a key
	maxDims   = 32          // dimensions of a tensor
	maxMeta   = 1 << 12     // keys of the metadata
)

// parse reads the header that the scanner's source holds, of which tally has counted the tensors.
func (f *File) parse(s *scanner, t tally) error {
	s.longest = t.longest
	f.Tensors = make([]Info, 0, t.tensors)
	dims := make([]int, 0, t.dims)
	metadataSeen := false
	s.members(maxName, func(key []byte) bool {
		if string(key) != metadata {
			return f.parseTensor(s, string(key), &dims)
		}
		if metadataSeen {
			s.fail("%q twice", metadata)
		}
		metadataSeen = true
		return f.parseMeta(s)
	})
	if s.err == nil && s.next() != 0 {
		s.fail("data after its object")
	}
	return s.err
}

func (f *File) parseMeta(s *scanner) bool {
	return s.members(maxName, func(key []byte) bool {
		k := string(key)
		if _, taken := f.Meta[k]; taken {
			s.fail("metadata %q twice", clip(k))
		}
		if len(f.Meta) == maxMeta {
			s.fail("more than %d entries of metadata", maxMeta)
		}
		if c := s.next(); c != '"' {
			s.fail("metadata %q is no string", clip(k))
		}
		if !s.string(maxHeader) {
			return false
		}
		f.Meta[k] = string(s.text)
		if cap(s.text) > 2*window { // garbage, rather than room for a short one
			s.text = nil
		}
		return true
	})
}

// The fields of a tensor, all of which it must have.
const (
	hasType = 1 << iota
	hasShape
	hasOffsets
	hasAll = 1<<iota - 1
)

// parseTensor reads the description of one tensor. Shapes go to dims.
func (f *File) parseTensor(s *scanner, name string, dims *[]int) bool {
	t := Info{Name: name}
	var room [2]int
	offsets := room[:0]
	has := 0
	ok := s.members(maxName, func(field []byte) bool {
		bit, ok := 0, false
		switch string(field) {
		case "dtype":
			bit, ok = hasType, s.string(maxName)
			t.DType = dtypeOf(s.text)
		case "shape":
			at := len(*dims)
			bit = hasShape
			*dims, ok = s.counts(*dims, maxDims)
			t.Shape = (*dims)[at:len(*dims):len(*dims)]
		case "data_offsets":
			bit = hasOffsets
			offsets, ok = s.counts(offsets, len(room))
		default:
			s.fail("unknown field %q", clip(string(field)))
		}
		if has&bit != 0 {
			s.fail("%q twice", field)
		}
		has |= bit
		return ok && s.err == nil
	})
	if !ok {
		return false
	}
	elem := t.DType.Size()
	n, fits := length(t.Shape, max(1, elem))
	switch {
	case has != hasAll:
		s.fail("tensor %q: dtype, shape or data_offsets is missing", clip(name))
	case elem == 0:
		s.fail("tensor %q: unknown type %q", clip(name), clip(string(t.DType)))
	case !fits:
		s.fail("tensor %q: bad shape %v", clip(name), t.Shape)
	case len(offsets) != 2 || offsets[1] < offsets[0] || offsets[1]-offsets[0] != n*elem:
		s.fail("tensor %q: bytes %v for %s %v", clip(name), offsets, t.DType, t.Shape)
	default:
		t.offset, t.size = int64(offsets[0]), int64(n*elem)
		f.Tensors = append(f.Tensors, t)
	}
	return s.err == nil
}

// dtypeOf is the type of a name, without a copy of one that is known.
func dtypeOf(name []byte) DType {
	for _, t := range []DType{F32, F16, I64, I32, I8, U8} {
		if string(name) == string(t) {
			return t
		}
	}
	return DType(name)
}

// clip is the beginning of a name, for messages.
func clip(name string) string {
	if len(name) > 64 {
		return name[:61] + "..."
	}
	return name
}

// tally is how many tensors a header may have, and how many dimensions these together: what its
// brackets and commas allow for.
type tally struct {
	tensors, dims int64
	longest       int // string, as it is written
}

// What a tensor takes in memory: its Info, its place in File.byName, and a short name; and each of
// its dimensions.
const (
	tensorBytes = 80 + 4 + 16
	dimBytes    = 8
)

// check returns an error if what the header of n bytes lists takes more memory than it may.
func (t tally) check(n int64) error {
	if t.tensors*tensorBytes+t.dims*dimBytes > 2*n+1<<20 {
		return bad("header: %d bytes cannot describe %d tensors of %d dimensions together", n, t.tensors, t.dims)
	}
	return nil
}

// tally counts what is in the header that the scanner's source holds, and refuses what no header
// has. Whether it is JSON beside that does not matter here.
func (s *scanner) tally() (t tally, err error) {
	depth, list := 0, false
	for s.more() {
		for s.i < len(s.b) && s.err == nil {
			c := s.b[s.i]
			switch c {
			case '"':
				t.longest = max(t.longest, s.skip())
				continue
			case '{':
				if depth++; depth == 2 {
					t.tensors++
				}
			case '}':
				depth--
			case '[':
				if list {
					s.fail("a list in a list")
				}
				list = true
				t.dims++
			case ']':
				list = false
			case ',':
				if list {
					t.dims++
				}
			}
			if depth < 0 || depth > 2 || c < '\t' {
				s.fail("unexpected %q", c)
			}
			s.i++
		}
	}
	t.dims = max(0, t.dims-2*t.tensors) // data_offsets
	return t, s.err
}

// skip takes a string unseen, and returns how long it is.
func (s *scanner) skip() (length int) {
	s.i++
	for s.more() {
		from, b := s.i, s.b
		i := from
		for i < len(b) && b[i] != '"' && b[i] != '\\' {
			i++
		}
		length += i - from
		if s.i = i; i == len(b) {
			continue
		}
		s.i++
		if b[i] == '"' {
			break
		}
		if length++; s.more() { // the escaped byte
			s.i++
		}
	}
	return length
}

// index sorts the tensors' names, which must differ.
func (f *File) index() error {
	f.byName = make([]int32, len(f.Tensors))
	for i := range f.byName {
		f.byName[i] = int32(i)
	}
	slices.SortFunc(f.byName, func(a, b int32) int { return cmp.Compare(f.Tensors[a].Name, f.Tensors[b].Name) })
	for i := 1; i < len(f.byName); i++ {
		if name := f.Tensors[f.byName[i]].Name; name == f.Tensors[f.byName[i-1]].Name {
			return bad("header: %q twice", clip(name))
		}
	}
	return nil
}
