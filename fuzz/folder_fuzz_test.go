package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/gantiny/gantiny/dataset"
)

// pictureFiles are pictures in all formats, whole and cut short.
func pictureFiles(f *testing.F) [][]byte {
	img := image.NewNRGBA(image.Rect(0, 0, 5, 3))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 37)
	}
	wide := image.NewNRGBA64(image.Rect(0, 0, 4, 2))
	wide.Pix[1], wide.Pix[7] = 9, 255
	few := image.NewPaletted(image.Rect(0, 0, 5, 3), color.Palette{color.Black, color.White, color.RGBA{1, 2, 3, 128}})
	var files [][]byte
	add := func(encode func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			f.Fatal(err)
		}
		files = append(files, b.Bytes())
		return b.Bytes()
	}
	whole := add(func(b *bytes.Buffer) error { return png.Encode(b, img) })
	files = append(files, whole[:len(whole)-12], whole[:len(whole)/2])
	add(func(b *bytes.Buffer) error { return png.Encode(b, wide) })
	add(func(b *bytes.Buffer) error { return png.Encode(b, few) })
	add(func(b *bytes.Buffer) error { return gif.Encode(b, few, nil) })
	add(func(b *bytes.Buffer) error { return bmp.Encode(b, img) })
	add(func(b *bytes.Buffer) error { return tiff.Encode(b, img, nil) })
	photo := add(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) })
	files = append(files, photo[:len(photo)-2], photo[:len(photo)/2], turnedJPEG(photo, 6))
	for _, name := range []string{"progressive.jpg", "turned6.webp", "turned8.png", "turned8.tif"} {
		p, err := os.ReadFile(filepath.Join("..", "dataset", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, p)
	}
	return files
}

// FuzzPictureFolder loads a folder of two files that may be pictures: without a panic, within the
// memory that they may take, to images of the size that was asked for or an error that names a
// file.
func FuzzPictureFolder(f *testing.F) {
	files := pictureFiles(f)
	for i, p := range files {
		f.Add(p, files[(i+1)%len(files)], uint8(i%5), uint8(i))
	}
	f.Add([]byte{}, []byte("<html>"), uint8(4), uint8(0))

	root := f.TempDir()
	f.Fuzz(func(t *testing.T, x, y []byte, size, channels uint8) {
		const limit = 4 << 20
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for name, p := range map[string][]byte{"0.png": x, "1.jpg": y} {
			if err := os.WriteFile(filepath.Join(dir, name), p, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		o := dataset.Options{Size: int(size), Channels: int(channels%4) + 1, MaxRAM: limit}
		var d *dataset.Dataset
		// The decoders' tables, readers' buffers, what is decoded twice to be repaired or
		// stretched, and rows in scaling.
		if used := allocated(func() { d, err = dataset.Open(dir, o) }); used > 8*limit {
			t.Errorf("%d bytes allocated", used)
		}
		if err != nil {
			if !strings.Contains(err.Error(), dir) && !errors.Is(err, dataset.ErrMemory) {
				t.Errorf("no file is named: %v", err)
			}
			return
		}
		if d.N != 2 || len(d.Pix) != 2*d.H*d.W*d.C || size > 0 && (d.H != int(size) || d.W != int(size)) || d.C != o.Channels {
			t.Errorf("%d images of %dx%dx%d, %d pixels", d.N, d.H, d.W, d.C, len(d.Pix))
		}
	})
}

// turnedJPEG puts EXIF's orientation into a JPEG.
func turnedJPEG(p []byte, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	exif = binary.LittleEndian.AppendUint16(exif, orientation)
	exif = append(exif, 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return bytes.Join([][]byte{p[:2], segment, exif, p[2:]}, nil)
}
