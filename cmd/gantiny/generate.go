package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/fleet"
	"github.com/gantiny/gantiny/internal/freeram"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/simd"
)

// mostShown is how many images at most are drawn as text.
const mostShown = 64

type generateFlags struct {
	n           int
	seed        uint64
	class       string
	truncation  float64
	latents     string
	out         string
	cols        int
	interpolate int
	directions  string
	morph       string
	threads     threadCount
	batch       int
	kernel      string
	shard       string
	partImages  int
	maxRAM      byteSize
	float       bool
	show, json  bool

	set func(name string) bool // whether the user gave the flag
}

func newGenerate() *cli.Command {
	f := &generateFlags{}
	cmd := &cli.Command{
		Name:  "generate",
		Args:  "[MODEL]",
		Short: "Draws pictures from a model",
		Long: `generate draws pictures from a model: a file, the directory of a training run, or the one inside this program.

Image i of a seed is always the same image, whatever the batch, the threads or the shard.

A name with a verb such as %05d in it is of a set of files, parts of --part images each: .tar as WebDataset reads it, .npy, or IDX files named as MNIST's
are (-o digits-%05d-images-idx3-ubyte.gz, with files of labels beside them). A shard draws whole parts, goes on where it was killed, and lists
what it has finished, with checksums, in a manifest beside them, which 'gantiny verify' checks.`,
		Example: `  gantiny generate
  gantiny generate run1 -n 64 --seed 7 -o digits.png
  gantiny generate -n 8 --interpolate 15 -o walk.gif
  gantiny generate -n 60000 --shard 2/4 -o part2.npy
  gantiny generate --count 1000000 --shard 2/4 -o digits-%05d.tar`,
		Check:    atMostOneModel,
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return generate(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.n, "number", 16, "how many latents to draw (with --latents: how many of them, all by default)").Letter = 'n'
	fl.IntVar(&f.n, "count", 16, "the same as -n")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the latents; --latents takes its place")
	fl.StringVar(&f.class, "class", "", "class to draw, a number or a name, of models with classes; without it the classes take turns")
	fl.Float64Var(&f.truncation, "truncation", 1, "multiply the latents by `T`: below 1 pictures are more typical and less varied")
	fl.StringVar(&f.latents, "latents", "", "read the latents from `Z.npy`, float32 (N, latent)")
	fl.StringVar(&f.out, "out", "", "where to: `FILE` .png (a grid), .gif or .apng (a frame an image), .npy (float32 N,H,W,C in [-1,1]), a folder DIR/ (a PNG an image), a set of parts such as NAME-%05d.tar, or - (a PNG grid on standard output); gantiny.png by default").Letter = 'o'
	fl.IntVar(&f.cols, "cols", 0, "columns of the grid (a square by default)")
	fl.IntVar(&f.interpolate, "interpolate", 0, "draw `F` images between each latent and the next as well")
	fl.StringVar(&f.directions, "directions", "", "draw a grid around one latent, along its principal directions number `I,J` from -3 to 3, 1 being that along which pictures vary most; I alone gives a row. --cols is the grid's side, 9 by default")
	fl.StringVar(&f.morph, "morph", "", "draw one latent on the way from class to class, two or more `CLASSES` such as 3,8, with 14 images between each and the next or as many as --interpolate says")
	addThreadsFlag(fl, &f.threads)
	fl.IntVar(&f.batch, "batch", 64, "images computed at a time")
	fl.Var(&f.maxRAM, "max-ram", "resident memory to stay within, as in 64M: takes a smaller batch and, without --threads, fewer threads")
	addKernelFlag(fl, &f.kernel)
	fl.StringVar(&f.shard, "shard", "", "draw only part `i/n` of the images, i from 1, perhaps a sum, as in 0+1/8: parts are contiguous and together the whole")
	fl.IntVar(&f.partImages, "part", 10000, "images in each file of a set of parts")
	fl.BoolVar(&f.float, "float", false, "draw with the model in floats where the file holds it in bytes too; without MODEL, with the file "+floatFile+" that packages install")
	fl.BoolVar(&f.show, "show", false, "draw the picture as text on standard output, even where that is no terminal")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: images, seconds, kernel, model, form, out, pixels_sha256")
	return cmd
}

// generate draws the images of one shard and puts them where f says.
func generate(ctx context.Context, f *generateFlags, args []string, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	if fleet.IsName(f.out) {
		return f.drawSet(ctx, args, stdout, stderr)
	}
	if f.maxRAM.n == 0 && os.Getenv("GOGC") == "" { // a few pictures need no collection: 9 ms from start to file for 16
		defer debug.SetGCPercent(debug.SetGCPercent(200))
	}
	kernels, err := lookupKernels(f.kernel)
	if err != nil {
		return err
	}
	m, err := openNamed(ctx, args, f.float)
	if err != nil {
		return err
	}
	d, out, err := f.plan(ctx, m, args)
	if err != nil {
		return err
	}
	m = d.net // which may be another, of more classes
	if d.session, err = f.openSession(m, kernels, d, out); err != nil {
		return err
	}
	defer d.session.Close()
	if f.wantsPicture(stdout) {
		d.keep = min(out.n, mostShown)
	}
	if err := out.draw(ctx, d, stdout, stderr); err != nil {
		return err
	}
	if f.wantsPicture(stdout) {
		if err := f.showPicture(f.pictureWriter(stdout, stderr), d); err != nil {
			return err
		}
	}
	return f.report(drawn{
		Images: out.n, Seconds: d.spent.Seconds(), Kernel: kernels.Name, Model: m.name, Form: m.form(), Out: out.path,
		SHA256: hex.EncodeToString(d.hash.Sum(nil)),
	}, d.shape, stdout, stderr)
}

// plan finds out what is to be drawn, and where it goes. The session is still to come.
func (f *generateFlags) plan(ctx context.Context, m network, args []string) (*drawing, *output, error) {
	shape, err := m.pictureShape()
	if err != nil {
		return nil, nil, err
	}
	dim, classes := m.latents()
	class, err := f.classOf(m, classes)
	if err != nil {
		return nil, nil, err
	}
	z, err := f.openLatents(ctx, dim)
	if err != nil {
		return nil, nil, err
	}
	if f.directions != "" {
		if err := f.spread(z, m); err != nil {
			return nil, nil, err
		}
		class = max(class, 0)
	}
	if f.set("morph") {
		if m, err = f.morphed(m, classes, z); err != nil {
			return nil, nil, err
		}
		classes = z.rows // one an image
	}
	first, end, err := f.part(z.count())
	if err != nil {
		return nil, nil, err
	}
	out, err := f.openOutput(shape, end-first)
	if err != nil {
		return nil, nil, err
	}
	inputs := []string{f.latents}
	if len(args) > 0 {
		inputs = append(inputs, modelPath(args[0]))
	}
	if err := out.check(z.count(), inputs); err != nil {
		return nil, nil, err
	}
	batch, err := batchOf(min(f.batch, end-first), dim+shape.Len(), f.set("batch"))
	if err != nil {
		return nil, nil, err
	}
	return &drawing{net: m, classes: classes, class: class, latents: z, shape: shape, first: first, end: end, batch: batch, hash: sha256.New()}, out, nil
}

// classOf returns the class to draw of so many that m has, -1 for each by turns.
func (f *generateFlags) classOf(m network, classes int) (int, error) {
	if !f.set("class") {
		return -1, nil
	}
	return m.classIndex("class", f.class, classes)
}

// classIndex returns the class that a flag names, of so many that m has.
func (m network) classIndex(flag, class string, classes int) (int, error) {
	if classes == 0 {
		return 0, usagef("--%s %s: %s has no classes", flag, class, m.name)
	}
	names := m.ClassNames
	if i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, class) }); i >= 0 {
		return i, nil
	}
	i, err := strconv.Atoi(class)
	if err != nil || i < 0 || i >= classes {
		return 0, usagef("--%s %s: %s has classes 0 to %d%s", flag, class, m.name, classes-1, listed(names))
	}
	return i, nil
}

// listed is ": a, b, c" of the first names of classes, or nothing.
func listed(names []string) string {
	const most = 20
	if len(names) == 0 {
		return ""
	}
	text := ": " + strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += ", ..."
	}
	return text
}

// openSession opens the session of a drawing, within the memory that there is: of a smaller batch
// if need be.
func (f *generateFlags) openSession(m network, k *simd.Kernels, d *drawing, out *output) (*model.Session, error) {
	o, err := f.sessionOptions(m, k, d.batch, pictureBytes(out.kind, d.shape, out.n))
	if err != nil {
		return nil, err
	}
	if d.batch = o.Batch; f.maxRAM.n > 0 {
		defer debug.FreeOSMemory()
	}
	return m.NewSession(o)
}

// sessionOptions is for a session whose images take so many bytes on their way into files.
func (f *generateFlags) sessionOptions(m network, k *simd.Kernels, batch int, pictures int64) (model.Options, error) {
	threads, err := f.threads.number()
	if err != nil {
		return model.Options{}, err
	}
	o := model.Options{Batch: batch, Threads: threads, Kernels: k, Winograd: true}
	if f.maxRAM.n > 0 {
		debug.FreeOSMemory() // what opening the model left
		memory := newFootprint(m, model.Options{Kernels: k, Winograd: true})
		memory.pictures, memory.collect = pictures, true
		if o.Batch, o.Threads, err = memory.fit(f.maxRAM, batch, threads, !f.set("threads")); err != nil {
			return o, err
		}
		memory.keepWithin(f.maxRAM.n)
		return o, nil
	}
	if pictures += blockBytes(m, batch); pictures > freePictures {
		share := freeram.Share()
		if o.MaxBytes = share - pictures; o.MaxBytes <= 0 {
			return o, fmt.Errorf("%s: %w: %s for the pictures, and may take %s; a smaller --batch or -n takes less, --max-ram allows more",
				m.name, model.ErrMemory, mebibytes(pictures), mebibytes(share))
		}
	}
	return o, nil
}

// drawn is what generate --json prints; its names are a contract.
type drawn struct {
	Images  int     `json:"images"`
	Seconds float64 `json:"seconds"` // computing, without loading the model and writing the files
	Kernel  string  `json:"kernel"`
	Model   string  `json:"model"`
	Form    string  `json:"form"` // float32 or int8
	Out     string  `json:"out"`
	SHA256  string  `json:"pixels_sha256"`
}

func (f *generateFlags) report(r drawn, shape model.Shape, stdout, stderr io.Writer) error {
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err := fmt.Fprintf(stderr, "%s: %s of %v in %.3g s, %s, kernels %s\n", r.Out, display.Plural(r.Images, "image"), shape, r.Seconds, r.Form, r.Kernel)
	return err
}

// check finds what is wrong with the flags before anything is opened.
func (f *generateFlags) check() error {
	switch {
	case f.n < 1:
		return usagef("-n %d: need at least 1", f.n)
	case f.cols < 0:
		return usagef("--cols %d: need at least 1", f.cols)
	case !(f.truncation >= 0 && f.truncation <= 16):
		return usagef("--truncation %v: want 0 to 16", f.truncation)
	case f.set("number") && f.set("count"):
		return usagef("-n and --count are the same; give one of them")
	case f.directions != "" && (f.set("number") || f.set("count") || f.interpolate > 0):
		return usagef("--directions draws around one latent: no -n, no --count, no --interpolate")
	case f.set("morph") && (f.set("number") || f.set("count") || f.set("class") || f.directions != ""):
		return usagef("--morph draws one latent from class to class: no -n, no --count, no --class, no --directions")
	case f.interpolate < 0:
		return usagef("--interpolate %d: need at least 0", f.interpolate)
	case f.batch < 1:
		return usagef("--batch %d: need at least 1", f.batch)
	case f.set("part") && !fleet.IsName(f.out):
		return usagef("--part %d: goes with a set of parts, as in -o NAME-%%05d.tar", f.partImages)
	case f.json && f.out == "-":
		return usagef("--json and -o - both want standard output")
	}
	_, err := f.threads.number()
	return err
}

// wantsPicture says whether the picture is drawn as text.
func (f *generateFlags) wantsPicture(stdout io.Writer) bool {
	if f.show {
		return true
	}
	return display.IsTerminal(stdout) && !f.json && f.out == ""
}

// pictureWriter is standard output, or standard error where the former carries something else.
func (f *generateFlags) pictureWriter(stdout, stderr io.Writer) io.Writer {
	if f.json || f.out == "-" {
		return stderr
	}
	return stdout
}

// showPicture draws the first images as text.
func (f *generateFlags) showPicture(w io.Writer, d *drawing) error {
	if d.shape.C > 4 {
		return fmt.Errorf("--show: a picture has 1 to 4 channels, the model makes %d", d.shape.C)
	}
	n := len(d.kept) / d.shape.Len()
	grid := picture.Grid(d.kept, d.shape.H, d.shape.W, d.shape.C, gridColumns(f.cols, n))
	screen := display.Look(w)
	return picture.Terminal(display.Raw(w), grid, picture.Text{Width: screen.Width, Colors: screen.PictureColors(d.shape.C)})
}

// part returns the images [first, end) of count that --shard asks for.
func (f *generateFlags) part(count int) (first, end int, err error) {
	i, n, err := f.shardOf()
	if err != nil {
		return 0, 0, err
	}
	first, end = share(i-1, n, count), share(i, n, count)
	if first == end {
		return 0, 0, usagef("--shard %s: nothing to draw, there are only %s", f.shard, display.Plural(count, "image"))
	}
	return first, end, nil
}

// shardOf returns the i and n of --shard, 1 and 1 without it. Since some schedulers count from 0, i
// may be a sum.
func (f *generateFlags) shardOf() (i, n int, err error) {
	if f.shard == "" {
		return 1, 1, nil
	}
	wrong := usagef("--shard %s: want i/n with i from 1 to n, as in 2/4, or 1+1/4", f.shard)
	is, ns, ok := strings.Cut(f.shard, "/")
	if n, err = strconv.Atoi(ns); err != nil || !ok {
		return 0, 0, wrong
	}
	for term := range strings.SplitSeq(is, "+") {
		t, err := strconv.Atoi(term)
		if err != nil || t < 0 || t > n-i {
			return 0, 0, wrong
		}
		i += t
	}
	if i < 1 {
		return 0, 0, wrong
	}
	return i, n, nil
}

// share is i/n of count.
func share(i, n, count int) int {
	hi, lo := bits.Mul64(uint64(i), uint64(count))
	q, _ := bits.Div64(hi, lo, uint64(n))
	return int(q)
}
