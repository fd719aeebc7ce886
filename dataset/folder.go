package dataset

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pictureExtensions are those of the files that are taken for pictures. What such a file holds is
// decided by its first bytes.
var pictureExtensions = map[string]bool{
	".png": true, ".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".gif": true, ".webp": true,
	".bmp": true, ".dib": true, ".tif": true, ".tiff": true,
}

// ownGrid is the name under which gantiny generate leaves a grid of pictures. It is no picture of a
// set, wherever it lies.
const ownGrid = "gantiny.png"

// runFiles are files by which a folder is known as that of a training run; its samples folder holds
// grids.
var runFiles = []string{"checkpoint.safetensors", "generator.safetensors"}

const runSamples = "samples"

// listing is what a folder holds. Names that begin with a dot, what Options.Exclude names and the
// grids that gantiny draws are not in it.
type listing struct {
	pictures []string          // paths, sorted
	folders  []string          // names, sorted
	others   map[string]int    // files that are no pictures: how many of an extension
	trouble  map[string]string // entries that cannot be used: path and reason
}

// list reads the folder dir.
func (l *loader) list(dir string) (*listing, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	in := &listing{others: map[string]int{}, trouble: map[string]string{}}
	run := slices.ContainsFunc(runFiles, func(name string) bool { return isFile(filepath.Join(dir, name)) })
	for _, e := range entries {
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		info, err := os.Stat(path) // what a link leads to counts
		ext := strings.ToLower(filepath.Ext(name))
		switch {
		case err != nil:
			in.trouble[path] = reason(err)
		case l.excluded(info) || run && info.IsDir() && name == runSamples:
		case info.IsDir():
			in.folders = append(in.folders, name)
		case notRegular(info) != "":
			in.trouble[path] = notRegular(info)
		case name == ownGrid:
			in.trouble[path] = "a grid that gantiny drew"
		case pictureExtensions[ext]:
			in.pictures = append(in.pictures, path)
		case ext == "":
			in.others["without extension"]++
		default:
			in.others[ext]++
		}
	}
	return in, nil
}

// reason is an error of the file system without the path, which stands before it.
func reason(err error) string {
	if p, ok := err.(*fs.PathError); ok {
		err = p.Err
	}
	return err.Error()
}

// excluded reports whether Options.Exclude names this file or folder.
func (l *loader) excluded(info fs.FileInfo) bool {
	return slices.ContainsFunc(l.exclude, func(x fs.FileInfo) bool { return os.SameFile(x, info) })
}

// report says what a folder of the set has that is not used.
func (l *loader) report(ins ...*listing) {
	others := map[string]int{}
	n := 0
	for _, in := range ins {
		for ext, k := range in.others {
			others[ext] += k
			n += k
		}
		paths := slices.Sorted(maps.Keys(in.trouble))
		for _, path := range paths[:min(len(paths), mostNamed)] {
			l.note("%s is left out: %s", path, in.trouble[path])
		}
		if more := len(paths) - mostNamed; more > 0 {
			l.note("%d more are left out", more)
		}
	}
	if n > 0 {
		l.note("%s left out (%s): no pictures that are read here", plural(n, "file"), counts(others))
	}
}

// counts writes how many files there are of each extension.
func counts(others map[string]int) string {
	var words []string
	for _, ext := range slices.Sorted(maps.Keys(others)) {
		words = append(words, fmt.Sprintf("%s %d", ext, others[ext]))
	}
	if more := len(words) - mostNamed; more > 0 {
		words = append(words[:mostNamed], fmt.Sprintf("and %d more kinds", more))
	}
	return strings.Join(words, ", ")
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// pictureSet is the pictures of a set before they are read.
type pictureSet struct {
	dir     string
	paths   []string
	labels  []int32  // of each picture, or nil
	classes []string // or nil
	csv     bool     // whether both come from a CSV file
}

// pictures returns the pictures of dir. Where they are in its sub-folders instead, each of those is
// a class, and its number in the order of names is the label. There may be none.
func (l *loader) pictures(dir string, top *listing) (*pictureSet, []*listing, error) {
	set := &pictureSet{dir: dir, paths: top.pictures}
	used := []*listing{top}
	for _, folder := range top.folders {
		path := filepath.Join(dir, folder)
		in, err := l.list(path)
		if l.ctx.Err() != nil {
			return nil, nil, l.ctx.Err()
		}
		if err != nil {
			top.trouble[path] = reason(unwrapPath(err))
			continue
		}
		if len(in.pictures) == 0 {
			continue
		}
		if len(set.paths) > len(set.labels) {
			return nil, nil, fmt.Errorf("dataset: %s: pictures both in the folder and in %s below it", dir, folder)
		}
		for range in.pictures {
			set.labels = append(set.labels, int32(len(set.classes)))
		}
		set.classes = append(set.classes, folder)
		set.paths = append(set.paths, in.pictures...)
		used = append(used, in)
	}
	return set, used, nil
}
