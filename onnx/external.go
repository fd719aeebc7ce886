package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// external reads tensors that stand in files beside the .onnx file.
type external struct {
	dir  string
	root *os.Root // nothing outside of dir is reached, by links neither
}

func (e *external) close() {
	if e.root != nil {
		e.root.Close()
	}
}

// tensor returns a tensor's bytes.
func (e *external) tensor(t *ir.Tensor) ([]byte, error) {
	n, ok := ir.Elements(t.Dims)
	size := n * ir.TypeSize[t.Type]
	name := filepath.FromSlash(t.External["location"])
	if !ok || size == 0 || !filepath.IsLocal(name) {
		return nil, ir.Refuse("tensor %q stands in %q, which is no file beside the .onnx file", t.Name, name)
	}
	var offset int64
	for key, to := range map[string]*int64{"offset": &offset, "length": nil} {
		text, ok := t.External[key]
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil || v < 0:
			return nil, ir.Damaged("tensor %q has the %s %q", t.Name, key, text)
		case to != nil:
			*to = v
		case v != int64(size):
			return nil, ir.Damaged("tensor %q of %v has %d bytes, want %d", t.Name, t.Dims, v, size)
		}
	}
	if e.root == nil {
		var err error
		if e.root, err = os.OpenRoot(e.dir); err != nil {
			return nil, fmt.Errorf("onnx: %w", err)
		}
	}
	f, err := e.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("onnx: tensor %q: %w", t.Name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size()-offset < int64(size) {
		return nil, ir.Damaged("tensor %q: %s is too short, or no file", t.Name, name)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, int64(size)), b); err != nil {
		return nil, fmt.Errorf("onnx: tensor %q: %w", t.Name, err)
	}
	return b, nil
}
