package dataset

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrCSV is what errors about the contents of a CSV file of labels wrap.
var ErrCSV = errors.New("bad labels file")

// LabelsFile is the name of a CSV file that holds the labels of the pictures in its folder.
const LabelsFile = "labels.csv"

// mostCSV is how large such a file may be.
const mostCSV = 1 << 28

// labelByCSV gives the pictures of set, in dir, the labels of Options.Labels or else, where folders
// are no classes, of the file LabelsFile in dir. One that is merely there and cannot be used is
// ignored, with a note, unless labels are needed.
func (l *loader) labelByCSV(set *pictureSet, top *listing) error {
	path := l.o.Labels
	if path == "" {
		path = filepath.Join(set.dir, LabelsFile)
		if set.labels != nil || !isFile(path) {
			return nil
		}
	}
	labels, classes, err := readCSV(path, set)
	switch {
	case err == nil:
		l.labeled = true
		set.labels, set.classes, set.csv = labels, classes, true
		if filepath.Dir(path) == filepath.Clean(set.dir) {
			top.use(filepath.Ext(path))
		}
	case l.o.Labels != "":
		return err
	case l.o.NeedLabels:
		return fmt.Errorf("%w: %w", err, ErrLabels)
	default:
		l.note("no labels are used: %s", strings.TrimPrefix(err.Error(), "dataset: "))
	}
	return nil
}

// use takes a file out of those that are left out.
func (in *listing) use(ext string) {
	ext = strings.ToLower(ext)
	if in.others[ext]--; in.others[ext] <= 0 {
		delete(in.others, ext)
	}
}

// readCSV returns the label of each picture of the set and the classes' names, in their order: that
// of numbers where all of them are whole numbers.
func readCSV(path string, set *pictureSet) (labels []int32, classes []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: labels: %w", err)
	}
	if what := notRegular(info); what != "" || info.IsDir() {
		return nil, nil, fmt.Errorf("dataset: labels: %s: %w: no ordinary file", path, ErrNotFile)
	}
	if info.Size() > mostCSV {
		return nil, nil, fmt.Errorf("dataset: labels: %s: %w: %d bytes, want at most %d", path, ErrCSV, info.Size(), mostCSV)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: labels: %w", err)
	}
	defer f.Close()
	names, err := csvNames(f, pictureNames(path, set), len(set.paths))
	if err == nil {
		err = complete(names, set)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("dataset: labels: %s: %w", path, err)
	}
	classes = classOrder(names)
	number := map[string]int32{}
	for i, name := range classes {
		number[name] = int32(i)
	}
	labels = make([]int32, len(names))
	for i, name := range names {
		labels[i] = number[name]
	}
	return labels, classes, nil
}

// pictureNames finds a picture by what a file of labels may call it: its path from the set's
// folder, or from the file's.
func pictureNames(path string, set *pictureSet) map[string]int {
	found := make(map[string]int, len(set.paths))
	for _, dir := range []string{filepath.Dir(path), set.dir} { // the latter wins
		for i, p := range set.paths {
			if rel, err := filepath.Rel(dir, p); err == nil {
				found[filepath.ToSlash(rel)] = i
			}
		}
	}
	return found
}

// csvNames reads the label of each of n pictures, "" for none. The first line may be a header.
func csvNames(r io.Reader, pictures map[string]int, n int) ([]string, error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" { // as spreadsheets begin their files
		in.Discard(3)
	}
	rows := csv.NewReader(in)
	rows.FieldsPerRecord, rows.TrimLeadingSpace, rows.ReuseRecord = -1, true, true
	names := make([]string, n)
	for first := true; ; first = false {
		row, err := rows.Read()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCSV, err) // which names the line
		}
		line, _ := rows.FieldPos(0)
		if len(row) != 2 {
			return nil, fmt.Errorf("line %d: %w: %s, want a picture's name and its label", line, ErrCSV, plural(len(row), "field"))
		}
		name, label := row[0], strings.TrimSpace(row[1])
		i, ok := pictures[name]
		if !ok { // as other systems and other programs write it
			name = strings.ReplaceAll(strings.TrimSpace(name), `\`, "/")
			i, ok = pictures[strings.TrimPrefix(name, "./")]
		}
		switch {
		case !ok && first:
		case !ok:
			return nil, fmt.Errorf("line %d: %w: no picture of the set is called %q", line, ErrCSV, name)
		case label == "":
			return nil, fmt.Errorf("line %d: %w: %q has no label", line, ErrCSV, name)
		case names[i] != "":
			return nil, fmt.Errorf("line %d: %w: %q has a label already, %q", line, ErrCSV, name, names[i])
		default:
			names[i] = label
		}
	}
}

// complete returns an error if a picture has no label.
func complete(names []string, set *pictureSet) error {
	i := slices.Index(names, "")
	if i < 0 {
		return nil
	}
	without := 0
	for _, name := range names {
		if name == "" {
			without++
		}
	}
	return fmt.Errorf("%w: %d of %s have no line in it, such as %s", ErrCSV, without, plural(len(names), "picture"), set.paths[i])
}

// classOrder returns the different names in order.
func classOrder(names []string) []string {
	different := map[string]bool{}
	for _, name := range names {
		different[name] = true
	}
	list := slices.Sorted(maps.Keys(different))
	numbers := map[string]int{}
	for _, name := range list {
		k, err := strconv.Atoi(name)
		if err != nil {
			return list
		}
		numbers[name] = k
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
	return list
}
