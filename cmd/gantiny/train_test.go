package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// tinyRun prepares the working directory for runs of a few milliseconds: 40 small pictures, and the
// settings for them.
func tinyRun(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("pictures", 0o777); err != nil {
		t.Fatal(err)
	}
	noisePictures(t, 1, func(r image.Rectangle) (image.Image, []uint8) {
		img := image.NewGray(r)
		return img, img.Pix
	})
	writeFile(t, "tiny.toml", "data = \"pictures\"\nsize = 8\nwidth = 2\nlatent = 4\nbatch = 10\n")
}

// noisePictures writes 40 pictures of random bytes, each into an image that blank makes, with its
// memory.
func noisePictures(t *testing.T, seed uint64, blank func(image.Rectangle) (image.Image, []uint8)) {
	t.Helper()
	key := rng.NewKey(seed, rng.Noise)
	for i := range 40 {
		img, pix := blank(image.Rect(0, 0, 8, 8))
		for j := range pix {
			pix[j] = uint8(rng.Block(key, [4]uint32{uint32(i), uint32(j)})[0])
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fmt.Sprintf("pictures/%02d.png", i), b.String())
	}
}

// What a run's own settings name and is not right is not put down to a flag that nobody has given.
func TestMovedData(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--epochs", "1", "--out", "my run").want(t, exitDone)
	if err := os.Rename("pictures", "moved"); err != nil {
		t.Fatal(err)
	}
	resume := []string{"train", "--out", "my run", "--resume", "--epochs", "2"}
	lost := gantiny(t, resume...).want(t, exitFailed, "what 'my run' was trained on: dataset: ", "no such data set", "if it is elsewhere now, --data says where")
	if strings.Contains(lost.stderr, "--data:") || strings.Contains(lost.stderr, "--help") {
		t.Errorf("a flag is to blame: %s", lost.stderr)
	}
	gantiny(t, append(resume, "--data", "nowhere")...).want(t, exitUsage, "--data: dataset: nowhere")
	gantiny(t, append(resume, "--data", "moved")...).want(t, exitDone, "done:")
	file := filepath.Join("my run", train.CheckpointFile)
	damaged := strings.Replace(readFile(t, file), `"crc32c"`, `"no sum"`, 1)
	damaged = strings.Replace(damaged, `\"threads\":`, `\"threads\":7777`, 1)
	n := binary.LittleEndian.Uint64([]byte(damaged)) + 4
	writeFile(t, file, string(binary.LittleEndian.AppendUint64(nil, n))+damaged[8:])
	many := gantiny(t, resume...).want(t, exitFailed, "'my run': train: bad setting: threads")
	if strings.Contains(many.stderr, "--threads") {
		t.Errorf("a flag is to blame: %s", many.stderr)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parameters are the values of a run's generator.
func parameters(t *testing.T, run string) []float32 {
	t.Helper()
	m, err := model.Load(filepath.Join(run, train.GeneratorFile))
	if err != nil {
		t.Fatal(err)
	}
	var values []float32
	for _, p := range m.Params() {
		values = append(values, p.Data...)
	}
	return values
}

func TestTrain(t *testing.T) {
	tinyRun(t)
	r := gantiny(t, "train", "--config", "tiny.toml", "--out", "whole", "--epochs", "3").want(t, exitDone,
		"pictures: 40 images of 8x8x1", "epoch 1/3  step 4/4", "epoch 3/3  step 4/4", "images/s", filepath.Join("whole", train.GeneratorFile))
	if r.stdout != "" || strings.ContainsAny(r.stderr, "\x1b\r") {
		t.Errorf("off a terminal it prints %q and %q", r.stdout, r.stderr)
	}
	m, err := model.Load("whole/" + train.GeneratorFile)
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Provenance; p.Command != "gantiny train --config tiny.toml --out whole --epochs 3" || p.Epochs != 3 || p.Version == "" {
		t.Errorf("provenance %+v", p)
	}
	gantiny(t, "generate", "whole", "-n", "2").want(t, exitDone)

	// Flags win over the file, and the file over the defaults.
	gantiny(t, "train", "--config", "tiny.toml", "--out", "small", "--epochs", "1", "--batch", "20").want(t, exitDone, "step 2/2")

	// Stopped and resumed, on another number of threads.
	gantiny(t, "train", "--config", "tiny.toml", "--out", "parts", "--epochs", "1", "--threads", "1").want(t, exitDone)
	gantiny(t, "train", "--out", "parts", "--epochs", "3", "--resume", "--threads", "2").want(t, exitDone, "epoch 2/3")
	if !slices.Equal(parameters(t, "parts"), parameters(t, "whole")) {
		t.Error("a resumed run ends with other weights")
	}

	gantiny(t, "train", "--config", "tiny.toml", "--out", "large", "--batch", "41").want(t, exitUsage, "--batch 41: pictures has no more than 40 images")

	before := readFile(t, "parts/"+train.CheckpointFile)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "parts").want(t, exitUsage, "--resume goes on with it")
	gantiny(t, "train", "--out", "parts", "--resume", "--batch", "20").want(t, exitUsage, "batch is 20, the checkpoint has 10")
	generator := readFile(t, "parts/"+train.GeneratorFile)
	if err := os.Mkdir("downloaded", 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "downloaded/"+train.GeneratorFile, generator)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "downloaded").want(t, exitUsage, "a generator is there already")
	if got := files(t, "downloaded"); !slices.Equal(got, []string{train.GeneratorFile}) || readFile(t, "downloaded/"+train.GeneratorFile) != generator {
		t.Errorf("a refused run left %v", got)
	}
	if readFile(t, "parts/"+train.CheckpointFile) != before {
		t.Error("a refused run changed the checkpoint")
	}
}

// stopAt ends a context when a text has been written to it.
type stopAt struct {
	bytes.Buffer
	text string
	stop func()
}

func (s *stopAt) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if strings.Contains(s.String(), s.text) {
		s.stop()
	}
	return n, err
}

func TestTrainInterrupted(t *testing.T) {
	tinyRun(t)
	args := []string{"train", "--config", "tiny.toml", "--epochs", "3"}
	gantiny(t, append(args, "--out", "whole")...).want(t, exitDone)

	ctx, cancel := context.WithCancel(t.Context())
	stderr := &stopAt{text: "epoch 2/3", stop: cancel}
	status := run(ctx, append(args, "--out", "parts"), &bytes.Buffer{}, stderr)
	result{status: status, stderr: stderr.String()}.want(t, exitInterrupted, "gantiny train --out parts --resume", "interrupted")
	gantiny(t, "train", "--out", "parts", "--resume").want(t, exitDone, "epoch 3/3")
	if !slices.Equal(parameters(t, "parts"), parameters(t, "whole")) {
		t.Error("an interrupted and resumed run ends with other weights")
	}
}

// Reading the data is interrupted likewise, and nothing of a run is left.
func TestTrainInterruptedWhileReading(t *testing.T) {
	tinyRun(t)
	ctx, cancel := context.WithCancel(t.Context())
	stderr := &stopAt{text: "reading 40 pictures", stop: cancel}
	status := run(ctx, []string{"train", "--config", "tiny.toml", "--out", "run"}, &bytes.Buffer{}, stderr)
	result{status: status, stderr: stderr.String()}.want(t, exitInterrupted, "gantiny train: interrupted")
	if _, err := os.Stat("run"); !os.IsNotExist(err) {
		t.Errorf("the folder of the run: %v", err)
	}
}

// TestResumeFromTheFirstMoment: a run that was killed before its first checkpoint goes on, too.
func TestResumeFromTheFirstMoment(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "whole", "--epochs", "1").want(t, exitDone)
	if err := os.Mkdir("killed", 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "killed/.lock", "")
	c := train.Default()
	if err := c.Decode(readFile(t, "tiny.toml")); err != nil {
		t.Fatal(err)
	}
	if err := model.Generator(c.Model()).Save("killed/"+train.GeneratorFile, model.SaveOptions{}); err != nil { // as it is before any step
		t.Fatal(err)
	}
	gantiny(t, "train", "--config", "tiny.toml", "--out", "killed", "--epochs", "1", "--resume").want(t, exitDone)
	if !slices.Equal(parameters(t, "killed"), parameters(t, "whole")) {
		t.Error("it ends with other weights")
	}
	gantiny(t, "train", "--config", "tiny.toml", "--out", "nosuch", "--resume").want(t, exitUsage, "--resume: train: nosuch: no run to resume")
}

// A run can be resumed from any directory, to the end as well, after which it says what would make
// it go on.
func TestTrainFromAnotherDirectory(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "run", "--epochs", "1").want(t, exitDone, "samples of epoch 1")
	if err := os.Mkdir("elsewhere", 0o777); err != nil {
		t.Fatal(err)
	}
	t.Chdir("elsewhere")
	gantiny(t, "train", "--out", "../run", "--resume", "--epochs", "2").want(t, exitDone, "epoch 2/2")
	if err := os.Remove("../run/" + train.GeneratorFile); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "train", "--out", "../run", "--resume").want(t, exitDone, "complete at epoch 2; raise epochs", "done:")
	gantiny(t, "generate", "../run", "-n", "1").want(t, exitDone)
}

func TestTrainWhereFilesAre(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "run", "--epochs", "2").want(t, exitDone, "samples of epoch 1: run/samples/epoch-0001.png; the next after epoch 2")
	for _, name := range []string{train.CheckpointFile, train.PreviousFile} {
		if err := os.Remove(filepath.Join("run", name)); err != nil {
			t.Fatal(err)
		}
	}
	before := readFile(t, "run/"+train.GeneratorFile)
	for _, args := range [][]string{{}, {"--resume"}} {
		gantiny(t, append([]string{"train", "--config", "tiny.toml", "--out", "run"}, args...)...).want(t, exitUsage, "is there already")
	}
	if readFile(t, "run/"+train.GeneratorFile) != before {
		t.Error("the generator has changed")
	}
}

// What a run killed at its very start leaves can be resumed, with the settings that it was given.
func TestTrainBeforeTheFirstCheckpoint(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--out", "whole", "--epochs", "1").want(t, exitDone)
	for _, lock := range []string{readFile(t, "whole/.lock"), ""} {
		if err := os.RemoveAll("run"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir("run", 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, "run/.lock", lock)
		args := []string{"train", "--out", "run", "--resume"}
		if lock == "" {
			gantiny(t, args...).want(t, exitUsage, "--data is missing")
			args = append(args, "--config", "tiny.toml", "--epochs", "1")
		}
		gantiny(t, args...).want(t, exitDone, "epoch 1/1")
		if !slices.Equal(parameters(t, "run"), parameters(t, "whole")) {
			t.Error("other weights")
		}
	}
}

// The file of settings takes kernel too, and a run goes on with the row that it was given.
func TestTrainKernel(t *testing.T) {
	tinyRun(t)
	writeFile(t, "scalar.toml", readFile(t, "tiny.toml")+"kernel = \"scalar\"\n")
	gantiny(t, "train", "--config", "scalar.toml", "--out", "run", "--epochs", "1").want(t, exitDone, "kernels scalar")
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "2").want(t, exitDone, "kernels scalar")
	writeFile(t, "scalar.toml", readFile(t, "tiny.toml")+"kernel = \"nosuch\"\n")
	gantiny(t, "train", "--config", "scalar.toml", "--out", "other").want(t, exitUsage, "nosuch")
	for _, k := range kernelNames() {
		if k == "scalar" || k == "go" {
			continue
		}
		gantiny(t, "train", "--out", "run", "--resume", "--epochs", "3", "--kernel", k).want(t, exitDone, "note: the checkpoint was made on kernels scalar")
		break
	}
}

func TestTrainDiverges(t *testing.T) {
	tinyRun(t)
	writeFile(t, "wild.toml", readFile(t, "tiny.toml")+"learning_rate = 1e30\n")
	gantiny(t, "train", "--config", "wild.toml", "--out", "wild", "--epochs", "50").want(t, exitDiverged, "diverged", "--resume --learning-rate")
	gantiny(t, "train", "--out", "wild", "--resume", "--epochs", "1", "--learning-rate", "1e-4").want(t, exitDone, "learning_rate is 0.0001 from here on")
	gantiny(t, "generate", "wild", "-n", "1").want(t, exitDone)
	gantiny(t, "train", "--config", "wild.toml", "--out", "back", "--on-divergence", "rollback", "--rollbacks", "2").want(t, exitDiverged,
		"back to step 0 with learning rate 5e+29, rollback 1 of 2", "back to step 0 with learning rate 2.5e+29, rollback 2 of 2", "diverged")
	gantiny(t, "train", "--config", "tiny.toml", "--out", "other", "--on-divergence", "pray").want(t, exitUsage, "on_divergence is pray, want stop or rollback")
}

func TestTrainFails(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "nosuch.toml", "--out", "run").want(t, exitFailed, "nosuch.toml")
	gantiny(t, "train", "--config", "tiny.toml", "--out", "tiny.toml/run").want(t, exitFailed, "tiny.toml")
	writeFile(t, "pictures/00.png", "no picture")
	gantiny(t, "train", "--config", "tiny.toml", "--out", "run").want(t, exitFailed, "00.png")
}

// What the data have that is not used is said, and settings about them are remembered with the run.
func TestTrainData(t *testing.T) {
	tinyRun(t)
	writeFile(t, "pictures/bad1.png", "<html>")
	writeFile(t, "pictures/bad2.png", "")
	writeFile(t, "pictures/notes.txt", "")
	args := []string{"train", "--config", "tiny.toml", "--epochs", "1", "--out"}
	gantiny(t, append(args, "run")...).want(t, exitFailed, "2 of 42 pictures cannot be read", "pictures/bad1.png: an HTML page", "pictures/bad2.png: an empty file", "--skip-bad leaves them out")
	gantiny(t, append(args, "run", "--skip-bad")...).want(t, exitDone, "pictures: reading 42 pictures", "pictures: 1 file left out (.txt 1)", "bad2.png", "pictures: 40 images of 8x8x1")
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "2").want(t, exitDone, "2 of 42 pictures", "epoch 2/2")

	// The run's own grids are no data.
	gantiny(t, append(args, "pictures", "--skip-bad")...).want(t, exitDone, "40 images")
	gantiny(t, "train", "--out", "pictures", "--resume", "--epochs", "2").want(t, exitDone, "epoch 2/2")
	gantiny(t, append(args, "pictures/run", "--skip-bad")...).want(t, exitDone, "40 images")
	gantiny(t, "train", "--out", "pictures/run", "--resume", "--epochs", "2").want(t, exitDone, "epoch 2/2")

	for flag, value := range map[string]string{"--background": "#12345", "--transpose": "maybe", "--white": "70000", "--max-ram": "much"} {
		gantiny(t, append(args, "other", "--skip-bad", flag, value)...).want(t, exitUsage, flag+" "+value+": ")
	}
	gantiny(t, append(args, "other", "--skip-bad", "--max-ram", "1K")...).want(t, exitFailed, "needs more memory: ", "--max-ram allows more")
	gantiny(t, append(args, "other", "--data", "nosuch")...).want(t, exitUsage, "nosuch: no such data set")
}

func TestParseBackground(t *testing.T) {
	for text, want := range map[string]color.RGBA{
		"black": {0, 0, 0, 255}, "Orange": {255, 165, 0, 255}, "#fc0": {255, 204, 0, 255}, "#12aBcD": {0x12, 0xab, 0xcd, 255},
	} {
		c, err := parseBackground(text)
		if err != nil || color.RGBAModel.Convert(c) != want {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
	if c, err := parseBackground(""); c != nil || err != nil {
		t.Errorf("none: %v, %v", c, err)
	}
	for _, text := range []string{"#", "#12", "#12345g", "#1234567", "ffffff", "nocolor"} {
		if c, err := parseBackground(text); err == nil {
			t.Errorf("%q: %v", text, c)
		}
	}
}
