package main

import (
	"io"
	"path/filepath"
	"strconv"

	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// reference is the network that all contestants know.
const reference = "reference"

// A network is one that gantiny makes, with random weights, and hands to ONNX Runtime as a file.
// Where it is the reference network for other images, size and channels say which, and contestants
// that are scaled build it themselves.
type network struct {
	size, channels int
	build          func() (*model.Model, error)
}

var others = map[string]network{
	"rgb64": {64, 3, func() (*model.Model, error) {
		return model.Generator(model.Config{Size: 64, Channels: 3}), nil
	}},
	"conditional": {build: func() (*model.Model, error) { // of the recipe of this name
		return networks.Generator(networks.Config{Family: "dcgan", Latent: 64, Size: 28, Channels: 1, Width: 32, Levels: 2, Classes: 10, Embed: 16})
	}},
	"residual": {build: func() (*model.Model, error) {
		return networks.Generator(networks.Config{Family: "resnet", Latent: 128, Size: 32, Channels: 3, Width: 64})
	}},
}

// use has the workshop time the network in place of the reference network: by the file that
// --model could name, and by the images' sizes.
func (w *workshop) use(n network, name string) error {
	m, err := n.build()
	if err != nil {
		return err
	}
	m.Name = name
	w.model = filepath.Join(w.dir, name+".onnx")
	if n.size > 0 {
		w.sizes = []string{strconv.Itoa(n.size), strconv.Itoa(n.channels)}
	}
	return atomicfile.Write(w.model, func(out io.Writer) error {
		return onnxwrite.Write(out, m, onnxwrite.Options{})
	})
}
