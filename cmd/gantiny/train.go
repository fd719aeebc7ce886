package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
	"github.com/gantiny/gantiny/train/networks"
)

type trainFlags struct {
	out     string
	recipe  string
	print   bool
	config  string
	resume  bool
	show    bool
	command string // for the record in the generator
	data    dataFlags

	given *cli.FlagSet // with the settings that the user gave
}

func newTrain() *cli.Command {
	f := &trainFlags{}
	cmd := &cli.Command{
		Name:  "train",
		Short: "Trains a generator on a data set",
		Long: `train trains the reference network on a data set. The directory of the run holds the generator so far (generator.safetensors), the last
checkpoint, metrics.jsonl, grids of samples from the same latents, and report.html, which shows all of it.

On a terminal the key s draws samples now, p pauses, and q saves and quits. Ctrl-C finishes the step, saves a checkpoint and exits with status 130; another one, a second later or more, quits at once. So do the
signals TERM and HUP. --resume goes on from the last checkpoint, to the same bits as a run that was never stopped. A run that diverges exits
with status 3 and keeps its last good checkpoint, from which it may go on with a smaller --learning-rate; --on-divergence rollback does
that by itself.

Pictures are PNG, JPEG, GIF (the first frame), WebP, BMP and TIFF, told apart by what they hold. They are turned upright as EXIF says,
cropped to the centered square and resized. Sub-folders of pictures are classes; a folder called train, or the one folder that has
pictures or IDX files, is found below DIR. What is left out is named. Large sets are kept converted in the user's cache folder,
2 GiB at most.`,
		Example: `  gantiny train --data digits --out run1
  gantiny train --data ~/mnist --out run2 --epochs 100 --config run2.toml
  gantiny train --out run2 --resume`,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			f.given = cmd.Flags()
			f.command = commandLine(cmd)
			if f.print {
				return f.printRecipe(cmd.Stdout())
			}
			return runTrain(ctx, f, cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the `DIR` of the run")
	fl.BoolVar(&f.resume, "resume", false, "go on with the run in --out")
	fl.StringVar(&f.recipe, "recipe", "", "settings that go together, a `NAME`: "+strings.Join(train.Recipes(), ", ")+"; --config and flags win over it")
	fl.BoolVar(&f.print, "print", false, "print the settings of --recipe, for a file of one's own and --config")
	fl.StringVar(&f.config, "config", "", "settings from a TOML `FILE`: the flags below, with _ for -; flags win")
	fl.BoolVar(&f.show, "show", false, "draw each grid of samples in the terminal, too")
	f.data.bind(fl)
	defaults := train.Default()
	bindSettings(fl, &defaults)
	return cmd
}

// bindSettings gives every setting of a run its flag. c holds the defaults and takes the values.
func bindSettings(fl *cli.FlagSet, c *train.Config) {
	kernel := c.Kernel
	addKernelFlag(fl, &c.Kernel)
	c.Kernel = kernel // which the flag's own default has replaced
	bindData(fl, c)
	fl.StringVar(&c.Task, "task", c.Task, "what to train: gan, or classify for a classifier of labeled pictures, which eval can use")
	fl.IntVar(&c.Epochs, "epochs", c.Epochs, "times through the data")
	fl.IntVar(&c.Batch, "batch", c.Batch, "images a step")
	fl.Uint64Var(&c.Seed, "seed", c.Seed, "seed of weights, order, noise and dropout")
	fl.IntVar(&c.Threads, "threads", c.Threads, "threads, 0 for one a processor; any number gives the same weights")
	bindNetworks(fl, c)
	fl.StringVar(&c.Loss, "loss", c.Loss, "bce, hinge, lsgan, wasserstein or relativistic")
	fl.Float64Var(&c.LabelSmoothing, "label-smoothing", c.LabelSmoothing, "with --loss bce: how far below 1 the discriminator is to judge the data's images, such as 0.1")
	fl.BoolVar(&c.SpectralNorm, "spectral-norm", c.SpectralNorm, "divide each of the discriminator's weights by its largest singular value")
	fl.BoolVar(&c.SAN, "san", c.SAN, "make the discriminator's last layer a direction of length 1 with a loss of its own; with --conditional it needs --projection=false")
	fl.IntVar(&c.DSteps, "d-steps", c.DSteps, "steps with an update of the discriminator for each of the generator's (n_dis)")
	fl.Float64Var(&c.InstanceNoise, "instance-noise", c.InstanceNoise, "standard deviation of noise on all that the discriminator sees, of pixels from -1 to 1; it falls to 0")
	fl.IntVar(&c.InstanceNoiseSteps, "instance-noise-steps", c.InstanceNoiseSteps, "steps in which it falls, 0 for all")
	fl.Float64Var(&c.R1, "r1", c.R1, "weight of the penalty on the discriminator's gradients at the data's images, 0 for none; it needs --dropout 0")
	fl.Float64Var(&c.R2, "r2", c.R2, "alike, at the generator's images")
	fl.Float64Var(&c.GP, "gp", c.GP, "weight of WGAN-GP's gradient penalty")
	fl.IntVar(&c.PenaltyEvery, "penalty-every", c.PenaltyEvery, "steps between gradient penalties, which count as many times")
	fl.StringVar(&c.Augment, "augment", c.Augment, "change what the discriminator sees, for small data sets, or what a classifier learns from: translate, cutout, flip, color, or several of these with commas between them")
	fl.StringVar(&c.Teacher, "teacher", c.Teacher, "imitate the generator MODEL too, drawing from the same latents: a smaller --width learns to draw nearly as well; embedded for the model inside this program")
	fl.Float64Var(&c.TeacherWeight, "teacher-weight", c.TeacherWeight, "weight of the squared distance from --teacher's images")
	fl.Float64Var(&c.ADA, "ada", c.ADA, "change images with a probability that follows how much the discriminator overfits: the mean sign of its logits at the data's images is to be this, such as 0.6; 0 for all images")
	fl.Float64Var(&c.ADAImages, "ada-images", c.ADAImages, "images in which that probability can get from 0 to 1")
	fl.StringVar(&c.Optimizer, "optimizer", c.Optimizer, "adam, adamw, rmsprop or sgd")
	fl.Float64Var(&c.LearningRate, "learning-rate", c.LearningRate, "of both networks")
	fl.Float64Var(&c.DLearningRate, "d-learning-rate", c.DLearningRate, "the discriminator's; 0 for that of the generator")
	fl.Float64Var(&c.Beta1, "beta1", c.Beta1, "Adam's decay of the mean")
	fl.Float64Var(&c.Beta2, "beta2", c.Beta2, "Adam's and RMSprop's decay of the squares")
	fl.Float64Var(&c.DBeta1, "d-beta1", c.DBeta1, "beta1 of the discriminator; -1 for that of the generator")
	fl.Float64Var(&c.DBeta2, "d-beta2", c.DBeta2, "beta2 of the discriminator; -1 for that of the generator")
	fl.Float64Var(&c.Epsilon, "epsilon", c.Epsilon, "Adam's and RMSprop's epsilon")
	fl.Float64Var(&c.Momentum, "momentum", c.Momentum, "SGD's")
	fl.BoolVar(&c.Nesterov, "nesterov", c.Nesterov, "SGD's momentum in Nesterov's form")
	fl.Float64Var(&c.WeightDecay, "weight-decay", c.WeightDecay, "AdamW's")
	fl.Float64Var(&c.ClipNorm, "clip-norm", c.ClipNorm, "most that the norm of a network's gradients may be, 0 for any")
	fl.StringVar(&c.Schedule, "schedule", c.Schedule, "of the learning rates: constant, linear or cosine")
	fl.IntVar(&c.WarmupSteps, "warmup-steps", c.WarmupSteps, "steps in which the learning rates rise at first")
	fl.IntVar(&c.DecaySteps, "decay-steps", c.DecaySteps, "steps after these in which they fall, with --schedule linear or cosine; 0 for all that are left")
	fl.Float64Var(&c.FinalRate, "final-rate", c.FinalRate, "share of the learning rates that is left in the end")
	fl.IntVar(&c.Shift, "shift", c.Shift, "with --task classify: pixels by which a picture is moved at most, anew each time")
	fl.Float64Var(&c.EMAImages, "ema-images", c.EMAImages, "save a moving average of the generator, in which the weight of a step halves every so many images; 0 for none")
	fl.IntVar(&c.EvalEvery, "eval-every", c.EvalEvery, "epochs between measurements of the generator, as by 'gantiny eval', and at the end; the best one is kept in "+train.BestFile+"; 0 for none")
	fl.IntVar(&c.EvalNumber, "eval-number", c.EvalNumber, "pictures of each measurement; fewer where the data have fewer")
	fl.StringVar(&c.EvalClassifier, "eval-classifier", c.EvalClassifier, "the network in whose features they are compared: a `MODEL` that --task classify made; by default the one inside this program for the data")
	fl.IntVar(&c.SampleEvery, "sample-every", c.SampleEvery, "epochs between grids of samples, beside the first and the last")
	fl.IntVar(&c.MetricsEvery, "metrics-every", c.MetricsEvery, "steps between lines of metrics.jsonl")
	fl.IntVar(&c.CheckpointEpochs, "checkpoint-epochs", c.CheckpointEpochs, "epochs between checkpoints, 0 for none at their ends; a long epoch has one every 5 minutes")
	fl.Float64Var(&c.CheckpointMinutes, "checkpoint-minutes", c.CheckpointMinutes, "minutes between checkpoints, whatever the epochs; 0 for --checkpoint-epochs")
	fl.StringVar(&c.OnDivergence, "on-divergence", c.OnDivergence, "stop, or rollback: go back to the last checkpoint and on with half the learning rates")
	fl.IntVar(&c.Rollbacks, "rollbacks", c.Rollbacks, "times at most that --on-divergence rollback goes back")
	fl.BoolVar(&c.Report, "report", c.Report, "write report.html with curves, grids and alarms at each grid and at the end")
	fl.BoolVar(&c.TensorBoard, "tensorboard", c.TensorBoard, "write an event file for TensorBoard")
}

// printRecipe writes the settings of --recipe.
func (f *trainFlags) printRecipe(stdout io.Writer) error {
	if f.recipe == "" {
		return usagef("--print: --recipe is missing, one of %s", strings.Join(train.Recipes(), ", "))
	}
	text, err := train.Recipe(f.recipe)
	if err != nil {
		return usagef("--recipe: %w", err)
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// bindNetworks gives the settings of the networks their flags.
func bindNetworks(fl *cli.FlagSet, c *train.Config) {
	fl.StringVar(&c.Generator, "generator", c.Generator, "a generator of one's own in place of the family's: its layers in a TOML `FILE`")
	fl.StringVar(&c.Discriminator, "discriminator", c.Discriminator, "a discriminator of one's own, a TOML `FILE` alike")
	fl.StringVar(&c.Family, "family", c.Family, "of networks: "+strings.Join(networks.Families(), " or "))
	fl.BoolVar(&c.Conditional, "conditional", c.Conditional, "learn the images' classes: labels of IDX files, folders, or a CSV file")
	fl.IntVar(&c.Latent, "latent", c.Latent, "numbers that an image is drawn from")
	fl.IntVar(&c.Width, "width", c.Width, "channels of the generator's largest images; those of half the size have twice as many")
	fl.IntVar(&c.DWidth, "d-width", c.DWidth, "channels of the discriminator's largest images, 0 for --width")
	fl.IntVar(&c.DDepth, "d-depth", c.DDepth, "convolutions that keep the size, at the end of dcgan's discriminator")
	fl.IntVar(&c.Levels, "levels", c.Levels, "times that the networks halve the size, 0 for what suits it")
	fl.IntVar(&c.Embed, "embed", c.Embed, "numbers that a class becomes in the generator, with --conditional")
	fl.BoolVar(&c.Projection, "projection", c.Projection, "with --conditional: the discriminator judges classes by projection")
	fl.Float64Var(&c.Auxiliary, "auxiliary", c.Auxiliary, "with --conditional: weight of the cross-entropy of a second head of the discriminator, which names classes, 0 for none")
	fl.Float64Var(&c.Dropout, "dropout", c.Dropout, "share of the discriminator's values that are left out")
	fl.IntVar(&c.Size, "size", c.Size, "rows and columns of an image; it must be possible to halve it --levels times")
	fl.IntVar(&c.Channels, "channels", c.Channels, "1 gray, 2 gray and alpha, 3 color, 4 color and alpha")
}

// runTrain opens what f names, trains, and says on stderr how it goes.
func runTrain(ctx context.Context, f *trainFlags, stderr io.Writer) error {
	c, err := f.resolve(ctx, stderr)
	if err != nil {
		return err
	}
	kernels, err := lookupKernels(c.Kernel)
	if err != nil {
		return err
	}
	if !f.resume {
		if err := checkNoRun(f.out); err != nil {
			return err
		}
	}
	teacher, err := f.loadTeacher(ctx, &c)
	if err != nil {
		return err
	}
	data, err := f.data.load(ctx, c, f.out, stderr)
	if err != nil {
		return err
	}
	if data.N < c.Batch {
		return usagef("--batch %d: %s has no more than %s", c.Batch, c.Data, display.Plural(data.N, "image"))
	}
	fmt.Fprintf(stderr, "%s: %s of %dx%dx%d, kernels %s\n", c.Data, display.Plural(data.N, "image"), data.H, data.W, data.C, kernels.Name)
	if c.Stack {
		fmt.Fprintf(stderr, "three random ones make a picture of %dx%dx%d\n", data.H, data.W, dataset.StackImages)
	}
	test, err := f.loadTest(ctx, c, data, stderr)
	if err != nil {
		return err
	}
	judge, err := f.judge(ctx, c, data, kernels, stderr)
	if err != nil {
		return err
	}
	if c.Data, err = lasting(c.Data); err != nil {
		return err
	}
	for _, path := range []*string{&c.Labels, &c.EvalClassifier} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	w := newWatching(stderr, c.Task, test, f.show)
	err = w.run(ctx, c, data, train.Options{Dir: f.out, Resume: f.resume, Command: f.command, Version: version(), Kernels: kernels, Test: test, Judge: judge, Components: train.Components{Teacher: teacher}})
	return f.report(c.Task, err, stderr)
}

// loadTeacher opens the model that --teacher names. A run that is resumed keeps its own.
func (f *trainFlags) loadTeacher(ctx context.Context, c *train.Config) (*model.Model, error) {
	if f.resume || c.Teacher == "" {
		return nil, nil
	}
	var args []string
	if c.Teacher != embeddedName {
		args = []string{c.Teacher}
	}
	n, err := openNamed(ctx, args, false)
	if err != nil {
		return nil, fmt.Errorf("--teacher: %w", err)
	}
	if c.Teacher != embeddedName {
		c.Teacher, err = lasting(c.Teacher)
	}
	return n.Model, err
}

// report says how a run ended and what can be done next.
func (f *trainFlags) report(task string, err error, stderr io.Writer) error {
	switch {
	case err == nil:
		product := train.GeneratorFile
		if task == taskClassify {
			product = train.ClassifierFile
		}
		fmt.Fprintf(stderr, "done: %s\n", filepath.Join(f.out, product))
	case errors.Is(err, train.ErrInterrupted):
		fmt.Fprintf(stderr, "saved; go on with: gantiny train --out %s --resume\n", display.Quote(f.out))
	case errors.Is(err, train.ErrDiverged):
		fmt.Fprintf(stderr, "to go on from there: gantiny train --out %s --resume --learning-rate, with a smaller one\n", display.Quote(f.out))
	case errors.Is(err, train.ErrExists) && !f.resume:
		return usagef("--out %s: %w; --resume goes on with it", f.out, err)
	case errors.Is(err, train.ErrNoRun):
		return usagef("--resume: %w", err)
	case errors.Is(err, train.ErrExists) || errors.Is(err, train.ErrConfig) || errors.Is(err, train.ErrMismatch):
		return &cli.UsageError{Err: err}
	}
	return err
}

// isNamed tells whether data is the name of a set that is known everywhere.
func isNamed(data string) bool {
	return slices.Contains([]string{"digits", "mnist", "fashion", "fashion-mnist"}, data)
}

// lasting is the name of a data set as it holds in any working directory, where a run may be
// resumed.
func lasting(data string) (string, error) {
	if isNamed(data) {
		return data, nil
	}
	if _, err := os.Stat(data); err != nil {
		return data, nil // no path
	}
	return filepath.Abs(data)
}

func nextGrid(s train.Stats) string {
	if s.NextGrid == 0 {
		return ""
	}
	return fmt.Sprintf("; the next after epoch %d", s.NextGrid)
}

// checkNoRun refuses a directory that holds what an earlier run made, though its checkpoint may be
// gone: hours of work are not replaced unasked. One with a checkpoint is refused by train.Run,
// which knows more of it.
func checkNoRun(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, train.CheckpointFile)); err == nil {
		return nil
	}
	for _, made := range [][2]string{{train.GeneratorFile, "a generator"}, {train.BestFile, "a generator"}, {train.ClassifierFile, "a classifier"}, {train.MetricsFile, "the metrics of a run"}, {train.SamplesDir, "samples of a run"}} {
		if _, err := os.Stat(filepath.Join(dir, made[0])); err == nil {
			return usagef("--out %s: %s is there already (%s); name another directory", dir, made[1], made[0])
		}
	}
	return nil
}

// answer says that a wish to stop has been heard, as soon as run ends: by a signal, which ends ctx
// above it, or by a key. The caller waits by the function that it returns.
func answer(ctx, run context.Context, bar *display.Progress) (wait func()) {
	said := make(chan struct{})
	stop := context.AfterFunc(run, func() {
		defer close(said)
		more := ""
		if ctx.Err() != nil {
			more = "; another Ctrl-C quits at once"
		}
		bar.Log("stopping: the step at hand is finished and saved%s", more)
	})
	return func() {
		if !stop() {
			<-said
		}
	}
}

// trainState is a step as progress shows it.
func trainState(task string, s train.Stats) display.State {
	state := display.State{Part: fmt.Sprintf("epoch %d/%d", s.Epoch, s.Epochs), Done: s.Batch, Of: s.Batches, Unit: "step"}
	if s.Left > 0 {
		state.Facts = append(state.Facts, display.Roughly(s.Left)+" left")
	}
	if task == taskClassify {
		state.Facts = append(state.Facts, fmt.Sprintf("loss %.4f  right %.2f%%", s.G, 100*s.Right), fmt.Sprintf("%.0f images/s", s.ImagesPerSecond))
		return state
	}
	state.Facts = append(state.Facts, fmt.Sprintf("G %.4f  D %.4f", s.G, s.D),
		fmt.Sprintf("D(x) %.2f  D(G(z)) %.2f", s.Real, s.Fake), fmt.Sprintf("%.0f images/s", s.ImagesPerSecond))
	return state
}

// commandLine is what the user ran, for the record: the command and its flags.
func commandLine(cmd *cli.Command) string {
	words := []string{cmd.Path()}
	cmd.Flags().Visit(func(f *cli.Flag) {
		if f.Value.Type() == "" {
			words = append(words, "--"+f.Name)
		} else {
			words = append(words, "--"+f.Name, display.Quote(f.Value.String()))
		}
	})
	return strings.Join(words, " ")
}
