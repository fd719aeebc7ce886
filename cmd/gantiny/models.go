package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/model/quantized"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/train"
)

// embeddedName is what messages and JSON call the model inside the program.
const embeddedName = "embedded"

// The forms of a model, as --json names them.
const (
	formFloat = "float32"
	formInt8  = "int8"
)

// network is an opened model in one of its forms.
type network struct {
	name  string           // its path, or embeddedName
	float *model.Model     // nil if in bytes
	int8  *quantized.Model // nil if in floats
}

// openModel loads the model that the arguments name (a file or the directory of a run), or the embedded one: in bytes if it has
// that form, unless float.
func openModel(args []string, float bool) (n network, err error) {
	if len(args) == 0 {
		return openEmbedded(float, floatPlaces())
	}
	n.name = args[0]
	if isDir(n.name) {
		n.name = filepath.Join(n.name, train.GeneratorFile)
	}
	if _, err := os.Stat(n.name); errors.Is(err, fs.ErrNotExist) {
		return n, fmt.Errorf("%s: %w; a MODEL is a .safetensors file or the directory of a training run", n.name, fs.ErrNotExist)
	}
	if !float {
		n.int8, err = quantized.Load(n.name)
		if err == nil || !errors.Is(err, quantized.ErrNone) {
			return n, err
		}
	}
	n.float, err = model.Load(n.name)
	return n, err
}

// openEmbedded opens the embedded model. Its floats are no part of the program: they are a file in one of some places.
func openEmbedded(float bool, places []string) (n network, err error) {
	n.name = embeddedName
	if n.int8, err = pretrained.Quantized(); err != nil || !float {
		return n, err
	}
	var other error
	for _, path := range places {
		m, err := model.Load(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && m.Provenance != n.int8.Provenance() {
			if other == nil {
				other = fmt.Errorf("--float: %s belongs to another version of this program: it was made by %q", path, m.Provenance.Command)
			}
			continue
		}
		return network{name: path, float: m}, err
	}
	if other != nil {
		return n, other
	}
	return n, fmt.Errorf("--float: the model inside this program is in 8-bit integers only; the same in floats is a file, %s, which its packages install and which is not in %s. "+
		"Download it from %s and name it as the MODEL", floatFile, strings.Join(places, " or "), floatURL)
}

const (
	floatFile = "generator-float.safetensors"
	floatURL  = "https://github.com/gantiny/gantiny/raw/main/model/pretrained/float/generator.safetensors"
)

// floatPlaces is where packages put the embedded model's floats: beside the program, as prefix/bin and prefix/share are, and
// where systems keep such files; and where a clone has them.
func floatPlaces() (places []string) {
	if program, err := os.Executable(); err == nil {
		if whole, err := filepath.EvalSymlinks(program); err == nil {
			program = whole
		}
		places = append(places, filepath.Join(filepath.Dir(filepath.Dir(program)), "share", "gantiny", floatFile))
	}
	if runtime.GOOS != "windows" {
		places = append(places, "/usr/share/gantiny/"+floatFile)
	}
	if path := cloneFloat(); path != "" {
		places = append(places, path)
	}
	return slices.Compact(places)
}

func (n network) form() string {
	if n.int8 != nil {
		return formInt8
	}
	return formFloat
}

func (n network) input() model.Shape {
	if n.int8 != nil {
		return n.int8.Input()
	}
	return n.float.Input()
}

func (n network) output() model.Shape {
	if n.int8 != nil {
		return n.int8.Output()
	}
	return n.float.Output()
}

// pictureShape is the shape of the images that the network makes; it is an error where it makes none.
func (n network) pictureShape() (model.Shape, error) {
	in, out := n.input(), n.output()
	if !in.IsFlat() || out.IsFlat() {
		return out, fmt.Errorf("%s: not a generator: %v to %v", n.name, in, out)
	}
	return out, nil
}

// session is a model.Session or a quantized.Session.
type session interface {
	RunContext(ctx context.Context, dst, z []float32) error
	Ops() []model.OpInfo
	PeakBytes() int64
	Close()
}

func (n network) newSession(o model.Options) (session, error) {
	if n.int8 != nil {
		return n.int8.NewSession(o)
	}
	return n.float.NewSession(o)
}

// memory predicts what newSession with these options takes.
func (n network) memory(o model.Options) (model.Memory, error) {
	if n.int8 != nil {
		return n.int8.Memory(o)
	}
	return n.float.Memory(o)
}

// draw computes images as floats and as pixels.
func draw(ctx context.Context, s session, floats []float32, pixels []uint8, z []float32) error {
	if q, ok := s.(*quantized.Session); ok {
		err := q.PixelsContext(ctx, pixels, z)
		quant.Floats(floats, pixels)
		return err
	}
	err := s.RunContext(ctx, floats, z)
	picture.Pixels(pixels, floats)
	return err
}
