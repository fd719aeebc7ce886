package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// pictureHead is what is known of a picture before its pixels are decoded.
type pictureHead struct {
	format  format
	w, h    int
	size    int64 // of the file, bytes
	decoded int64 // bytes that the decoder and the conversion take at most, without the file
}

// notRegular says what a file is that is neither a folder nor an ordinary file; "" if it is one.
// Opening a pipe could wait for ever.
func notRegular(info fs.FileInfo) string {
	switch m := info.Mode(); {
	case m.IsRegular(), m.IsDir():
		return ""
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	default:
		return "no regular file"
	}
}

// readHead reads the beginning of the picture in f. Its error says what the file is.
func readHead(f *os.File) (h pictureHead, err error) {
	info, err := f.Stat()
	if err != nil {
		return h, err
	}
	h.size = info.Size()
	first := make([]byte, sniffLength)
	n, err := f.ReadAt(first, 0)
	if err != nil && err != io.EOF {
		return h, err
	}
	if h.format = sniff(first[:n]); !h.format.decodable() {
		return h, errors.New(string(h.format))
	}
	if h.format == formatJPEG {
		if err := h.readJPEG(f); err != nil {
			return h, err
		}
	} else if err := h.readConfig(f, first); err != nil {
		return h, err
	}
	if h.w <= 0 || h.h <= 0 {
		return h, fmt.Errorf("%s of %dx%d pixels", h.format, h.w, h.h)
	}
	if !h.plausible() {
		return h, fmt.Errorf("%s cut short: %d bytes cannot hold %dx%d pixels", h.format, h.size, h.w, h.h)
	}
	return h, nil
}

// readJPEG looks for the frame header, which large metadata may come before.
func (h *pictureHead) readJPEG(f *os.File) error {
	for n := int64(1 << 16); ; n *= 8 {
		p := make([]byte, min(n, h.size))
		got, err := f.ReadAt(p, 0)
		if err != nil && err != io.EOF {
			return err
		}
		frame, ok := readJPEGFrame(p[:got])
		if ok {
			if why := frame.unsupported(); why != "" {
				return fmt.Errorf("JPEG %s, which is not read here", why)
			}
			h.w, h.h, h.decoded = frame.w, frame.h, frame.decodedBytes()
			return nil
		}
		if int64(len(p)) == h.size || n > 1<<24 {
			return errors.New("JPEG cut short: no frame header")
		}
	}
}

func (h *pictureHead) readConfig(f *os.File, first []byte) error {
	var c image.Config
	var err error
	r := io.NewSectionReader(f, 0, h.size)
	switch h.format {
	case formatPNG:
		c, err = png.DecodeConfig(r)
	case formatGIF:
		c, err = gif.DecodeConfig(r)
	case formatWebP:
		c, err = webp.DecodeConfig(r)
	case formatBMP:
		c, err = bmp.DecodeConfig(r)
	case formatTIFF:
		c, err = tiff.DecodeConfig(r)
	}
	if err != nil {
		return h.explain(err)
	}
	h.w, h.h = c.Width, c.Height
	cost := pixelCost(h.format, c.ColorModel)
	if h.format == formatPNG && first[28] != 0 {
		cost *= 2 // an interlaced picture is put together from several
	}
	h.decoded = int64(c.Width) * int64(c.Height) * cost
	return nil
}

// pixelCost is how many bytes a pixel takes while its picture is decoded, at most.
func pixelCost(f format, m color.Model) int64 {
	n := int64(4)
	switch m {
	case color.GrayModel:
		n = 1
	case color.Gray16Model:
		n = 2
	case color.RGBA64Model, color.NRGBA64Model:
		n = 8
	}
	switch f {
	case formatGIF:
		return 5 // and the frame that the screen is drawn from
	case formatWebP, formatTIFF:
		return 2*n + 8 // what was decompressed, transforms
	}
	return n
}

// plausible reports whether a file of this size can hold as many pixels: what is promised beyond
// that is not there, and needs no memory. The bounds are the formats' own, generous.
func (h *pictureHead) plausible() bool {
	pixels, size := int64(h.w)*int64(h.h), h.size
	switch h.format {
	case formatPNG, formatTIFF:
		return pixels/8 <= 1032*size // DEFLATE makes at most 1,032 bytes of one; a pixel has a bit at least
	case formatJPEG:
		return pixels <= 1024*size // a block of 64 has a bit at least
	case formatBMP:
		return pixels <= 8*size
	}
	return true // WebP and GIF can say "nothing" in a few bytes
}

// explain puts a decoder's error into words for whoever has the file.
func (h *pictureHead) explain(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, png.FormatError("not enough pixel data")),
		strings.HasSuffix(err.Error(), "short chunk data"), strings.HasSuffix(err.Error(), "unexpected EOF"):
		return fmt.Errorf("%s cut short", h.format)
	}
	text := err.Error()
	for _, prefix := range []string{"png: ", "jpeg: ", "invalid JPEG format: ", "unsupported JPEG feature: ", "gif: ", "webp: ", "riff: ", "vp8: ",
		"vp8l: ", "bmp: ", "tiff: ", "invalid format: ", "unsupported feature: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return fmt.Errorf("damaged %s: %s", h.format, text)
}

// decoded is a picture in memory.
type decoded struct {
	image.Image
	turn    orientation
	warning string // what was wrong with the file, though all pixels are there; "" if nothing was
}

// decodePicture decodes p, a file whose head is h. It stops when ctx ends.
func decodePicture(ctx context.Context, h pictureHead, p []byte) (d decoded, err error) {
	defer func() {
		if r := recover(); r != nil { // of a decoder that a damaged file leads astray
			err = fmt.Errorf("%s: the decoder failed: %v", h.format, r)
		}
	}()
	d.turn = orientationOf(h.format, p)
	if d.Image, err = decodeFormat(ctx, h, p); err == nil {
		return d, nil
	}
	if ctx.Err() != nil {
		return d, ctx.Err()
	}
	repaired, warning := decodeDamaged(ctx, h, p)
	if ctx.Err() != nil {
		return d, ctx.Err()
	}
	if repaired == nil {
		if h.format == formatJPEG && !endsJPEG(p) {
			err = io.ErrUnexpectedEOF
		}
		return d, h.explain(err)
	}
	d.Image, d.warning = repaired, warning
	return d, nil
}

func decodeFormat(ctx context.Context, h pictureHead, p []byte) (image.Image, error) {
	r := &stoppable{ctx, bytes.NewReader(p)}
	switch h.format {
	case formatPNG:
		return png.Decode(r)
	case formatJPEG:
		return jpeg.Decode(r)
	case formatGIF:
		return firstFrame(r, h)
	case formatWebP:
		if bytes.Contains(p[:min(len(p), 64)], []byte("ANIM")) {
			return nil, errors.New("animated, which is not read here")
		}
		return webp.Decode(r)
	case formatBMP:
		return bmp.Decode(r)
	case formatTIFF:
		return tiff.Decode(r)
	}
	return nil, fmt.Errorf("no decoder for %s", h.format)
}

// decodeDamaged decodes a picture that the strict decoder refuses, as far as all its pixels are
// there: a PNG with wrong checksums, surplus data or no IEND, a JPEG with unknown segments, stray
// bytes or no EOI. It returns nil if there is no such picture, and what was wrong.
func decodeDamaged(ctx context.Context, h pictureHead, p []byte) (image.Image, string) {
	switch h.format {
	case formatPNG:
		r, err := repairPNG(p)
		if err != nil {
			return nil, ""
		}
		defer r.Close()
		if img, err := png.Decode(&stoppable{ctx, r}); err == nil {
			return img, "PNG with wrong checksums, surplus data or no end, though all pixels are there"
		}
	case formatJPEG:
		tidy, what := tidyJPEG(p)
		if what == "" {
			return nil, ""
		}
		if img, err := jpeg.Decode(&stoppable{ctx, bytes.NewReader(tidy)}); err == nil {
			return img, "JPEG that " + what + ", though all pixels are there"
		}
	}
	return nil, ""
}

// firstFrame decodes the first frame of a GIF and lays it on its screen.
func firstFrame(r io.Reader, h pictureHead) (image.Image, error) {
	frame, err := gif.Decode(r)
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, h.w, h.h)
	if frame.Bounds() == screen {
		return frame, nil
	}
	img := image.NewRGBA(screen)
	draw.Draw(img, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return img, nil
}

// stoppable is a reader that fails once a context has ended.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p[:min(len(p), 1<<16)])
}
