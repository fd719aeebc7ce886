package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/sniff"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/weights"
)

func newImport() *cli.Command {
	f := &importFlags{}
	cmd := &cli.Command{
		Name:  "import",
		Args:  "FILE -o MODEL.safetensors",
		Short: "Makes a model of a file of another program",
		Long: `import makes a model of a generator, a decoder or a small discriminator that another program has written: in ONNX (.onnx), as
PyTorch, Keras and others export it, in TensorFlow Lite's format (.tflite), or as weights under names: PyTorch's checkpoints (.pt, .pth),
.safetensors and NumPy's .npz. Nothing in a checkpoint is executed.

Weights alone do not say what their network is. A --graph does, in TOML; without one the network is found out if it is of a known family: DCGAN,
Linear and then Upsample and Conv2d in turn, or Linear alone. What was found is printed, and --save-graph writes it to be changed. The activations
are those that the family usually has, if --hidden and --last do not say otherwise.

What the file does not say is guessed, and can be given: the range of its pixels, its layout, its order of colors. Everything that gantiny
cannot run, and every weight that is missing or not used, is listed at once. Other commands take such files as their MODEL too, with what is guessed.`,
		Example: `  gantiny import generator.onnx -o generator.safetensors
  gantiny import vae.onnx --range sigmoid --size 28x28x1 -o vae.safetensors
  gantiny import generator.tflite -o generator.safetensors
  gantiny import netG.pth -o generator.safetensors --save-graph netG.toml
  gantiny import netG.pth --graph netG.toml -o generator.safetensors`,
		Check: func(args []string) error {
			if len(args) != 1 {
				return usagef("wants one FILE, got %d", len(args))
			}
			return nil
		},
		Complete: func(before []string) cli.Candidates {
			return cli.Candidates{Files: len(before) == 0}
		},
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return runImport(ctx, f, args[0], cmd.Stdout(), cmd.Stderr())
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func runImport(ctx context.Context, f *importFlags, path string, stdout, stderr io.Writer) error {
	o, err := f.options()
	switch {
	case err != nil:
		return err
	case f.out == "":
		return usagef("-o: which file to write?")
	}
	for _, out := range []struct{ flag, path string }{{"-o", f.out}, {"--save-graph", f.saveGraph}} {
		if out.path == "" {
			continue
		}
		if err := errors.Join(checkNotInput(out.flag, out.path, path), checkFile(out.flag, out.path)); err != nil {
			return err
		}
	}
	if err := checkModelFile("-o", f.out); err != nil {
		return err
	}
	format, err := sniff.Import(path)
	if err == nil {
		err = f.fits(format)
	}
	if err != nil {
		return err
	}
	type result struct {
		m     *model.Model
		found *weights.Found
	}
	r, err := unlessStopped(ctx, func() (r result, err error) {
		r.m, r.found, err = f.load(path, format, o)
		return r, err
	})
	if err != nil {
		f.reportFound(r.found, stderr)
		return fmt.Errorf("%s: %w", path, err)
	}
	if f.saveGraph != "" {
		if err := os.WriteFile(f.saveGraph, []byte(r.found.Graph), 0o666); err != nil {
			return err
		}
	}
	r.m.Provenance.Version = version()
	apart, err := r.m.SettleSums(ctx)
	if err != nil && !errors.Is(err, model.ErrMemory) { // what this machine has no memory for, another may run
		return fmt.Errorf("%s: %w", path, err)
	}
	if r.m.Direct {
		fmt.Fprintf(stderr, "it keeps to direct sums: of many images at once Winograd's algorithm would be %.1e off\n", apart)
	}
	if err := r.m.Save(f.out, model.SaveOptions{Half: f.half}); err != nil {
		return err
	}
	to := imported{
		Model: path, Out: f.out, Inputs: portsOf(r.m.Inputs()), Outputs: portsOf(r.m.Outputs()), Parameters: r.m.Parameters(), MACs: macsOf(r.m),
	}
	return f.report(to, r.found, stdout, stderr)
}

// imported is what import --json prints; its names are a contract.
type imported struct {
	Model      string     `json:"model"`
	Out        string     `json:"out"`
	Inputs     []string   `json:"inputs"` // "z 100", "label 1 class of 10"
	Outputs    []string   `json:"outputs"`
	Parameters int        `json:"parameters"`
	MACs       int64      `json:"macs"` // of one image
	Family     string     `json:"family,omitempty"`
	Assigned   []assigned `json:"assigned,omitempty"`
}

// assigned is one tensor's way into a model.
type assigned struct {
	Parameter string `json:"parameter"`
	Tensor    string `json:"tensor"`
	Shape     []int  `json:"shape"`
}

func portsOf(list []model.Port) (out []string) {
	for _, p := range list {
		out = append(out, p.Name+" "+p.Spec.String())
	}
	return out
}

func macsOf(m *model.Model) int64 {
	exact, _ := m.MACs()
	return exact
}

func (f *importFlags) report(r imported, found *weights.Found, stdout, stderr io.Writer) error {
	if f.json {
		if found != nil {
			r.Family = found.Family
			for _, a := range found.Assigned {
				r.Assigned = append(r.Assigned, assigned(a))
			}
		}
		return json.NewEncoder(stdout).Encode(r)
	}
	f.reportFound(found, stderr)
	_, err := fmt.Fprintf(stderr, "%s: %s to %s, %s\n", r.Out, strings.Join(r.Inputs, ", "), strings.Join(r.Outputs, ", "), display.Plural(r.Parameters, "parameter"))
	return err
}

// reportFound prints what was found out, if anything was: which weights are which parameters, and
// what the names and shapes cannot tell.
func (f *importFlags) reportFound(found *weights.Found, stderr io.Writer) {
	if found == nil || f.json {
		return
	}
	for _, a := range found.Assigned {
		fmt.Fprintf(stderr, "  %-28s %s %v\n", a.Parameter, a.Tensor, a.Shape)
	}
	if found.Family != "" {
		fmt.Fprintf(stderr, "a network of the family %s; its activations, strides and epsilons are the usual ones: --save-graph shows them, --hidden, --last and --graph change them\n", found.Family)
	}
}
