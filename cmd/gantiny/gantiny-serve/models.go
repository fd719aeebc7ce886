//go:build !js

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/serving"
	"github.com/gantiny/gantiny/httpserve"
	"github.com/gantiny/gantiny/internal/sniff"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/zoo/digits"
)

// library is the models that are served, and the files that they come from.
type library struct {
	float  bool
	models []entry
}

type entry struct {
	serving.Source
	generator *gantiny.Generator
	read      mark // of the file when it was read
	seen      mark // at the last look
}

// mark tells whether a file has changed.
type mark struct {
	changed time.Time
	size    int64
	file    fs.FileInfo
}

func (m mark) same(o mark) bool {
	return m.changed.Equal(o.changed) && m.size == o.size && (m.file == nil) == (o.file == nil) && (m.file == nil || os.SameFile(m.file, o.file))
}

// markOf is the mark of a file, or of the generator in a directory. A file that is not there has
// none.
func markOf(path string) mark {
	info, err := os.Stat(filePath(path))
	if path == "" || err != nil {
		return mark{}
	}
	return mark{info.ModTime(), info.Size(), info}
}

func filePath(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, gantiny.GeneratorFile)
	}
	return path
}

// openLibrary opens all models.
func openLibrary(sources []serving.Source, float bool) (*library, error) {
	l := &library{float: float}
	for _, s := range sources {
		e := entry{Source: s}
		if err := e.open(float); err != nil {
			return nil, err
		}
		l.models = append(l.models, e)
	}
	return l, nil
}

// open reads the model. Its mark is taken first: what changes meanwhile is read again.
func (e *entry) open(float bool) error {
	e.read = markOf(e.Path)
	e.seen = e.read
	g, err := openModel(e.Path, float)
	if err != nil {
		return err
	}
	e.generator = g
	return nil
}

func openModel(path string, float bool) (*gantiny.Generator, error) {
	if path == "" {
		return gantiny.Read(digits.Bytes())
	}
	file := filePath(path)
	if err := sniff.Model(file); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w; a MODEL is a .safetensors or .onnx file, or the directory of a training run", path, fs.ErrNotExist)
		}
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(file), ".onnx") { // whose weights may be in files beside it
		m, err := onnx.Load(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return gantiny.New(m)
	}
	var options []gantiny.Option
	if float {
		options = append(options, gantiny.Float())
	}
	g, err := gantiny.Open(file, options...)
	if err != nil && !strings.Contains(err.Error(), file) {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return g, err
}

// list is what the server takes.
func (l *library) list() []httpserve.Model {
	var list []httpserve.Model
	for _, e := range l.models {
		list = append(list, httpserve.Model{Name: e.Name, Generator: e.generator})
	}
	return list
}

// changed tells whether a file is another than was read, and has stayed so since the last look: one
// that is being written is left alone.
func (l *library) changed() bool {
	found := false
	for i := range l.models {
		e := &l.models[i]
		now := markOf(e.Path)
		if now.file != nil && !now.same(e.read) && now.same(e.seen) {
			found = true
		}
		e.seen = now
	}
	return found
}

// reread opens the models whose files have changed, or all, and returns the new library. A file
// that cannot be read is not tried again until it changes.
func (l *library) reread(all bool) (*library, error) {
	next := &library{float: l.float, models: append([]entry(nil), l.models...)}
	for i := range next.models {
		e := &next.models[i]
		if e.Path == "" || !all && markOf(e.Path).same(e.read) {
			continue
		}
		if err := e.open(l.float); err != nil {
			for k := range l.models {
				if l.models[k].Path == e.Path {
					l.models[k].read = e.read
				}
			}
			return nil, err
		}
	}
	return next, nil
}
