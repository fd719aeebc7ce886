package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openImages reads IDX files; labels may be "".
func (l *loader) openImages(images, labels string) (d *Dataset, err error) {
	err = withFile(images, func(f io.Reader, size int64) (err error) {
		d, err = l.readImages(images, f, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.Name = baseName(images)
	l.upright(d, filepath.Base(images))
	if labels == "" {
		return d, nil
	}
	err = withFile(labels, func(f io.Reader, size int64) error { return l.readLabels(d, labels, f, size) })
	switch {
	case err == nil:
	case l.ctx.Err() != nil:
		return nil, l.ctx.Err()
	case l.o.NeedLabels:
		return nil, fmt.Errorf("%w: %w", err, ErrLabels)
	default:
		l.note("no labels are used: %s", strings.TrimPrefix(err.Error(), "dataset: "))
	}
	return d, nil
}

// upright exchanges rows and columns of the images that come from a file of this name, where the
// options or the name say so.
func (l *loader) upright(d *Dataset, name string) {
	transposed := l.o.Transpose == Yes
	if l.o.Transpose == Auto && strings.HasPrefix(strings.ToLower(name), "emnist-") && d.H == d.W {
		transposed = true
		l.note("EMNIST's files hold rows as columns: its images are transposed")
	}
	if !transposed {
		return
	}
	image := make([]uint8, d.H*d.W*d.C)
	for i := range d.N {
		pix := d.Image(i)
		copy(image, pix)
		for y := range d.W {
			for x := range d.H {
				copy(pix[(y*d.H+x)*d.C:][:d.C], image[(x*d.W+y)*d.C:])
			}
		}
	}
	d.H, d.W = d.W, d.H
}

// withFile opens path, a regular file.
func withFile(path string, use func(f io.Reader, size int64) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if what := notRegular(info); what != "" {
		return fmt.Errorf("dataset: %s: %w: it is %s", path, ErrNotFile, what)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	return use(f, info.Size())
}

// idxName is the usual name of a split's file of images or labels.
func idxName(s Split, what string) string {
	prefix, rank := "train", 3
	if s == Test {
		prefix = "t10k"
	}
	if what == "labels" {
		rank = 1
	}
	return fmt.Sprintf("%s-%s-idx%d-ubyte", prefix, what, rank)
}

// findIDX returns the paths of a split's files in dir, "" where there is none. Some archives have a
// dot for the hyphen before idx, and some put each file into a folder of its name.
func findIDX(dir string, s Split) (images, labels string) {
	find := func(what string) string {
		name := idxName(s, what)
		names := []string{name, strings.Replace(name, "-idx", ".idx", 1)}
		for _, n := range names {
			for _, ext := range []string{"", ".gz"} {
				path := filepath.Join(dir, n+ext)
				if isFile(path) {
					return path
				}
			}
		}
		for _, folder := range names {
			for _, n := range names {
				for _, ext := range []string{"", ".gz"} {
					if path := filepath.Join(dir, folder, n+ext); isFile(path) {
						return path
					}
				}
			}
		}
		return ""
	}
	return find("images"), find("labels")
}

// otherIDX returns the one IDX file of images in dir that is the split's by its name, as EMNIST's
// are: emnist-letters-train-images-idx3-ubyte.gz. It is "" where there is none; where there are
// several the error names them.
func otherIDX(dir string, s Split) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil
	}
	var found []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !strings.Contains(name, "images") || !strings.Contains(name, "idx3") {
			continue
		}
		test := strings.Contains(name, "test") || strings.Contains(name, "t10k")
		if path := filepath.Join(dir, e.Name()); test == (s == Test) && isFile(path) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return filepath.Join(dir, found[0]), nil
	}
	slices.Sort(found)
	return "", fmt.Errorf("dataset: %s: %w: several files of images: %s; give one of them", dir, ErrNotFound, strings.Join(found, ", "))
}

// labelsBeside returns the labels' file that goes with a file of images, "" if there is none.
func labelsBeside(images string) string {
	dir, base := filepath.Split(images)
	name := strings.Replace(strings.Replace(base, "images", "labels", 1), "idx3", "idx1", 1)
	if name == base || !isFile(dir+name) {
		return ""
	}
	return dir + name
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// notIDX adds to the error of a file that is no IDX file what it is instead.
func notIDX(path string, err error) error {
	if !errors.Is(err, ErrFormat) {
		return err
	}
	f, openErr := os.Open(path)
	if openErr != nil {
		return err
	}
	defer f.Close()
	first := make([]byte, sniffLength)
	n, _ := io.ReadFull(f, first)
	switch what := sniff(first[:n]); {
	case what.decodable():
		return fmt.Errorf("%w; it is a %s picture: give the folder of the pictures", err, what)
	case what == "a ZIP archive" || what == "a RAR archive" || what == "a 7z archive":
		return fmt.Errorf("%w; it is %s: unpack it and give the folder", err, what)
	case what != "of no known format" && what != "a gzip file" && what != "a file of zeros" && what != "an icon":
		return fmt.Errorf("%w; it is %s", err, what)
	}
	return err
}
