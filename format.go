package gantiny

import (
	"bytes"
	"path"
	"strings"
	"sync"

	"github.com/gantiny/gantiny/model"
)

// format is a kind of file besides gantiny's own.
type format struct {
	extension string
	magic     string
	read      func(b []byte) (*model.Model, error)
}

var formats struct {
	sync.RWMutex
	list []format
}

// RegisterFormat makes Open, OpenFS and Read know files of another kind, by the extension of their
// name (".onnx") or, where that is not empty, by the bytes that they begin with. An importer's
// package calls it when it is imported.
func RegisterFormat(extension, magic string, read func(b []byte) (*model.Model, error)) {
	formats.Lock()
	defer formats.Unlock()
	formats.list = append(formats.list, format{extension, magic, read})
}

// formatOf returns the format that a file's name tells, nil for gantiny's own.
func formatOf(name string) *format {
	formats.RLock()
	defer formats.RUnlock()
	for i := range formats.list {
		if f := &formats.list[i]; f.extension != "" && strings.EqualFold(path.Ext(name), f.extension) {
			return f
		}
	}
	return nil
}

// decode reads a model of any format.
func decode(b []byte, name string, c config) (*model.Model, error) {
	f := formatOf(name)
	formats.RLock()
	for i := range formats.list {
		if at := &formats.list[i]; f == nil && at.magic != "" && bytes.HasPrefix(b, []byte(at.magic)) {
			f = at
		}
	}
	formats.RUnlock()
	if f != nil {
		return f.read(b)
	}
	return model.ViewForm(b, c.float)
}
