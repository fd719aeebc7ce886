package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// writeLabeled makes folders of 8x8 pictures of four classes, each bright in one quarter.
func writeLabeled(t *testing.T, dir string, n int, seed uint32) {
	t.Helper()
	words := rng.NewStream(rng.Key{seed})
	for class := range 4 {
		folder := filepath.Join(dir, fmt.Sprint("class", class))
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range n / 4 {
			img := image.NewGray(image.Rect(0, 0, 8, 8))
			for p := range img.Pix {
				v := uint8(words.Below(90))
				if p/32*2+p%8/4 == class {
					v += 150
				}
				img.SetGray(p%8, p/8, color.Gray{Y: v})
			}
			f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%04d.png", i)))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
}

// TestClassifyAndEval trains a classifier of a folder, then measures a generator with it.
func TestClassifyAndEval(t *testing.T) {
	t.Chdir(t.TempDir())
	writeLabeled(t, "set/train", 240, 1)
	writeLabeled(t, "set/test", 120, 2)
	gantiny(t, "train", "--task", "classify", "--data", "set", "--out", "classes", "--size", "8", "--width", "8", "--batch", "20", "--epochs", "4",
		"--learning-rate", "0.01", "--ema-images", "40", "--shift", "1", "--no-cache", "--report", "--tensorboard").want(t, exitDone,
		"epoch 4: ", "of 120 test pictures right", filepath.Join("classes", train.ClassifierFile))
	m, err := model.Load(filepath.Join("classes", train.ClassifierFile))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Provenance.Command, "gantiny train --task classify --data set") || len(m.ClassNames) != 4 {
		t.Errorf("made by %+v, of classes %q", m.Provenance, m.ClassNames)
	}
	gantiny(t, "train", "--out", "classes", "--resume", "--epochs", "5").want(t, exitDone, "epoch 5: ")
	gantiny(t, "generate", "classes", "-o", "a.png").want(t, exitFailed)

	conditional(t, "c.safetensors")
	evalFolder(t)
	evalRefuses(t)
}

// evalFolder measures a generator of four classes with the folder's classifier.
func evalFolder(t *testing.T) {
	t.Helper()
	var got struct {
		evaluated
		Raw map[string]any
	}
	r := gantiny(t, "eval", "c.safetensors", "--data", "set", "--classifier", "classes", "-n", "120", "--nearest", "50", "--json", "--no-cache").want(t, exitDone)
	for _, to := range []any{&got, &got.Raw} {
		if err := json.Unmarshal([]byte(r.stdout), to); err != nil {
			t.Fatalf("%v in %s", err, r.stdout)
		}
	}
	for _, name := range []string{"n", "frechet", "kid", "precision", "recall", "density", "coverage", "tv", "modes", "label_agreement", "spread", "floor", "classes", "nearest"} {
		if _, ok := got.Raw[name]; !ok {
			t.Errorf("no %s in %s", name, r.stdout)
		}
	}
	floor := got.Floor
	if got.N != 120 || got.LabelAgreement == nil || got.Frechet < 2*floor.Frechet || floor.Modes != 4 || *floor.LabelAgreement < 0.95 || floor.Precision < 0.7 {
		t.Errorf("figures %s", r.stdout)
	}
	again := gantiny(t, "eval", "c.safetensors", "--data", "set", "--classifier", "classes/"+train.ClassifierFile, "-n", "120", "--nearest", "50", "--threads", "1", "--json").want(t, exitDone)
	if untimed(t, r.stdout) != untimed(t, again.stdout) {
		t.Errorf("another time, on one thread:\n%s%s", r.stdout, again.stdout)
	}
	table := gantiny(t, "eval", "c.safetensors", "--data", "set", "--classifier", "classes").want(t, exitDone, "note: -n 120, since set has 240 pictures to train with and 120 to test with")
	for _, says := range []string{"Frechet distance", "times the floor", "label agreement", "of 120 pictures each"} {
		if !strings.Contains(table.stdout, says) {
			t.Errorf("the table is %s, want %q in it", table.stdout, says)
		}
	}
	gantiny(t, "eval", "c.safetensors", "--data", "set/train", "--classifier", "classes", "--truncation", "0.5").want(t, exitDone, "one half of which is compared with the other")
}

// evalRefuses gives eval, and a training of classifiers, what they cannot do with.
func evalRefuses(t *testing.T) {
	t.Helper()
	for says, args := range map[string][]string{
		"-n 121: want 120 at most":   {"c.safetensors", "--data", "set", "--classifier", "classes", "-n", "121"},
		"-n 99: want 100":            {"c.safetensors", "--data", "set", "-n", "99"},
		"--classifier is missing":    {"c.safetensors", "--data", "set"},
		"--data is missing":          {"c.safetensors"},
		"no such file":               {"c.safetensors", "--data", "set", "--classifier", "nowhere"},
		"the known names are digits": {"c.safetensors", "--data", "nowhere"},
		"--nearest -1":               {"c.safetensors", "--data", "set", "--nearest", "-1"},
		"--truncation 17":            {"c.safetensors", "--data", "set", "--truncation", "17"},
		"takes one MODEL at most":    {"a", "b"},
		"--threads 5000":             {"c.safetensors", "--data", "set", "--threads", "5000"},
		"--kernel abacus":            {"c.safetensors", "--data", "set", "--kernel", "abacus"},
		"--background clear":         {"c.safetensors", "--data", "set", "--background", "clear"},
	} {
		gantiny(t, append([]string{"eval"}, args...)...).want(t, exitUsage, says)
	}
	gantiny(t, "eval", "c.safetensors", "--data", "set", "--classifier", "c.safetensors").want(t, exitFailed, "not a classifier")
	gantiny(t, "eval", "c.safetensors", "--data", "digits").want(t, exitFailed, "draws pictures of 8x8x1, the classifier mnist reads 28x28x1")
	gantiny(t, "eval", "classes/"+train.ClassifierFile, "--data", "set").want(t, exitFailed, "not a generator")
	writeLabeled(t, "few", 120, 3)
	gantiny(t, "eval", "c.safetensors", "--data", "few", "--classifier", "classes").want(t, exitFailed, "too few to compare with")

	// Without labels there is nothing to learn.
	if err := os.Mkdir("plain", 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := os.Rename(fmt.Sprintf("few/class0/%04d.png", i), fmt.Sprintf("plain/%d.png", i)); err != nil {
			t.Fatal(err)
		}
	}
	gantiny(t, "train", "--task", "classify", "--data", "plain", "--out", "x", "--size", "8", "--batch", "5").want(t, exitFailed, "labels are needed")
	gantiny(t, "train", "--task", "judge", "--data", "plain", "--out", "x").want(t, exitUsage, "task is judge, want classify, gan")
}

// TestStack trains on stacked pictures and counts the modes of what is drawn.
func TestStack(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three networks")
	}
	t.Chdir(t.TempDir())
	writeLabeled(t, "set/train", 240, 1)
	writeLabeled(t, "set/test", 120, 2)
	small := []string{"--size", "8", "--width", "4", "--batch", "40", "--epochs", "1", "--no-cache"}
	classifier := append([]string{"train", "--task", "classify", "--data", "set"}, small...)
	gantiny(t, append(classifier, "--out", "classes", "--batch", "20", "--epochs", "4", "--width", "8", "--learning-rate", "0.01", "--ema-images", "40", "--shift", "1")...).want(t, exitDone)
	gantiny(t, append(classifier, "--out", "colored", "--channels", "3")...).want(t, exitDone)
	stacked := append([]string{"train", "--data", "set", "--stack", "--levels", "1", "--latent", "4"}, small...)
	gantiny(t, append(stacked, "--out", "run")...).want(t, exitDone, "set: 240 images of 8x8x1")
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "2").want(t, exitDone)

	measure := []string{"eval", "run", "--data", "set", "--stack", "--classifier", "classes"}
	r := gantiny(t, append(measure, "-n", "300", "--json")...).want(t, exitDone)
	var got evaluated
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	floor := got.Floor
	if got.N != 300 || !got.Stacked || len(got.Classes) != 64 || got.Modes < 1 || got.Modes > 64 || got.Nearest != nil || got.LabelAgreement != nil {
		t.Errorf("figures %s", r.stdout)
	}
	if floor.Modes < 55 || floor.KL == nil || *floor.KL > 0.3 || *floor.LabelAgreement < 0.9 || got.KLUniform < floor.KLUniform {
		t.Errorf("floor in %s", r.stdout)
	}
	one := gantiny(t, append(measure, "-n", "300", "--json", "--threads", "1")...).want(t, exitDone)
	if untimed(t, r.stdout) != untimed(t, one.stdout) {
		t.Errorf("on one thread:\n%s%s", r.stdout, one.stdout)
	}
	table := gantiny(t, "eval", "run", "--data", "set/train", "--stack", "--classifier", "classes", "-n", "120").want(t, exitDone, "set/train has no test pictures")
	for _, says := range []string{"of 64\n", "KL from the data's modes", "KL from uniform modes"} {
		if !strings.Contains(table.stdout, says) {
			t.Errorf("the table is %s, want %q in it", table.stdout, says)
		}
	}
	stackRefuses(t, stacked, measure)
}

// stackRefuses gives train and eval what does not go with stacked pictures.
func stackRefuses(t *testing.T, stacked, measure []string) {
	t.Helper()
	for says, args := range map[string][]string{
		"--nearest 5: stacked pictures are made anew": append(measure, "--nearest", "5"),
		"-n 200000: want 131072 at most with --stack": append(measure, "-n", "200000"),
		"draws pictures of 28x28x1; stacked ones":     {"eval", "--data", "digits", "--stack"},
		"--classifier is missing":                     {"eval", "run", "--data", "set", "--stack"},
		"channels is 2, and stacked pictures have 3":  append(stacked, "--out", "no", "--channels", "2"),
		"stacked pictures are learned without labels": append(stacked, "--out", "no", "--conditional"),
	} {
		gantiny(t, args...).want(t, exitUsage, says)
	}
	gantiny(t, "eval", "run", "--data", "set", "--stack", "--classifier", "colored").want(t, exitFailed, "those of a stack have one channel")
	gantiny(t, "eval", "run", "--data", "digits", "--stack").want(t, exitFailed, "draws pictures of 8x8x3, the classifier mnist reads 28x28x3")
	gantiny(t, "eval", "run", "--data", "set", "--classifier", "classes").want(t, exitFailed, "--stack is for those of three pictures as one")
}

// untimed is what eval --json prints, without what differs from time to time.
func untimed(t *testing.T, text string) string {
	t.Helper()
	var e evaluated
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	e.Seconds, e.Classifier = 0, ""
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The model inside the program is measured with what is inside the program.
func TestEvalEmbedded(t *testing.T) {
	r := gantiny(t, "eval", "--data", "digits", "-n", "400", "--nearest", "0", "--json").want(t, exitDone, "looking at 400 pictures")
	var got evaluated
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.N != 400 || got.Modes != 10 || got.Classifier != "mnist" || got.Nearest != nil || !(got.Frechet > 0) || *got.Floor.LabelAgreement < 0.98 {
		t.Errorf("figures %s", r.stdout)
	}
	if a := got.LabelAgreement; a == nil || *a < 0.9 || got.TV > 0.1 {
		t.Errorf("label agreement: figures %s", r.stdout)
	}
	if got.Features != 64 || len(got.Classes) != 10 {
		t.Errorf("%d features, %d classes", got.Features, len(got.Classes))
	}
}

// A run measures its generator and keeps the best; eval finds the figures that the file has.
func TestTrainEvalEvery(t *testing.T) {
	if testing.Short() {
		t.Skip("trains four networks")
	}
	t.Chdir(t.TempDir())
	writeLabeled(t, "set/train", 240, 1)
	writeLabeled(t, "set/test", 120, 2)
	gantiny(t, "train", "--task", "classify", "--data", "set", "--out", "classes", "--size", "8", "--width", "8", "--batch", "20", "--epochs", "2", "--no-cache").want(t, exitDone)
	args := []string{"train", "--conditional", "--data", "set", "--size", "8", "--width", "4", "--levels", "1", "--latent", "4", "--batch", "40", "--no-cache", "--eval-every", "1"}
	gantiny(t, append(args, "--out", "run", "--epochs", "2", "--eval-classifier", "classes")...).want(t, exitDone,
		"measured by 120 pictures in the features of ", "epoch 1: Frechet distance ", "; the best so far, kept in generator.best.safetensors", "epoch 2: Frechet distance ")
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "3").want(t, exitDone, "epoch 3: Frechet distance ")
	best, err := model.Load(filepath.Join("run", train.BestFile))
	if err != nil {
		t.Fatal(err)
	}
	r := gantiny(t, "eval", filepath.Join("run", train.BestFile), "--data", "set", "--classifier", "classes", "-n", "120", "--nearest", "0", "--json").want(t, exitDone)
	var got evaluated
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if p := best.Provenance; got.Frechet != p.Frechet || p.Step == 0 || p.Step%6 != 0 || !strings.HasPrefix(p.Measured, "120 pictures, features of ") {
		t.Errorf("eval finds %v, the file has %+v", got.Frechet, p)
	}
	gantiny(t, append(args, "--out", "none")...).want(t, exitUsage, "--eval-classifier is missing")
	gantiny(t, append(args, "--out", "none", "--eval-classifier", "nowhere")...).want(t, exitUsage, "--eval-classifier: stat nowhere")
	gantiny(t, append(args, "--out", "none", "--eval-classifier", filepath.Join("run", train.BestFile))...).want(t, exitFailed, "not a classifier")
	gantiny(t, append(args, "--out", "none", "--eval-classifier", "classes", "--size", "16")...).want(t, exitUsage, "the pictures are 16x16x1, the classifier")
	if err := os.RemoveAll("set/test"); err != nil {
		t.Fatal(err)
	}
	gantiny(t, append(args, "--out", "half", "--epochs", "1", "--eval-classifier", "classes", "--eval-number", "100")...).want(t, exitDone, "measured by 100 pictures")
}
