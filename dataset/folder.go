package dataset

import (
	"bufio"
	"fmt"
	"image"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// openPictures reads the PNG and JPEG files of dir in the order of their names.
// Where they are in sub-folders instead, each of those is a class, and its
// number in the order of names is the label. Hidden files are left alone.
func openPictures(dir string, o Options) (*Dataset, error) {
	if o.Split == Test {
		return nil, fmt.Errorf("dataset: %s: %w: no %s[.gz] there, and a folder of pictures has no splits", dir, ErrNotFound, idxName(Test, "images"))
	}
	paths, folders, err := listPictures(dir)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: baseName(dir), C: 1}
	if o.RGB {
		d.C = 3
	}
	for _, folder := range folders {
		inside, _, err := listPictures(filepath.Join(dir, folder))
		if err != nil {
			return nil, err
		}
		if len(inside) == 0 {
			continue
		}
		if len(d.Classes) == 256 {
			return nil, fmt.Errorf("dataset: %s: more than 256 folders of pictures", dir)
		}
		if len(paths) > len(d.Labels) {
			return nil, fmt.Errorf("dataset: %s: pictures both in the folder and in %s below it", dir, folder)
		}
		for range inside {
			d.Labels = append(d.Labels, uint8(len(d.Classes)))
		}
		d.Classes = append(d.Classes, folder)
		paths = append(paths, inside...)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("dataset: %s: %w: neither %s[.gz] nor pictures (.png, .jpg, .jpeg) there", dir, ErrNotFound, idxName(o.Split, "images"))
	}
	d.N = len(paths)
	return d, d.decode(paths, o.Size)
}

// listPictures returns the paths of the pictures in dir and the names of its
// sub-folders, sorted.
func listPictures(dir string) (pictures, folders []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path) // what a link leads to counts
		if err != nil {
			return nil, nil, fmt.Errorf("dataset: %w", err)
		}
		if info.IsDir() {
			folders = append(folders, e.Name())
			continue
		}
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg":
			pictures = append(pictures, path)
		}
	}
	return pictures, folders, nil
}

// decode fills d with the pictures, size x size or, for 0, as large as the first.
func (d *Dataset) decode(paths []string, size int) error {
	d.H, d.W = size, size
	if size == 0 {
		first, err := readPicture(paths[0])
		if err != nil {
			return err
		}
		d.H, d.W = first.Bounds().Dy(), first.Bounds().Dx()
	}
	bytes, err := pixelBytes(d.N, d.H, d.W, d.C)
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", d.Name, err)
	}
	d.Pix = make([]uint8, bytes)
	return each(d.N, func(i int) error {
		img, err := readPicture(paths[i])
		if err != nil {
			return err
		}
		if b := img.Bounds(); size == 0 && (b.Dx() != d.W || b.Dy() != d.H) {
			return fmt.Errorf("dataset: %s: %dx%d pixels, but %s has %dx%d; choose a size to have them resized", paths[i], b.Dx(), b.Dy(), filepath.Base(paths[0]), d.W, d.H)
		}
		store(d.Image(i), img, d.H, d.W, d.C)
		return nil
	})
}

// readPicture decodes a PNG or JPEG, once its header shows a bearable size.
func readPicture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("dataset: %s: %dx%d pixels, want at most %d", path, c.Width, c.Height, maxPixels)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	img, _, err := image.Decode(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return img, nil
}

// mostOpen is how many pictures are open and in memory at a time.
const mostOpen = 64

// each calls f(0) ... f(n-1) on all processors, mostOpen at a time, and returns
// the error of the lowest i that has one.
func each(n int, f func(i int) error) error {
	var next, failed atomic.Int64
	failed.Store(int64(n))
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	for range min(n, mostOpen, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			// Whatever is below a failure has been handed out already.
			for i := next.Add(1) - 1; i < failed.Load(); i = next.Add(1) - 1 {
				err := f(int(i))
				if err == nil {
					continue
				}
				mu.Lock()
				if i < failed.Load() {
					failed.Store(i)
					first = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return first
}
