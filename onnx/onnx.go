package onnx

import (
	"fmt"
	"os"
	"path/filepath"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/importer"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/internal/importer/onnxproto"
	"github.com/gantiny/gantiny/model"
)

func init() {
	gantiny.RegisterFormat(".onnx", "", Read)
}

// Errors of this package, for errors.Is; those of other importers are the same.
var (
	ErrFormat      = ir.ErrFormat
	ErrUnsupported = ir.ErrUnsupported
)

// UnsupportedError lists everything in a file that cannot be imported, in its field Items. It wraps
// ErrUnsupported.
type UnsupportedError = ir.UnsupportedError

// Range says what the output's numbers stand for: black and white.
type Range = importer.Range

// The ranges of pixels.
const (
	RangeAuto    = importer.RangeAuto    // by the graph's last operators; as they are if these do not tell
	RangeNone    = importer.RangeNone    // as they are
	RangeTanh    = importer.RangeTanh    // -1 to 1, which is package model's own
	RangeSigmoid = importer.RangeSigmoid // 0 to 1
	RangeBytes   = importer.RangeBytes   // 0 to 255
)

// Options say what a file does not. The zero Options suit most generators.
type Options struct {
	Range  Range            // of the first output's numbers, if it is an image
	Layout string           // of the outputs: "NCHW" or "NHWC"; by their shapes if empty
	BGR    bool             // whether the first output has blue first
	Size   model.Shape      // of the first output's image, where the file has a vector
	Output string           // the only output that is wanted, if not empty
	Shapes map[string][]int // of inputs, the batch first, where the file leaves dimensions open
	OneHot []string         // inputs that are a 1 among zeros, which become inputs of classes
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
	return o.read(b, ir.NewMeter(len(b)), func(t *ir.Tensor) ([]byte, error) {
		return nil, ir.Refuse("tensor %q stands in another file, %q, which Load and 'gantiny import' read", t.Name, t.External["location"])
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
	return o.read(b, ir.NewMeter(len(b)), e.tensor)
}

func (o Options) read(b []byte, m *ir.Meter, outside func(*ir.Tensor) ([]byte, error)) (*model.Model, error) {
	f, err := onnxproto.Read(b, m)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	made, err := importer.Options(o).Model(f, m, outside)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	made.Provenance.Command = "import of ONNX by " + f.Producer
	return made, nil
}
