package dataset

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// labeledFolder has three pictures, and a file of their labels unless csv is "".
func labeledFolder(t *testing.T, csv string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a.png", "b.png", "c.png"} {
		put(t, dir, name, grayOf(2, 2, 0, 100, 200, 255))
	}
	if csv != "" {
		writeCSV(t, filepath.Join(dir, LabelsFile), csv)
	}
	return dir
}

func writeCSV(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestCSVLabels: labels by name, with and without a header, in the order of their names, or of
// numbers.
func TestCSVLabels(t *testing.T) {
	for csv, want := range map[string]struct {
		labels  []int32
		classes []string
	}{
		"file,label\na.png,dog\nc.png,cat\nb.png,dog\n":                {[]int32{1, 1, 0}, []string{"cat", "dog"}},
		"a.png,dog\nc.png,cat\nb.png,dog":                              {[]int32{1, 1, 0}, []string{"cat", "dog"}},
		"\ufefffile,label\r\n\"a.png\", 10\r\nb.png ,9\r\nc.png,9\r\n": {[]int32{1, 0, 0}, []string{"9", "10"}},
		"\n./a.png,\"x, y\"\n\n.\\b.png,z\nc.png,z\n":                  {[]int32{0, 1, 1}, []string{"x, y", "z"}},
	} {
		var notes []string
		d, err := Open(labeledFolder(t, csv), Options{NeedLabels: true, Note: func(line string) { notes = append(notes, line) }})
		if err != nil {
			t.Errorf("%q: %v", csv, err)
			continue
		}
		if !slices.Equal(d.Labels, want.labels) || !slices.Equal(d.Classes, want.classes) {
			t.Errorf("%q: labels %v of %q, want %v of %q", csv, d.Labels, d.Classes, want.labels, want.classes)
		}
		if strings.Contains(strings.Join(notes, "\n"), "left out") {
			t.Errorf("%q: notes %q", csv, notes)
		}
	}
}

// TestCSVBackslash: a backslash may be part of a name.
func TestCSVBackslash(t *testing.T) {
	if filepath.Separator == '\\' {
		t.Skip("it separates folders here")
	}
	dir := labeledFolder(t, "b\\s.png,x\na.png,y\nc.png,y\n")
	if err := os.Rename(filepath.Join(dir, "b.png"), filepath.Join(dir, `b\s.png`)); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(dir, Options{NeedLabels: true}); err != nil || !slices.Equal(d.Labels, []int32{1, 0, 1}) {
		t.Errorf("%+v, %v", d, err)
	}
}

// A file that is named wins over class folders, and its paths count from the set's folder or from
// its own.
func TestCSVLabelsNamed(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "set/one/a.png", grayOf(1, 1, 7))
	put(t, dir, "set/two/b.png", grayOf(1, 1, 8))
	path := filepath.Join(dir, "my.csv")
	for _, csv := range []string{"one/a.png,left\ntwo/b.png,left\n", "set/one/a.png,left\nset/two/b.png,left\n"} {
		writeCSV(t, path, csv)
		d, err := Open(filepath.Join(dir, "set"), Options{Labels: path})
		if err != nil || !slices.Equal(d.Labels, []int32{0, 0}) || !slices.Equal(d.Classes, []string{"left"}) {
			t.Errorf("%q: %+v, %v", csv, d, err)
		}
	}
	if _, err := Open("digits", Options{Labels: path}); !errors.Is(err, ErrCSV) || !strings.Contains(err.Error(), "digits is none") {
		t.Errorf("labels of IDX files: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "set"), Options{Labels: filepath.Join(dir, "nosuch.csv")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "set"), Options{Labels: dir}); !errors.Is(err, ErrNotFile) {
		t.Errorf("a folder: %v", err)
	}
}

// TestCSVLabelsRefused: errors name the file and the line; where no labels are needed, a file that
// is merely there is ignored with a note.
func TestCSVLabelsRefused(t *testing.T) {
	for csv, says := range map[string]string{
		"a.png,x\nb.png,x\nnosuch.png,x\n":         "line 3: bad labels file: no picture of the set is called \"nosuch.png\"",
		"file,label\na.png,x\na.png,y\n":           "line 3: bad labels file: \"a.png\" has a label already, \"x\"",
		"a.png,x\nb.png\nc.png,x\n":                "line 2: bad labels file: 1 field, want",
		"a.png,x\nb.png,x,1\n":                     "line 2: bad labels file: 3 fields",
		"a.png,x\nb.png,\n":                        "line 2: bad labels file: \"b.png\" has no label",
		"a.png,x\n":                                "2 of 3 pictures have no line in it, such as ",
		"file,label\n":                             "3 of 3 pictures have no line in it",
		"a.png,x\nb.png,\"x\nc.png,x\n":            "line 3",
		"a.png,x\nb.png,x\nc.png,\"x\"y\n":         "line 3",
		"a.png,x\nb.png,x\n../a.png,x\n":           "line 3: ",
		"a.png,x\nb.png,x\n\x00\xff,x\nc.png,x\n":  "line 3: ",
		strings.Repeat("a.png", 1000) + "\nb,b\nc": "line 1: bad labels file: 1 field",
	} {
		dir := labeledFolder(t, csv)
		_, err := Open(dir, Options{NeedLabels: true})
		if !errors.Is(err, ErrCSV) || !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), LabelsFile) {
			t.Errorf("%q: %v, want %q", csv, err, says)
		}
		if _, err := Open(dir, Options{Labels: filepath.Join(dir, LabelsFile)}); !errors.Is(err, ErrCSV) || !strings.Contains(err.Error(), says) {
			t.Errorf("named: %q: %v, want %q", csv, err, says)
		}
		var notes []string
		d, err := Open(dir, Options{Note: func(line string) { notes = append(notes, line) }})
		if err != nil || d.Labels != nil || !strings.Contains(strings.Join(notes, "\n"), "no labels are used: labels: ") {
			t.Errorf("%q: %v, notes %q", csv, err, notes)
		}
	}
}

// What is kept converted belongs to the labels and their names.
func TestCSVLabelsCached(t *testing.T) {
	l, err := newLoader(context.Background(), "", Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "a.png") // and older than what may still change
	writeCSV(t, large, "")
	if err := errors.Join(os.Truncate(large, cacheWorth), os.Chtimes(large, time.Time{}, time.Unix(1e9, 0))); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, set := range []*pictureSet{{csv: true, classes: []string{"a"}}, {csv: true, classes: []string{"b"}}} {
		set.paths, set.labels = []string{large}, []int32{0}
		key, err := l.cacheKey(set)
		if err != nil || key == "" {
			t.Fatalf("key %q, %v", key, err)
		}
		keys[key] = true
	}
	if len(keys) != 2 {
		t.Error("sets of other class names are taken for one")
	}
}

// TestTakeClasses: the parts of a set number their classes alike, whichever of them they have.
func TestTakeClasses(t *testing.T) {
	training := &Dataset{Labels: []int32{0, 1, 2}, Classes: []string{"a", "b", "c"}}
	labels := []int32{0, 1, 1}
	test := &Dataset{Name: "set", Labels: labels, Classes: []string{"b", "c"}}
	if err := test.TakeClasses(training); err != nil || !slices.Equal(test.Labels, []int32{1, 2, 2}) || !slices.Equal(test.Classes, training.Classes) {
		t.Errorf("%+v, %v", test, err)
	}
	if !slices.Equal(labels, []int32{0, 1, 1}) {
		t.Errorf("the labels that were there are %v", labels)
	}
	other := &Dataset{Name: "set", Labels: []int32{0}, Classes: []string{"d"}}
	if err := other.TakeClasses(training); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), `class "d"`) {
		t.Error(err)
	}
	for _, d := range []*Dataset{{}, {Labels: []int32{2}}} {
		if err := d.TakeClasses(training); err != nil || d.Classes != nil {
			t.Errorf("%+v, %v", d, err)
		}
	}
}
