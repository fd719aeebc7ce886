package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io"
)

// signature begins a PNG file.
const signature = "\x89PNG\r\n\x1a\n"

// WriteAPNG writes the frames as an animated PNG that repeats for ever and shows each for delay
// hundredths of a second. Unlike a GIF it keeps every color. All frames are as large as the first
// and of its kind: gray, color, or color with transparency. Programs that know no animation show
// the first. The format is that of the third edition of the PNG specification.
func WriteAPNG(w io.Writer, frames []image.Image, delay int) error {
	files := make([][]byte, len(frames))
	for i, f := range frames {
		var b bytes.Buffer
		if err := WritePNG(&b, f); err != nil {
			return err
		}
		files[i] = b.Bytes()
	}
	return JoinPNG(w, files, delay)
}

// JoinPNG is WriteAPNG of frames that are PNG files already. It takes their pixels as they are,
// which may be damaged or too few.
func JoinPNG(w io.Writer, files [][]byte, delay int) error {
	if len(files) == 0 {
		return errors.New("picture: an animated PNG of no frames")
	}
	var out apng
	for i, f := range files {
		if err := out.frame(f, len(files), delay); err != nil {
			return fmt.Errorf("picture: frame %d of an animated PNG: %w", i, err)
		}
	}
	out.chunk("IEND", nil)
	_, err := w.Write(out.b)
	return err
}

// apng is a file in the making.
type apng struct {
	b        []byte
	header   []byte // IHDR of the first frame
	sequence uint32 // numbers the chunks of the animation
}

// frame adds a PNG file as the next of so many frames.
func (a *apng) frame(file []byte, frames, delay int) error {
	first := a.header == nil
	rest, ok := bytes.CutPrefix(file, []byte(signature))
	if !ok || len(rest) < 25 || string(rest[4:8]) != "IHDR" || binary.BigEndian.Uint32(rest) != 13 {
		return errors.New("it is no PNG")
	}
	for len(rest) > 0 {
		if len(rest) < 12 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-12) {
			return errors.New("it is cut short")
		}
		n := binary.BigEndian.Uint32(rest)
		kind, data := string(rest[4:8]), rest[8:8+n]
		rest = rest[12+n:]
		switch {
		case kind == "IHDR" && first:
			a.b, a.header = append(a.b, signature...), data
			a.chunk(kind, data)
			a.chunk("acTL", binary.BigEndian.AppendUint32(number(uint32(frames)), 0))
			a.control(delay)
		case kind == "IHDR":
			if !bytes.Equal(data, a.header) {
				return errors.New("its size or its kind of colors is not the first one's")
			}
			a.control(delay)
		case kind == "IDAT" && first:
			a.chunk(kind, data)
		case kind == "IDAT":
			a.chunk("fdAT", append(a.next(), data...))
		case kind == "PLTE" || kind == "tRNS":
			return errors.New("it has a palette, which would be that of all frames")
		}
	}
	return nil
}

// control adds the chunk that begins a frame of the whole picture.
func (a *apng) control(delay int) {
	data := append(a.next(), a.header[:8]...)                     // width and height
	data = append(data, 0, 0, 0, 0, 0, 0, 0, 0)                   // place
	data = binary.BigEndian.AppendUint16(data, uint16(delay))     // of a second,
	data = append(binary.BigEndian.AppendUint16(data, 100), 0, 0) // in hundredths; each frame replaces the one before
	a.chunk("fcTL", data)
}

func (a *apng) next() []byte {
	b := number(a.sequence)
	a.sequence++
	return b
}

func number(x uint32) []byte { return binary.BigEndian.AppendUint32(nil, x) }

// chunk adds a chunk: length, kind, data, and the checksum of the last two.
func (a *apng) chunk(kind string, data []byte) {
	a.b = append(a.b, number(uint32(len(data)))...)
	at := len(a.b)
	a.b = append(append(a.b, kind...), data...)
	a.b = append(a.b, number(crc32.ChecksumIEEE(a.b[at:]))...)
}
