package weights

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// archive is a zip archive in memory. archive/zip of the standard library allocates more for a
// directory of many entries than the promise about files in package ir allows.
type archive struct {
	b       []byte
	m       *ir.Meter
	names   []string // in order
	entries map[string]entry
}

// entry is a file of an archive.
type entry struct {
	method       int
	packed, size uint32
	offset       uint32 // of its own header
}

const (
	endBytes     = 22 // of the record at the end of an archive
	centralBytes = 46 // of a directory's entry, without its name
	localBytes   = 30 // of a file's header, without its name
	longComment  = 1<<16 - 1
	entryBytes   = 160 // what an entry costs in memory
)

// isZip tells whether a file begins as an archive does.
func isZip(b []byte) bool { return bytes.HasPrefix(b, []byte("PK\x03\x04")) }

// openZip reads an archive's directory.
func openZip(b []byte, m *ir.Meter) (*archive, error) {
	tail := b[max(0, len(b)-endBytes-longComment):]
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < endBytes {
		return nil, ir.Damaged("an archive without its directory: was it copied whole?")
	}
	end := tail[i:]
	count := int(binary.LittleEndian.Uint16(end[10:]))
	size, offset := binary.LittleEndian.Uint32(end[12:]), binary.LittleEndian.Uint32(end[16:])
	if uint64(offset)+uint64(size) > uint64(len(b)) {
		return nil, ir.Damaged("an archive whose directory is outside of it, or which is larger than 4 GB")
	}
	a := &archive{b: b, m: m, entries: map[string]entry{}}
	for at := b[offset : uint64(offset)+uint64(size)]; count > 0; count-- {
		if len(at) < centralBytes || string(at[:4]) != "PK\x01\x02" {
			return nil, ir.Damaged("the archive's directory ends early")
		}
		u16 := func(i int) int { return int(binary.LittleEndian.Uint16(at[i:])) }
		name, rest := u16(28), u16(30)+u16(32)
		if len(at) < centralBytes+name+rest {
			return nil, ir.Damaged("the archive's directory ends early")
		}
		if err := m.Take(int64(entryBytes + name)); err != nil {
			return nil, err
		}
		text := string(at[centralBytes : centralBytes+name])
		a.names = append(a.names, text)
		a.entries[text] = entry{
			method: u16(10), packed: binary.LittleEndian.Uint32(at[20:]), size: binary.LittleEndian.Uint32(at[24:]), offset: binary.LittleEndian.Uint32(at[42:]),
		}
		at = at[centralBytes+name+rest:]
	}
	return a, nil
}

// read returns a file's bytes: where they are, if they are not compressed.
func (a *archive) read(name string) ([]byte, error) {
	e, ok := a.entries[name]
	if !ok {
		return nil, ir.Damaged("the archive has no file %q", name)
	}
	from := uint64(e.offset)
	if from+localBytes > uint64(len(a.b)) || string(a.b[from:from+4]) != "PK\x03\x04" {
		return nil, ir.Damaged("file %q of the archive is not where its directory says", name)
	}
	head := a.b[from:]
	from += localBytes + uint64(binary.LittleEndian.Uint16(head[26:])) + uint64(binary.LittleEndian.Uint16(head[28:]))
	if from+uint64(e.packed) > uint64(len(a.b)) {
		return nil, ir.Damaged("file %q of the archive is outside of it", name)
	}
	packed := a.b[from : from+uint64(e.packed)]
	switch e.method {
	case 0:
		if e.packed != e.size {
			return nil, ir.Damaged("file %q of the archive has two sizes, %d and %d", name, e.packed, e.size)
		}
		return packed, nil
	case 8:
		return a.inflate(name, packed, int64(e.size))
	}
	return nil, ir.Damaged("file %q of the archive is compressed by method %d", name, e.method)
}

// inflate unpacks a file.
func (a *archive) inflate(name string, packed []byte, size int64) ([]byte, error) {
	const window = 64 << 10 // of what unpacks
	if err := a.m.Take(size + window); err != nil {
		return nil, err
	}
	r := flate.NewReader(bytes.NewReader(packed))
	out := make([]byte, size)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, ir.Damaged("file %q of the archive: %v", name, err)
	}
	var more [1]byte
	if n, err := r.Read(more[:]); n > 0 || err != io.EOF {
		return nil, ir.Damaged("file %q of the archive is longer than its directory says", name)
	}
	return out, nil
}
