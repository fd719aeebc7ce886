package safetensors

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// checksumsKey is the metadata that Write adds: CRC-32C checksums in
// hexadecimal, the first that of the header, see headSum, the others those of the
// tensors' data, in its order. Other readers of the format take it for one more
// string; a file without it is not checked.
const checksumsKey = "crc32c"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// headSum is the checksum of what a header says: the keys, sorted, and values of
// the metadata but for the checksums, then the tensors' names, types and shapes, in
// the order of their data, each of these strings followed by a zero byte.
type headSum struct {
	sum uint32
	buf []byte // room
}

func (s *headSum) metadata(meta map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if key != checksumsKey {
			s.add(key)
			s.add(meta[key])
		}
	}
}

// tensor adds a tensor; its shape is written as [2 3].
func (s *headSum) tensor(name string, t DType, shape []int) {
	s.add(name)
	s.add(string(t))
	b := append(s.buf[:0], '[')
	for i, d := range shape {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	s.update(append(b, ']', 0))
}

func (s *headSum) add(text string) {
	for ; len(text) > chunk; text = text[chunk:] {
		s.update(append(s.buf[:0], text[:chunk]...))
	}
	s.update(append(append(s.buf[:0], text...), 0))
}

func (s *headSum) update(b []byte) {
	s.sum, s.buf = crc32.Update(s.sum, castagnoli, b), b
}

// withChecksums returns meta with the checksums of itself and of tensors, which are in the order of
// the file and can be written. Their values go through buf.
func withChecksums(meta map[string]string, tensors []*Tensor, buf []byte) map[string]string {
	var head headSum
	head.metadata(meta)
	var data strings.Builder
	for _, t := range tensors {
		head.tensor(t.Name, t.DType, t.Shape)
		sum := crc32.New(castagnoli)
		t.write(sum, buf) // a sum returns no error
		fmt.Fprintf(&data, " %08x", sum.Sum32())
	}
	all := map[string]string{}
	maps.Copy(all, meta)
	all[checksumsKey] = fmt.Sprintf("%08x%s", head.sum, data.String())
	return all
}

// takeChecksums moves the checksums from the metadata to the tensors, which are in the order of the
// file, and checks the header.
func (f *File) takeChecksums() error {
	text, ok := f.Meta[checksumsKey]
	if !ok {
		return nil
	}
	delete(f.Meta, checksumsKey)
	if have := 1 + strings.Count(text, " "); have != 1+len(f.Tensors) {
		return bad("%d checksums for a header and %d tensors", have, len(f.Tensors))
	}
	want, text, err := cutChecksum(text)
	if err != nil {
		return err
	}
	var head headSum
	head.metadata(f.Meta)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		head.tensor(t.Name, t.DType, t.Shape)
		if t.checksum, text, err = cutChecksum(text); err != nil {
			return err
		}
		t.checked = true
	}
	if head.sum != want {
		return damaged("the header", head.sum, want)
	}
	return nil
}

// cutChecksum takes the first of a list of checksums.
func cutChecksum(text string) (sum uint32, rest string, err error) {
	first, rest, _ := strings.Cut(text, " ")
	n, err := strconv.ParseUint(first, 16, 32)
	if err != nil {
		return 0, "", bad("checksum %q", clip(first))
	}
	return uint32(n), rest, nil
}

// check returns an error if sum is not the checksum that the file gives of t's data.
func (t Info) check(sum uint32) error {
	if t.checked && sum != t.checksum {
		return damaged(fmt.Sprintf("tensor %q", t.Name), sum, t.checksum)
	}
	return nil
}

func damaged(what string, sum, want uint32) error {
	return bad("%s is damaged, or was changed and the metadata %q was not: checksum %08x, want %08x", what, checksumsKey, sum, want)
}
