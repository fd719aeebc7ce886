package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

const (
	deepest     = 3    // folders below the given one in which a set is looked for
	mostFolders = 1000 // looked into
)

// splitNames are the folders that hold a part of a set by convention.
var splitNames = map[Split][]string{
	Train: {"train", "training", "trn"},
	Test:  {"test", "testing", "tst", "val", "valid", "validation"},
}

// openDir reads the set in the folder dir: IDX files, pictures, or folders of pictures. Where these
// are not in dir itself but in one folder below it, that is read.
func (l *loader) openDir(dir string) (*Dataset, error) {
	// A folder of pictures has no splits: that of tests has a name.
	d, err := l.openHere(dir, l.o.Split != Test)
	if d != nil || err != nil {
		return d, err
	}
	below, err := l.setsBelow(dir)
	if err != nil {
		return nil, err
	}
	one := l.ofSplit(below)
	if one == "" && len(below) == 1 && (l.o.Split != Test || l.holdsIDX(below[0])) {
		one = below[0]
	}
	switch {
	case one == "" && len(below) > 1:
		return nil, fmt.Errorf("dataset: %s: %w: several sets are below it; give one of %s",
			dir, ErrNotFound, strings.Join(below[:min(len(below), mostNamed)], ", "))
	case one == "":
		return nil, l.nothing(dir)
	}
	l.note("reading %s, which is below %s", one, dir)
	if d, err = l.openHere(one, true); d == nil && err == nil {
		err = l.nothing(one)
	}
	return d, err
}

// openHere reads the set of dir itself: IDX files or, where allowed, pictures; nil if there is
// none.
func (l *loader) openHere(dir string, pictures bool) (*Dataset, error) {
	images, labels := findIDX(dir, l.o.Split)
	if images == "" {
		var err error
		if images, err = otherIDX(dir, l.o.Split); err != nil {
			return nil, err
		}
		labels = labelsBeside(images)
	}
	if images != "" {
		return l.openImages(images, labels)
	}
	top, err := l.list(dir)
	if err != nil {
		return nil, err
	}
	if !pictures {
		return nil, nil
	}
	set, used, err := l.pictures(dir, top)
	if err != nil || len(set.paths) == 0 {
		return nil, err
	}
	if splits(set.classes) {
		return nil, nil // train, test and the like are no classes
	}
	if err := l.labelByCSV(set, top); err != nil {
		return nil, err
	}
	l.report(used...)
	return l.openPictures(set)
}

// splits reports whether folders are the parts of one set rather than classes.
func splits(folders []string) bool {
	train := false
	for _, f := range folders {
		name := strings.ToLower(f)
		isTrain := slices.Contains(splitNames[Train], name)
		if !isTrain && !slices.Contains(splitNames[Test], name) {
			return false
		}
		train = train || isTrain
	}
	return train
}

// setsBelow returns the folders below dir that hold a set, from the highest floor that has any.
func (l *loader) setsBelow(dir string) ([]string, error) {
	looked := 0
	for floor, depth := []string{dir}, 0; len(floor) > 0 && depth < deepest; depth++ {
		var found, next []string
		for _, f := range floor {
			in, err := l.list(f)
			if l.ctx.Err() != nil {
				return nil, l.ctx.Err()
			}
			if err != nil {
				l.note("%s is left out: %s", f, reason(unwrapPath(err)))
				continue
			}
			for _, name := range in.folders {
				path := filepath.Join(f, name)
				if looked++; looked > mostFolders {
					return found, nil
				}
				if l.holdsSet(path) {
					found = append(found, path)
				}
				next = append(next, path)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
		floor = next
	}
	return nil, nil
}

// holdsIDX reports whether dir has the split's file of images, or several from which to choose.
func (l *loader) holdsIDX(dir string) bool {
	if images, _ := findIDX(dir, l.o.Split); images != "" {
		return true
	}
	images, err := otherIDX(dir, l.o.Split)
	return images != "" || err != nil
}

// holdsSet reports whether openHere would find something in dir.
func (l *loader) holdsSet(dir string) bool {
	if l.holdsIDX(dir) {
		return true
	}
	top, err := l.list(dir)
	if err != nil {
		return false
	}
	set, _, err := l.pictures(dir, top)
	return err == nil && len(set.paths) > 0 && !splits(set.classes)
}

// ofSplit returns the one folder that is called as the wanted split is; "" if there is no such one.
func (l *loader) ofSplit(folders []string) string {
	want := l.o.Split
	if want == "" {
		want = Train
	}
	for _, name := range splitNames[want] {
		var found []string
		for _, f := range folders {
			if strings.EqualFold(filepath.Base(f), name) {
				found = append(found, f)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	return ""
}

// nothing is the error of a folder without a set. It names the files that are no use.
func (l *loader) nothing(dir string) error {
	err := fmt.Errorf("dataset: %s: %w: neither %s[.gz] nor pictures (%s) there", dir, ErrNotFound,
		idxName(l.o.Split, "images"), strings.Join(slices.Sorted(maps.Keys(pictureExtensions)), " "))
	if l.o.Split == Test {
		return fmt.Errorf("dataset: %s: %w: no %s[.gz] there, and no folder of pictures called test", dir, ErrNotFound, idxName(Test, "images"))
	}
	if in, listErr := l.list(dir); listErr == nil && len(in.others) > 0 {
		err = fmt.Errorf("%w; what is there cannot be read: %s", err, counts(in.others))
	}
	return err
}

// unwrapPath returns the file system's error within err, or err itself.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p
	}
	return err
}
