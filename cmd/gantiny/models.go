package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	face "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/zoo/digits"
)

// embeddedName is what messages and JSON call the model inside the program.
const embeddedName = "embedded"

// The forms of a model, as --json names them.
const (
	formFloat = "float32"
	formInt8  = "int8"
)

// network is an opened model.
type network struct {
	name string // its path, or embeddedName
	*model.Model
}

// openModel loads the model that the arguments name (a file or the directory of a run), or the
// embedded one: in bytes if it has that form, unless float.
func openModel(args []string, float bool) (n network, err error) {
	if len(args) == 0 {
		return openEmbedded(float, floatPlaces())
	}
	n.name = modelPath(args[0])
	if _, err := os.Stat(n.name); errors.Is(err, fs.ErrNotExist) {
		return n, fmt.Errorf("%s: %w; a MODEL is a .safetensors, .onnx, .tflite or .pth file, or the directory of a training run", n.name, fs.ErrNotExist)
	}
	n.Model, err = open(n.name, float)
	return n, err
}

// open is face.OpenModel of one form. An ONNX file may have its weights in others beside it.
func open(path string, float bool) (*model.Model, error) {
	if isONNX(path) {
		m, err := onnx.Load(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return m, nil
	}
	var options []face.Option
	if float {
		options = append(options, face.Float())
	}
	return face.OpenModel(path, options...)
}

func isONNX(path string) bool { return strings.EqualFold(filepath.Ext(path), ".onnx") }

// openEmbedded opens the embedded model. Its floats are no part of the program: they are a file in
// one of some places.
func openEmbedded(float bool, places []string) (n network, err error) {
	n.name = embeddedName
	if n.Model, err = digits.Model(); err != nil || !float {
		return n, err
	}
	var other error
	for _, path := range places {
		m, err := open(path, true)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && m.Provenance != n.Provenance {
			if other == nil {
				other = fmt.Errorf("--float: %s belongs to another version of this program: it was made by %q", path, m.Provenance.Command)
			}
			continue
		}
		return network{path, m}, err
	}
	if other != nil {
		return n, other
	}
	return n, fmt.Errorf("--float: the model inside this program is in 8-bit integers only; the same in floats is a file, %s, which its packages install and which is not in %s. "+
		"Download it from %s and name it as the MODEL", floatFile, strings.Join(places, " or "), floatURL)
}

const (
	floatFile = "generator-float.safetensors"
	floatURL  = "https://github.com/gantiny/gantiny/raw/main/zoo/digits/float.safetensors"
)

// floatPlaces is where packages put the embedded model's floats: beside the program, as prefix/bin
// and prefix/share are, and where systems keep such files; and where a clone has them.
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
	if n.Quantized() {
		return formInt8
	}
	return formFloat
}

// pictureShape is the shape of the images that the network makes; it is an error where it makes
// none.
func (n network) pictureShape() (model.Shape, error) {
	in, out := n.Input(), n.Output()
	if _, _, err := n.GeneratorInputs(); err != nil || out.IsFlat() {
		return out, fmt.Errorf("%s: not a generator: %v to %v", n.name, in, out)
	}
	return out, nil
}

// latents is the length of a generator's latents, and classes the number of its classes, 0 for
// none.
func (n network) latents() (dim, classes int) {
	latent, class, err := n.GeneratorInputs()
	if err != nil {
		return 0, 0
	}
	inputs := n.Inputs()
	if class >= 0 {
		classes = inputs[class].Type.Classes
	}
	return inputs[latent].Shape.Len(), classes
}

// feed is what a generator reads and writes: latents, classes if it has any, floats and pixels.
func (n network) feed(z []float32, classes []int32, floats []float32, pixels []uint8) model.Feed {
	inputs := n.Inputs()
	f := model.Feed{In: make([]model.Data, len(inputs)), Out: make([]model.Data, len(n.Outputs()))}
	for i, in := range inputs {
		if in.Type.Kind == model.Class {
			f.In[i].Classes = classes
		} else {
			f.In[i].Floats = z
		}
	}
	f.Out[0] = model.Data{Floats: floats, Pixels: pixels}
	return f
}
