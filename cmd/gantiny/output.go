package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

const (
	defaultOut   = "gantiny.png"
	frameDelay   = 8       // hundredths of a second a frame of a GIF or APNG
	filesAtOnce  = 64      // of a folder: written and synced together
	maxGridBytes = 1 << 30 // a larger PNG or GIF is a mistake, or wants .npy or a folder
)

// output puts images into files of one kind.
type output struct {
	path  string
	kind  string // png, gif, apng, npy, dir or stdout
	shape model.Shape
	n     int // images to come
	cols  int
}

// openOutput finds out what -o asks for, and refuses what cannot be; it writes nothing yet.
func (f *generateFlags) openOutput(shape model.Shape, n int) (*output, error) {
	o := &output{path: f.out, shape: shape, n: n, cols: gridColumns(f.cols, n)}
	if o.path == "" {
		o.path = defaultOut
	}
	switch ext := strings.ToLower(filepath.Ext(o.path)); {
	case o.path == "-":
		o.kind = "stdout"
	case strings.HasSuffix(o.path, "/") || strings.HasSuffix(o.path, string(filepath.Separator)):
		o.kind = "dir"
	case ext == ".png" || ext == ".gif" || ext == ".apng" || ext == ".npy":
		if o.kind = ext[1:]; isDir(o.path) {
			return nil, usagef("-o %s: is a folder; %s%c puts a PNG an image into it", o.path, o.path, filepath.Separator)
		}
	case isDir(o.path):
		o.kind = "dir"
	default:
		return nil, usagef("-o %s: want .png, .gif, .apng, .npy, a folder (DIR/) or -", o.path)
	}
	if f.cols > 0 && f.directions == "" && o.kind != "png" && o.kind != "stdout" {
		return nil, usagef("--cols %d: only a PNG has columns, not -o %s", f.cols, o.path)
	}
	if o.kind != "npy" && shape.C > 4 {
		return nil, fmt.Errorf("-o %s: a picture has 1 to 4 channels, the model makes %d; .npy takes any", o.path, shape.C)
	}
	if bytes := int64(n) * int64(shape.Len()); o.kind != "npy" && o.kind != "dir" && bytes > maxGridBytes {
		return nil, usagef("-n: %s do not fit one picture; use -o FILE.npy or -o DIR/", display.Plural(n, "image"))
	}
	return o, nil
}

// check says before the work what is in its way. total is how many images all shards have together.
func (o *output) check(total int, inputs []string) error {
	switch o.kind {
	case "stdout":
		return nil
	case "dir":
		if err := checkFolder("-o", o.path); err != nil {
			return err
		}
		return o.checkOlder(total)
	}
	return errors.Join(checkNotInput("-o", o.path, inputs...), checkFile("-o", o.path))
}

// checkOlder refuses a folder with pictures that this drawing, shards and all, would leave there:
// nothing would tell them from its own.
func (o *output) checkOlder(total int) error {
	entries, err := os.ReadDir(o.path)
	if err != nil {
		return nil // there is none yet
	}
	older := 0
	for _, e := range entries {
		var index int
		if _, err := fmt.Sscanf(e.Name(), "%d.png", &index); err == nil && e.Name() == pictureName(index) && index >= total {
			older++
		}
	}
	if older > 0 {
		return usagef("-o %s: holds %s of a drawing with more of them, from %s on; remove them or name another folder",
			o.path, display.Plural(older, "picture"), pictureName(total))
	}
	return nil
}

// pictureName is the file of an image in a folder.
func pictureName(index int) string { return fmt.Sprintf("%06d.png", index) }

// draw has the images of d computed and puts them in place; meanwhile stderr shows how far it is.
func (o *output) draw(ctx context.Context, d *drawing, stdout, stderr io.Writer) error {
	bar := display.NewBriefProgress(stderr)
	defer bar.Settle()
	begin, done := time.Now(), 0
	return o.write(ctx, stdout, func(yield func(block) error) error {
		return d.each(ctx, func(b block) error {
			err := yield(b)
			done += b.n
			left := time.Duration(float64(time.Since(begin)) / float64(done) * float64(o.n-done))
			bar.Show(display.State{Part: "drawing", Done: done, Of: o.n, Unit: "image", Facts: []string{
				display.Roughly(left) + " left", fmt.Sprintf("%.0f images/s", float64(done)/max(1e-9, time.Since(begin).Seconds())),
			}})
			return err
		})
	})
}

// write has the images drawn and puts them in place. A file appears whole or not at all.
func (o *output) write(ctx context.Context, stdout io.Writer, draw func(yield func(block) error) error) error {
	switch o.kind {
	case "npy":
		return o.writeFile(ctx, func(w io.Writer) error {
			if err := npy.WriteHeader(w, o.n, o.shape.H, o.shape.W, o.shape.C); err != nil {
				return err
			}
			return draw(func(b block) error { return npy.WriteFloats(w, b.floats) })
		})
	case "dir":
		return o.writeDir(draw)
	}
	pixels := make([]uint8, 0, o.n*o.shape.Len())
	err := draw(func(b block) error {
		pixels = append(pixels, b.pixels...)
		return nil
	})
	if err != nil {
		return err
	}
	if o.kind == "stdout" {
		return picture.WritePNG(display.Raw(stdout), o.grid(pixels))
	}
	return o.writeFile(ctx, func(w io.Writer) error {
		switch o.kind {
		case "gif":
			return picture.WriteGIF(w, o.frames(pixels), frameDelay)
		case "apng":
			return picture.WriteAPNG(w, o.frames(pixels), frameDelay)
		}
		return picture.WritePNG(w, o.grid(pixels))
	})
}

// writeFile has write fill the file, or the pipe of that name.
func (o *output) writeFile(ctx context.Context, write func(io.Writer) error) error {
	f, err := openPipe(ctx, o.path)
	if err != nil {
		return err
	}
	if f == nil {
		return atomicfile.Write(o.path, write)
	}
	b := bufio.NewWriterSize(f, 1<<16)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if stopped := context.Cause(ctx); err != nil && stopped != nil {
		return stopped
	}
	return err
}

// writeDir writes each image as a PNG of its own, named by its index.
func (o *output) writeDir(draw func(yield func(block) error) error) error {
	if err := atomicfile.MkdirAll(o.path); err != nil {
		return err
	}
	return draw(func(b block) error {
		for i := 0; i < b.n; i += filesAtOnce {
			if err := o.writeSome(b, i, min(i+filesAtOnce, b.n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeSome writes the images [from, to) of a block.
func (o *output) writeSome(b block, from, to int) error {
	size := o.shape.Len()
	var paths []string
	for i := from; i < to; i++ {
		paths = append(paths, filepath.Join(o.path, pictureName(b.first+i)))
	}
	return atomicfile.WriteAll(paths, func(i int, w io.Writer) error {
		return picture.WritePNG(w, picture.Grid(b.pixels[(from+i)*size:][:size], o.shape.H, o.shape.W, o.shape.C, 1))
	})
}

func (o *output) grid(pixels []uint8) image.Image {
	return picture.Grid(pixels, o.shape.H, o.shape.W, o.shape.C, o.cols)
}

func (o *output) frames(pixels []uint8) []image.Image {
	size := o.shape.Len()
	frames := make([]image.Image, o.n)
	for i := range frames {
		frames[i] = picture.Grid(pixels[i*size:(i+1)*size], o.shape.H, o.shape.W, o.shape.C, 1)
	}
	return frames
}

// gridColumns is the width of a grid of n images: what was asked for, or a square's.
func gridColumns(asked, n int) int {
	if asked == 0 {
		asked = int(math.Ceil(math.Sqrt(float64(n))))
	}
	return min(asked, n)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
