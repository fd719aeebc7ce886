package onnxwrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// ErrUnsupported is wrapped by the error about a model that ONNX cannot hold.
var ErrUnsupported = errors.New("cannot be written as ONNX")

// UnsupportedError lists everything in a model that ONNX cannot hold.
type UnsupportedError struct{ Items []string }

func (e *UnsupportedError) Error() string {
	return "onnxwrite: " + ErrUnsupported.Error() + ":\n  " + strings.Join(e.Items, "\n  ")
}

func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// The versions of what is written. Opset 17 is the oldest that has all operators: later ones only
// add names for what several nodes can say.
const (
	irVersion = 8
	opset     = 17
)

// Keys of the metadata, which package onnx reads.
const (
	keyRange   = "gantiny.range"   // of the first output's pixels: "tanh", -1 to 1
	keyImages  = "gantiny.images"  // JSON: the names of inputs that are images whatever their channels
	keyClasses = "gantiny.classes" // JSON: the names of the classes
)

// maxBytes is what a protobuf message can hold.
const maxBytes = math.MaxInt32

// Options say what a file's header tells.
type Options struct {
	Version string // of the program that writes
}

// Write writes a model. Inputs and outputs keep their names: a vector is (N, C), an image (N, C, H,
// W), a class (N) of int64; N is free. Pixels go from -1 to 1. The error about what ONNX cannot
// hold wraps ErrUnsupported and lists all of it.
func Write(w io.Writer, m *model.Model, o Options) error {
	params, err := m.ReadParams()
	if err != nil {
		return fmt.Errorf("onnxwrite: %w", err)
	}
	e := newExporter(m, params)
	e.run()
	if len(e.items) > 0 {
		return &UnsupportedError{e.items}
	}
	graph := e.encode()
	b := appendInt(nil, 1, irVersion)
	b = appendText(appendText(b, 2, "gantiny"), 3, o.Version)
	b = appendBytes(b, 8, appendInt(appendText(nil, 1, ""), 2, opset))
	for _, p := range e.metadata() {
		b = appendBytes(b, 14, pair(p[0], p[1]))
	}
	if len(graph) > maxBytes-len(b)-16 {
		return &UnsupportedError{[]string{fmt.Sprintf("its weights: %d bytes, a file holds 2^31", len(graph))}}
	}
	_, err = w.Write(appendBytes(b, 7, graph))
	return err
}

// metadata says of inputs and outputs what their shapes do not.
func (e *exporter) metadata() (list [][2]string) {
	if first := e.m.Output(); !first.IsFlat() {
		list = append(list, [2]string{keyRange, "tanh"})
	}
	var images []string
	for _, p := range e.m.Inputs() {
		if !p.Shape.IsFlat() {
			images = append(images, p.Name)
		}
	}
	for _, l := range []struct {
		key   string
		names []string
	}{{keyImages, images}, {keyClasses, e.m.ClassNames}} {
		if l.names == nil {
			continue
		}
		text, err := json.Marshal(l.names)
		if err != nil { // of strings
			panic(err)
		}
		list = append(list, [2]string{l.key, string(text)})
	}
	return list
}
