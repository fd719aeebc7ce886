// Command peers times gantiny beside other programs that compute the same reference networks, in
// one run, and prints one table of ratios: below 1, gantiny takes less time.
//
//	go run ./benchmarks/peers --what generate --batch 1,16,64 --threads 1,2
//	go run ./benchmarks/peers --what half --batch 1      (the same, our dense weights in half precision)
//	go run ./benchmarks/peers --what int8 --batch 1,16 --threads 1,2
//	go run ./benchmarks/peers --what train --batch 256 --threads 1,2 --json
//	go run ./benchmarks/peers --network residual --batch 1,16 --threads 1      (another network of ours: rgb64, conditional, residual)
//	go run ./benchmarks/peers --node --cpu --threads 1 --what int8      (gantiny in WebAssembly beside ONNX Runtime Web, under Node.js)
//	go run ./benchmarks/peers --model FILE.onnx --batch 1,16 --threads 1      (a model of your own, beside ONNX Runtime; with --what int8 quantized)
//
// Every contestant is a process of its own that prepares itself once and then answers turns. A
// round gives each one turn of --seconds, one after the other with nothing else running, so that a
// machine's drift meets all of them; a turn's figure is the median of its runs. The table shows
// medians over the rounds, and as the ratio the median of the rounds' own ratios. A peer that is
// not installed, or that fails, is named with the reason and left out. They come from:
//
//	oneDNN 2.x, 3.x  apt-get install g++ libdnnl-dev (2.x)
//	XNNPACK          apt-get install gcc libxnnpack-dev libpthreadpool-dev (of 2022)     (generation only)
//	ncnn             from its sources     (generation in float32 only)
//	PyTorch          apt-get install python3-torch, or pip install torch
//	ONNX Runtime     npm install onnxruntime-node, with NODE_PATH=.../node_modules    (generation only; PyTorch and
//	                 its exporter, apt-get install python3-onnx, write its model)
//	ONNX Runtime Web npm install onnxruntime-web, with NODE_PATH=.../node_modules     (--node only)
//
// PEERS_ONEDNN, PEERS_XNNPACK and PEERS_NCNN in the environment name the folder in which another
// version of a library is installed, with its include and lib; the programs speak to oneDNN of 2.x
// and 3.x, and to XNNPACK of 2022 and of 2025 and later, by their headers. GANTINY_KERNEL=avx2
// ONEDNN_MAX_CPU_ISA=AVX2 compares by AVX2 alone on a machine that has more; XNNPACK, ncnn and ONNX
// Runtime have no such switch.
//
// oneDNN stands for the sum of its convolution and dense primitives alone, in the layouts it
// prefers; in int8 its features are unsigned bytes, which it does fastest, and beside that signed
// ones (s8). XNNPACK of 2022 has no leaky ReLU and no tanh in int8; all others stand for the whole
// work. ONNX Runtime has no transposed convolution in int8: its float32 takes part instead, and so
// does gantiny's own. The peers' own sources are in src.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
	"github.com/gantiny/gantiny/model"
)

func main() { cli.Main("peers", run) }

// options are what the flags say.
type options struct {
	what           string
	batch, threads []int
	seconds        float64
	rounds         int
	python         string
	only           []string
	model, network string
	cpu            bool
	node           bool
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	var o options
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(log)
	f.StringVar(&o.what, "what", "generate", "`work` to time: generate, half (generate with gantiny's dense weights in half precision), int8 (in 8-bit integers) or train (one whole step)")
	batch := f.String("batch", "", "batch sizes, by comma (default 1,16,64 for generate and int8, 256 for train)")
	threads := f.String("threads", "1,2", "thread counts, by comma")
	f.Float64Var(&o.seconds, "seconds", 0.4, "seconds of a turn, at least one run (oneDNN: two of each primitive)")
	f.IntVar(&o.rounds, "rounds", 9, "turns of each contestant")
	f.StringVar(&o.python, "python", "", "the Python that has torch (default: the first of python3 and /usr/bin/python3 that does)")
	only := f.String("only", "", "names of peers, by comma, to leave out the others")
	f.StringVar(&o.model, "model", "", "ONNX `FILE` to time in place of the reference network, beside ONNX Runtime; --what generate or int8")
	f.StringVar(&o.network, "network", reference, "`NAME` of the network: reference, rgb64 (the same for images of 64x64x3), conditional or residual; but for the reference, --what generate or int8")
	f.BoolVar(&o.cpu, "cpu", false, "compare the least processor times of a run, where others are busy on the machine; without PyTorch, on one thread")
	f.BoolVar(&o.node, "node", false, "time gantiny in WebAssembly beside ONNX Runtime Web, under Node.js; --what generate or int8, --threads 1")
	asJSON := f.Bool("json", false, "print one JSON object, no table")
	serving := f.Bool("serve", false, "answer turns as gantiny's own contestant; arguments: WORK BATCH THREADS [FILE]")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return cli.ErrUsage
	}
	if *serving {
		return serve(f.Args(), os.Stdin, out)
	}
	if (o.model != "" || o.network != reference || o.node) && *batch == "" {
		*batch = "1,16"
	}
	if err := o.set(*batch, *threads, *only); err != nil {
		fmt.Fprintln(log, "peers:", err)
		return cli.ErrUsage
	}

	t, err := compare(ctx, o, log)
	if err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(out, t)
	}
	return t.markdown(out)
}

// set reads the lists among the options, and returns an error if an option is not what it can be.
func (o *options) set(batch, threads, only string) error {
	usual, known := map[string]string{"generate": "1,16,64", "half": "1,16,64", "int8": "1,16,64", "train": "256"}[o.what]
	if batch == "" {
		batch = usual
	}
	if !known {
		return fmt.Errorf("--what %s: want generate, half, int8 or train", o.what)
	}
	err := o.checkNetwork()
	if err == nil {
		o.batch, err = numbers("--batch", batch)
	}
	if err == nil {
		o.threads, err = numbers("--threads", threads)
	}
	if err == nil && only != "" {
		o.only, err = peerNames(only, o.field())
	}
	if err == nil && (o.cpu || o.node) && !slices.Equal(o.threads, []int{1}) {
		err = errors.New("--cpu, --node: want --threads 1")
	}
	if err == nil && (o.rounds < 1 || !(o.seconds >= 0)) {
		err = errors.New("--rounds and --seconds must be positive")
	}
	return err
}

// checkNetwork returns an error if --model or --network is not what it can be.
func (o *options) checkNetwork() error {
	_, known := others[o.network]
	drawn := o.what == "generate" || o.what == "int8"
	switch {
	case !known && o.network != reference:
		return fmt.Errorf("--network %s: want %s, %s", o.network, reference, strings.Join(slices.Sorted(maps.Keys(others)), ", "))
	case known && o.model != "":
		return fmt.Errorf("--network %s --model %s: want one of them", o.network, o.model)
	case known && !drawn:
		return fmt.Errorf("--network %s: --what %s: want generate or int8", o.network, o.what)
	case o.model != "" && !drawn:
		return fmt.Errorf("--model: --what %s: want generate or int8", o.what)
	case o.node && !drawn:
		return fmt.Errorf("--node: --what %s: want generate or int8", o.what)
	}
	return nil
}

func numbers(flag, list string) ([]int, error) {
	var ns []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s %s: want positive numbers", flag, list)
		}
		ns = append(ns, n)
	}
	return ns, nil
}

// field are the contestants beside gantiny.
func (o options) field() []contestant {
	if o.node {
		return nodePeers
	}
	if o.model == "" && o.network == reference {
		return peers
	}
	field := slices.Clone(modelPeers)
	if n := others[o.network]; n.size > 0 {
		for _, c := range peers {
			if c.scaled {
				field = append(field, c)
			}
		}
	}
	return field
}

// own is gantiny's contestant.
func (o options) own() contestant {
	if o.node {
		return nodeGantiny
	}
	return gantiny
}

func peerNames(list string, field []contestant) ([]string, error) {
	var known []string
	for _, c := range field {
		known = append(known, c.name)
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--only %s: no peer is called %q; there are %s", list, name, strings.Join(known, ", "))
		}
	}
	return names, nil
}

// compare runs gantiny and every peer that it can for each batch size and thread count.
func compare(ctx context.Context, o options, log io.Writer) (*table, error) {
	w, err := newWorkshop(ctx, o.python)
	if err != nil {
		return nil, err
	}
	defer w.close()
	w.model = o.model
	n, ok := others[o.network]
	if o.node && o.model == "" && !ok {
		n, ok = network{build: func() (*model.Model, error) { return model.Generator(model.Config{}), nil }}, true
	}
	if ok {
		if err := w.use(n, o.network); err != nil {
			return nil, err
		}
	}
	t := newTable(o.what)
	t.CPU = o.cpu
	if o.model == "" {
		t.Network = o.network
	}
	for _, threads := range o.threads {
		for _, batch := range o.batch {
			own, err := start(ctx, w, o.own(), o.what, batch, threads)
			if err != nil {
				return nil, fmt.Errorf("gantiny: %w", err)
			}
			field, what := []*process{own}, o.what
			if what == "half" {
				what = "generate" // theirs
			}
			for _, c := range o.field() {
				if !slices.Contains(c.does, what) || o.only != nil && !slices.Contains(o.only, c.name) {
					continue
				}
				p, err := start(ctx, w, c, what, batch, threads)
				if err != nil {
					t.skip(c, err)
					continue
				}
				field = append(field, p)
			}
			fmt.Fprintf(log, "%s, batch %d, threads %d: %d contestants\n", o.what, batch, threads, len(field))
			err = race(ctx, t, field, o)
			if err == nil {
				t.add(field, batch, threads)
			}
			for _, p := range field {
				p.stop()
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// race gives every contestant an unmeasured turn and then o.rounds that count. A peer that fails
// leaves the field.
func race(ctx context.Context, t *table, field []*process, o options) error {
	for round := -1; round < o.rounds; round++ {
		for _, p := range field {
			if p.failed {
				continue
			}
			// Pools of the one before may spin a little longer.
			time.Sleep(20 * time.Millisecond)
			ms, err := p.turn(o.seconds, o.cpu)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && p == field[0] {
				return fmt.Errorf("gantiny: %w", err)
			}
			if err != nil {
				p.failed = true
				t.skip(p.contestant, err)
				continue
			}
			if round >= 0 {
				p.ms = append(p.ms, ms)
			}
		}
	}
	return nil
}
