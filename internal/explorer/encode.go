package explorer

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"sync"

	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

// Kind is a kind of file that images become, by its extension.
type Kind string

// The kinds: a grid, a frame an image, and float32 numbers (N, H, W, C) in [-1, 1].
const (
	PNG Kind = "png"
	GIF Kind = "gif"
	NPY Kind = "npy"
)

// ContentType is what HTTP calls a kind.
func ContentType(k Kind) string {
	switch k {
	case PNG, GIF:
		return "image/" + string(k)
	}
	return "application/octet-stream" // .npy has no type of its own
}

// CanEncode returns an error unless images of a shape can be of a kind.
func CanEncode(k Kind, s model.Shape) error {
	if k != NPY && s.C > 4 {
		return fmt.Errorf("a picture has 1 to 4 channels, the model makes %d; .npy takes any", s.C)
	}
	return nil
}

const frameDelay = 8 // hundredths of a second a frame of a GIF

// Write encodes pixels (N, H, W, C) as a PNG, in a grid of so many columns, 0 for a square, or as a
// GIF.
func Write(w io.Writer, k Kind, pix []uint8, s model.Shape, cols int) error {
	switch k {
	case PNG:
		n := len(pix) / s.Len()
		if cols == 0 {
			cols = int(math.Ceil(math.Sqrt(float64(n))))
		}
		return encoder.Encode(w, picture.KeepAlpha(picture.Grid(pix, s.H, s.W, s.C, cols)))
	case GIF:
		var frames []image.Image
		for ; len(pix) > 0; pix = pix[s.Len():] {
			frames = append(frames, picture.Grid(pix[:s.Len()], s.H, s.W, s.C, 1))
		}
		return picture.WriteGIF(w, frames, frameDelay)
	}
	return fmt.Errorf("explorer: no pictures as .%s", k)
}

// encoder compresses little: it takes a fifth of the time, and pictures are small.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &buffers{}}

type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	e, _ := b.Pool.Get().(*png.EncoderBuffer)
	return e
}

func (b *buffers) Put(e *png.EncoderBuffer) { b.Pool.Put(e) }

// WriteNPY writes images in [-1, 1] as a .npy file.
func WriteNPY(w io.Writer, floats []float32, s model.Shape) error {
	if err := npy.WriteHeader(w, len(floats)/s.Len(), s.H, s.W, s.C); err != nil {
		return err
	}
	return npy.WriteFloats(w, floats)
}

// WriteLatents writes latents of so many numbers each as a .npy file.
func WriteLatents(w io.Writer, z []float32, dim int) error {
	if err := npy.WriteHeader(w, len(z)/dim, dim); err != nil {
		return err
	}
	return npy.WriteFloats(w, z)
}
