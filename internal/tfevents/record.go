package tfevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrFormat is what the errors of a damaged file wrap.
var ErrFormat = errors.New("damaged event file")

// mostBytes is the length of the longest record that is read.
const mostBytes = 64 << 20

// masked is the checksum of a record's parts:
//
//	rotate right(CRC-32C, 15) + 0xa282ead8
//
// Package crc32 makes the table once, when it is first asked for: as a variable it would cost
// every start of a program 0.2 ms.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord appends data as a record.
func appendRecord(dst, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, masked(dst[at:]))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, masked(data))
}

// readRecord returns the data of the next record. At the end of r it returns io.EOF; the error
// of a record that is cut short or has a wrong checksum wraps ErrFormat.
func readRecord(r io.Reader) ([]byte, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, short(err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if masked(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, fmt.Errorf("tfevents: %w: wrong checksum of a record's length", ErrFormat)
	}
	if n > mostBytes {
		return nil, fmt.Errorf("tfevents: %w: a record of %d bytes, want at most %d", ErrFormat, n, mostBytes)
	}
	// Grown as it is read: a length that lies costs no memory.
	data, err := io.ReadAll(io.LimitReader(r, int64(n)+4))
	if err != nil {
		return nil, fmt.Errorf("tfevents: %w", err)
	}
	if uint64(len(data)) != n+4 {
		return nil, short(io.ErrUnexpectedEOF)
	}
	sum := binary.LittleEndian.Uint32(data[n:])
	if data = data[:n]; masked(data) != sum {
		return nil, fmt.Errorf("tfevents: %w: wrong checksum of a record", ErrFormat)
	}
	return data, nil
}

func short(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("tfevents: %w: a record is cut short", ErrFormat)
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("tfevents: %w", err)
}
