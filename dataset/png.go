package dataset

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"hash/crc32"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngChunk is one chunk of a PNG file.
type pngChunk struct {
	name  string
	data  []byte
	whole bool // its checksum is there and right
	cut   bool // the file ends within it
}

// eachPNGChunk calls f for the chunks of a PNG file until it ends or f returns false.
func eachPNGChunk(p []byte, f func(pngChunk) bool) {
	for rest := p[min(len(pngSignature), len(p)):]; len(rest) >= 8; {
		n := uint64(binary.BigEndian.Uint32(rest))
		c := pngChunk{name: string(rest[4:8])}
		end := min(8+n, uint64(len(rest)))
		c.data = rest[8:end]
		if c.cut = uint64(len(rest)) < 8+n+4; !c.cut {
			c.whole = crc32.ChecksumIEEE(rest[4:end]) == binary.BigEndian.Uint32(rest[end:])
			end += 4
		}
		if !f(c) {
			return
		}
		rest = rest[end:]
	}
}

// pngParts are those chunks of a PNG that make its pixels.
type pngParts struct {
	head, palette, transparency []byte // nil where there is none
	pixels                      []io.Reader
}

// repairPNG reads a PNG that the decoder refuses, and returns it in a form that the decoder takes
// if its header is right and all pixels are there: with right checksums, no surplus, no palette
// where none belongs, and an IEND. Where the pixels are not all there, reading ends with
// io.ErrUnexpectedEOF. The reader must be closed.
func repairPNG(p []byte) (io.ReadCloser, error) {
	parts, err := splitPNG(p)
	if err != nil {
		return nil, err
	}
	need, err := pngRawBytes(parts.head)
	if err != nil {
		return nil, err
	}
	compressed := io.MultiReader(parts.pixels...)
	var head [2]byte
	if _, err := io.ReadFull(compressed, head[:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if head[0]&15 != 8 || head[1]&32 != 0 {
		return nil, errors.New("its pixels do not begin as zlib's data")
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(parts.write(w, io.LimitReader(flate.NewReader(compressed), need), need)) }()
	return r, nil
}

func splitPNG(p []byte) (parts pngParts, err error) {
	keep := func(to *[]byte, c pngChunk) {
		switch {
		case c.cut:
			err = io.ErrUnexpectedEOF
		case !c.whole:
			err = errors.New("bad checksum in its " + c.name)
		default:
			*to = c.data
		}
	}
	eachPNGChunk(p, func(c pngChunk) bool {
		switch c.name {
		case "IHDR":
			keep(&parts.head, c)
		case "PLTE":
			keep(&parts.palette, c)
		case "tRNS":
			keep(&parts.transparency, c)
		case "IDAT":
			parts.pixels = append(parts.pixels, bytes.NewReader(c.data))
		case "IEND":
			return false
		}
		return err == nil
	})
	if err == nil && (len(parts.head) != 13 || len(parts.pixels) == 0) {
		err = io.ErrUnexpectedEOF
	}
	return parts, err
}

// pngRawBytes is the length of the filtered rows that a header promises, after decompression.
func pngRawBytes(head []byte) (int64, error) {
	w, h := int64(binary.BigEndian.Uint32(head)), int64(binary.BigEndian.Uint32(head[4:]))
	channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[head[9]]
	bits := channels * int64(head[8])
	const side = 1 << 24
	if bits == 0 || bits > 64 || w == 0 || h == 0 || w > side || h > side {
		return 0, errors.New("bad header")
	}
	pass := func(w, h int64) int64 {
		if w == 0 || h == 0 {
			return 0
		}
		return h * (1 + (w*bits+7)/8)
	}
	if head[12] == 0 {
		return pass(w, h), nil
	}
	// Adam7: first column and row of each pass, and the steps between.
	total := int64(0)
	for _, a := range [7][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		total += pass(max(0, w-a[0]+a[2]-1)/a[2], max(0, h-a[1]+a[3]-1)/a[3])
	}
	return total, nil
}

// write writes the PNG with rows as its pixels, stored without compression.
func (parts *pngParts) write(w io.Writer, rows io.Reader, need int64) error {
	if _, err := io.WriteString(w, pngSignature); err != nil {
		return err
	}
	chunk := func(name string, data []byte) error {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, name...), data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
		_, err := w.Write(b)
		return err
	}
	err := chunk("IHDR", parts.head)
	if kind := parts.head[9]; err == nil && parts.palette != nil && kind != 0 && kind != 4 {
		err = chunk("PLTE", parts.palette)
	}
	if err == nil && parts.transparency != nil {
		err = chunk("tRNS", parts.transparency)
	}
	if err == nil {
		err = chunk("IDAT", []byte{0x78, 0x01})
	}
	sum := adler32.New()
	buf := make([]byte, 1<<15)
	for need > 0 && err == nil {
		p := buf[:min(need, int64(len(buf)))]
		if _, err = io.ReadFull(rows, p); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		sum.Write(p)
		need -= int64(len(p))
		// A stored block: last or not, its length and the complement of that (RFC 1951, 3.2.4).
		block := []byte{0}
		if need == 0 {
			block[0] = 1
		}
		block = binary.LittleEndian.AppendUint16(block, uint16(len(p)))
		block = binary.LittleEndian.AppendUint16(block, ^uint16(len(p)))
		err = chunk("IDAT", append(block, p...))
	}
	if err == nil {
		err = chunk("IDAT", sum.Sum(nil))
	}
	if err == nil {
		err = chunk("IEND", nil)
	}
	return err
}
