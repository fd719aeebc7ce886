package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/graph"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

func newInspect() *cli.Command {
	var asJSON, float bool
	var kernel string
	var shown graphFlag
	cmd := &cli.Command{
		Name:  "inspect",
		Args:  "[MODEL]",
		Short: "What a model holds and costs, and the kernels of this machine",
		Long: `inspect shows a model's layers, where it came from, and the kernels of this machine.
With --graph it shows the graph instead, as it is and as the program runs it: what each node reads and makes, what was fused, and how values lie in memory.

Memory is what generate has resident at most, the program itself included, by batch and threads, and what one training step of the
reference network takes; the latter without the data set (training on MNIST: 47 MB more).`,
		Check:    atMostOneModel,
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			if shown != "" && !asJSON {
				return inspectGraph(ctx, cmd.Stdout(), args, float, shown)
			}
			r, err := inspect(ctx, args, float, kernel)
			if err != nil {
				return err
			}
			if shown != "" {
				if r.Graph, err = shown.of(r.network); err != nil {
					return err
				}
			}
			if asJSON {
				return json.NewEncoder(cmd.Stdout()).Encode(r)
			}
			return r.print(cmd.Stdout())
		},
	}
	addKernelFlag(cmd.Flags(), &kernel)
	cmd.Flags().BoolVar(&float, "float", false, "show the model in floats where the file holds it in bytes too")
	addGraphFlag(cmd.Flags(), &shown)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: layers, parameters, macs, peak_bytes, kernels, ...")
	return cmd
}

// report is what inspect finds; its JSON names are a contract.
type report struct {
	Model      string           `json:"model"`
	Name       string           `json:"name"`
	Form       string           `json:"form"` // float32 or int8
	Input      []int            `json:"input"`
	Output     []int            `json:"output"`
	Layers     []layerReport    `json:"layers"`
	Parameters int              `json:"parameters"`
	MACs       int64            `json:"macs"`         // of one image, those that touch a pixel
	Nominal    int64            `json:"nominal_macs"` // with those that meet padding
	PeakBytes  int64            `json:"peak_bytes"`   // of generate: one image on one thread
	Memory     []memoryReport   `json:"memory"`       // the same by batch and threads
	Training   memoryReport     `json:"training"`     // of the reference network, without its data set
	Kernels    []string         `json:"kernels"`      // that this machine can run, slowest first
	Kernel     string           `json:"kernel"`       // the one in use
	Platform   string           `json:"platform"`
	Processors int              `json:"processors"`
	Provenance model.Provenance `json:"provenance"`
	Graph      *graph.Pair      `json:"graph,omitempty"` // with --graph

	network network
}

// memoryReport is a prediction of the process's resident memory at its peak.
type memoryReport struct {
	Batch   int   `json:"batch"`
	Threads int   `json:"threads"`
	Bytes   int64 `json:"bytes"`
}

type layerReport struct {
	Name       string        `json:"name"`
	Kind       string        `json:"kind"`
	Inputs     []string      `json:"inputs"` // the values that it reads: a layer's name, or a model's input
	Input      []int         `json:"input"`  // the shape of the first
	Output     []int         `json:"output"`
	Parameters int           `json:"parameters"`
	MACs       int64         `json:"macs"`
	Nominal    int64         `json:"nominal_macs"`
	Tensors    []tensorShape `json:"tensors,omitempty"`
}

type tensorShape struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

func inspect(ctx context.Context, args []string, float bool, kernel string) (*report, error) {
	kernels, err := lookupKernels(kernel)
	if err != nil {
		return nil, err
	}
	program := residentBytes(rootFS())
	n, err := openNamed(ctx, args, float)
	if err != nil {
		return nil, err
	}
	r := &report{
		Model: n.name, Form: n.form(), Input: dims(n.Input()), Output: dims(n.Output()),
		Kernels: kernelNames(), Kernel: kernels.Name,
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Processors: processors(), network: n,
	}
	if err := r.predict(n, kernels, program); err != nil {
		return nil, err
	}
	r.fill(n.Model)
	return r, nil
}

// predict fills in the memory; program is what the process takes without a model.
func (r *report) predict(n network, k *simd.Kernels, program int64) error {
	f := newFootprint(n, model.Options{Kernels: k, Winograd: true})
	for _, threads := range slices.Compact([]int{1, r.Processors}) {
		for _, batch := range []int{1, 16, 64} {
			f.pictures = pictureBytes("png", n.Output(), batch)
			bytes, err := f.peak(batch, threads)
			if err != nil {
				return err
			}
			r.Memory = append(r.Memory, memoryReport{batch, threads, bytes})
		}
	}
	r.PeakBytes = r.Memory[0].Bytes

	c := train.Default()
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	t, err := train.New(c, g, d, train.Tuning{Kernels: k, MaxBytes: -1})
	if err != nil {
		return err
	}
	defer t.Close()
	threads := c.Threads
	if threads == 0 {
		threads = r.Processors
	}
	r.Training = memoryReport{c.Batch, threads, program + t.Bytes() + workingBytes}
	return nil
}

func (r *report) fill(m *model.Model) {
	r.Name, r.Parameters, r.Provenance = m.Name, m.Parameters(), m.Provenance
	r.MACs, r.Nominal = m.MACs()
	for _, l := range m.Layers() {
		lr := layerReport{Name: l.Name, Kind: l.Op.Kind(), Inputs: l.Inputs, Input: dims(l.In[0].Shape), Output: dims(l.Out.Shape),
			Parameters: l.Parameters(), MACs: l.MACs, Nominal: l.Nominal}
		for _, p := range l.Params {
			lr.Tensors = append(lr.Tensors, tensorShape{p.Name, p.Shape})
		}
		r.Layers = append(r.Layers, lr)
	}
}

// dims is a shape without the sizes of 1 that a vector has.
func dims(s model.Shape) []int {
	if s.IsFlat() {
		return []int{s.C}
	}
	return []int{s.H, s.W, s.C}
}

func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "layer\toutput\tparameters\tmultiply-adds\twith padding\t\n")
	for _, l := range r.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", display.Line(l.Name), times(l.Output), orBlank(int64(l.Parameters)), orBlank(l.MACs), orBlank(l.Nominal))
	}
	fmt.Fprintf(t, "all\t%s to %s\t%d\t%d\t%d\t\n", times(r.Input), times(r.Output), r.Parameters, r.MACs, r.Nominal)
	if err := t.Flush(); err != nil {
		return err
	}
	rows := make([]string, len(r.Kernels))
	for i, name := range r.Kernels {
		rows[i] = name
		if name == r.Kernel {
			rows[i] += "*"
		}
	}
	facts := [][2]string{
		{"model", r.Model + " (" + r.Name + ", " + r.Form + ")"},
		{"memory", r.memory()},
		{"", fmt.Sprintf("train %d at a time: %s on %s, and the data", r.Training.Batch, mebibytes(r.Training.Bytes), display.Plural(r.Training.Threads, "thread"))},
		{"kernels", strings.Join(rows, " ") + " (* in use)"},
		{"machine", fmt.Sprintf("%s, %s", r.Platform, display.Plural(r.Processors, "processor"))},
	}
	if p := r.Provenance; p.Command != "" {
		facts = append(facts, [2]string{"made by", p.Command},
			[2]string{"version", p.Version},
			[2]string{"trained", fmt.Sprintf("%s on %s, seed %d", display.Plural(p.Epochs, "epoch"), p.Dataset, p.Seed)},
			[2]string{"data", "sha256 " + p.DatasetSHA256})
	}
	fmt.Fprintln(w)
	for _, f := range facts {
		if _, err := fmt.Fprintf(w, "%-8s %s\n", f[0], display.Line(f[1])); err != nil {
			return err
		}
	}
	return nil
}

// memory is one line on what generate takes: "1, 16, 64 at a time: 29, 36, 36 MiB on 1 thread; ..."
func (r *report) memory() string {
	var batches, sizes []string
	line := ""
	for i, m := range r.Memory {
		if m.Threads == r.Memory[0].Threads {
			batches = append(batches, fmt.Sprint(m.Batch))
		}
		sizes = append(sizes, strings.TrimSuffix(mebibytes(m.Bytes), " MiB"))
		if i+1 == len(r.Memory) || r.Memory[i+1].Threads != m.Threads {
			line += fmt.Sprintf("; %s MiB on %s", strings.Join(sizes, ", "), display.Plural(m.Threads, "thread"))
			sizes = nil
		}
	}
	return fmt.Sprintf("generate %s at a time: %s", strings.Join(batches, ", "), line[2:])
}

// times writes 7x7x256.
func times(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// orBlank leaves zeros out of a table.
func orBlank(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
