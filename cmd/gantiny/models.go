package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/pretrained"
	"github.com/gantiny/gantiny/model/quantized"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// embeddedName is what messages and JSON call the model inside the program.
const embeddedName = "embedded"

// generatorFile is the finished generator in the directory of a training run.
const generatorFile = "generator.safetensors"

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
	n.name = embeddedName
	if len(args) > 0 {
		n.name = args[0]
		if isDir(n.name) {
			n.name = filepath.Join(n.name, generatorFile)
		}
	}
	if !float {
		if len(args) > 0 {
			n.int8, err = quantized.Load(n.name)
		} else {
			n.int8, err = pretrained.Quantized()
		}
		if err == nil || !errors.Is(err, quantized.ErrNone) {
			return n, err
		}
	}
	if len(args) > 0 {
		n.float, err = model.Load(n.name)
	} else {
		n.float, err = pretrained.Generator()
	}
	return n, err
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

// lookupKernels finds the kernels of a --kernel flag.
func lookupKernels(name string) (*simd.Kernels, error) {
	k, err := simd.Lookup(name)
	if err != nil && name != "" {
		return nil, usagef("--kernel %s: %w", name, err)
	}
	return k, err
}

// addKernelFlag gives a command its --kernel.
func addKernelFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "kernel", "", "instruction set: "+strings.Join(kernelNames(), ", ")+" (the best by default)")
	err := cmd.RegisterFlagCompletionFunc("kernel", cobra.FixedCompletions(kernelNames(), cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err)
	}
}

// completeModel is the shell's completion of [MODEL].
func completeModel(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"safetensors"}, cobra.ShellCompDirectiveFilterFileExt
}

func kernelNames() []string {
	var names []string
	for _, k := range simd.Variants() {
		names = append(names, k.Name)
	}
	return names
}

func checkThreads(threads int) error {
	if threads < 1 || threads > 1024 {
		return usagef("--threads %d: want 1 to 1024", threads)
	}
	return nil
}
