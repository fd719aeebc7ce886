package onnx

import (
	"fmt"
	"os"
	"path/filepath"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
)

func init() {
	gantiny.RegisterFormat(".onnx", "", Read)
}

// Read makes a model of an ONNX file in memory, to which nothing may write while it does. Inputs
// keep their names; an input of integers is one class an image; an input or output (C, H, W) of at
// most four channels becomes an image, every other one a vector in the file's order. The first
// output, if it is an image, has the range -1 to 1 that package model expects.
//
// Errors wrap ErrFormat for a file that is damaged and ErrUnsupported, with a list of everything,
// for one that cannot be imported.
func Read(b []byte) (*model.Model, error) { return Options{}.Read(b) }

// Load is Read of the file at path, whose weights may stand in other files beside it.
func Load(path string) (*model.Model, error) { return Options{}.Load(path) }

// Read is the function Read with options.
func (o Options) Read(b []byte) (*model.Model, error) {
	return o.read(b, func(t *tensorProto) ([]byte, error) {
		return nil, refuse("tensor %q stands in another file, %q, which Load and 'gantiny import' read", t.name, t.external["location"])
	})
}

// Load is the function Load with options.
func (o Options) Load(path string) (*model.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	e := &external{dir: filepath.Dir(path)}
	defer e.close()
	return o.read(b, e.tensor)
}

func (o Options) read(b []byte, outside func(*tensorProto) ([]byte, error)) (*model.Model, error) {
	m := newMeter(len(b))
	f, err := parse(b, m)
	if err != nil {
		return nil, err
	}
	made, err := o.Model(f, m, outside)
	if err != nil {
		return nil, err
	}
	made.Provenance.Command = "import of ONNX by " + f.producer
	return made, nil
}
