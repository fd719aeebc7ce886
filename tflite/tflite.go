package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/importer"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	gantiny.RegisterFormat(".tflite", "", Read)
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
	Layout string           // of the outputs: "NCHW" or "NHWC"; NHWC if empty
	BGR    bool             // whether the first output has blue first
	Size   model.Shape      // of the first output's image, where the file has a vector
	Output string           // the only output that is wanted, if not empty
	Shapes map[string][]int // of inputs, the batch first, where the file leaves dimensions open
	OneHot []string         // inputs that are a 1 among zeros, which become inputs of classes
}

// Read makes a model of a file in memory, to which nothing may write while it does. Inputs have
// their names without "serving_default_" and ":0"; an input of integers without a scale is one
// class an image; an input or output (H, W, C) of at most four channels becomes an image, every
// other one a vector in the file's order. The first output, if it is an image, has the range -1 to
// 1 that package model expects.
//
// Errors wrap ErrFormat for a file that is damaged and ErrUnsupported, with a list of everything,
// for one that cannot be imported.
func Read(b []byte) (*model.Model, error) { return Options{}.Read(b) }

// Load is Read of the file at path.
func Load(path string) (*model.Model, error) { return Options{}.Load(path) }

// Load is the function Load with options.
func (o Options) Load(path string) (*model.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	return o.Read(b)
}

// Read is the function Read with options.
func (o Options) Read(b []byte) (*model.Model, error) {
	m, err := o.read(b, ir.NewMeter(len(b)))
	if err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	return m, nil
}

func (o Options) read(b []byte, meter *ir.Meter) (*model.Model, error) {
	n, err := parse(b, meter)
	if err != nil {
		return nil, err
	}
	f, err := translate(n)
	if err != nil {
		return nil, err
	}
	m, err := importer.Options(o).Model(f, meter, nil)
	if err != nil {
		return nil, err
	}
	m.Provenance.Command = "import of TensorFlow Lite, " + n.producer
	return m, nil
}

func float32At(b []byte) float32 {
	if b == nil {
		return 0
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

func int64At(b []byte) int64 {
	if b == nil {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b))
}
