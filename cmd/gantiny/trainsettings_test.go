package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestTrainNeeds: a setting that the user gives and that counts for nothing without another is
// refused, wherever it was given; one that loses its partner in a layer above is not.
func TestTrainNeeds(t *testing.T) {
	tinyRun(t)
	base := readFile(t, "tiny.toml")
	for _, x := range []struct {
		file string
		args []string
		says string // "" if it runs
	}{
		{"", []string{"--teacher-weight", "10"}, "--teacher-weight counts for nothing without teacher"},
		{"", []string{"--penalty-every", "16"}, "--penalty-every counts for nothing without r1, r2 or gp"},
		{"ada_images = 1000\n", nil, "--config x.toml: ada_images counts for nothing without ada"},
		{"instance_noise_steps = 9\n", nil, "--config x.toml: instance_noise_steps counts for nothing without instance_noise"},
		{"instance_noise_steps = 9\n", []string{"--instance-noise", "0.1"}, ""},
		{"optimizer = \"adamw\"\nweight_decay = 0.1\n", []string{"--optimizer", "adam"}, ""},
		{"weight_decay = 0.1\n", []string{"--optimizer", "rmsprop"}, "--config x.toml: weight_decay counts for nothing without optimizer adamw"},
		{"weight_decay = 0.1\n", []string{"--weight-decay", "0.2"}, "--weight-decay counts for nothing without optimizer adamw"},
		{"weight_decay = 0.1\n", []string{"--weight-decay", "0"}, ""},
		{"momentum = 0.9\n", nil, "--config x.toml: momentum counts for nothing without optimizer sgd"},
		{"", []string{"--recipe", "small-data", "--ada", "0"}, ""},
		{"", []string{"--recipe", "conditional", "--conditional=false"}, ""},
	} {
		writeFile(t, "x.toml", base+x.file)
		args := append([]string{"train", "--config", "x.toml", "--out", t.TempDir(), "--epochs", "1", "--levels", "1", "--d-width", "2"}, x.args...)
		if x.says != "" {
			gantiny(t, args...).want(t, exitUsage, x.says)
		} else if r := gantiny(t, args...).want(t, exitDone); strings.Contains(r.stderr, "counts for nothing") {
			t.Errorf("%q with %q: %s", args, x.file, r.stderr)
		}
	}
}

// The recipe that waits for a teacher says so where there is none.
func TestTrainTinyWithoutTeacher(t *testing.T) {
	tinyRun(t)
	args := []string{"train", "--recipe", "tiny", "--conditional=false", "--config", "tiny.toml", "--epochs", "1", "--levels", "1", "--d-width", "2"}
	gantiny(t, append(args, "--out", "alone")...).want(t, exitDone, "note: --recipe tiny: teacher_weight counts for nothing without teacher")
	r := gantiny(t, append(args, "--out", "taught", "--teacher", "alone")...).want(t, exitDone)
	if strings.Contains(r.stderr, "counts for nothing") {
		t.Errorf("with a teacher: %s", r.stderr)
	}
}

// A run that is resumed keeps its teacher and its own graphs: a file that names others is refused,
// one that names the same, by any path, is not.
func TestResumeKeepsFiles(t *testing.T) {
	tinyRun(t)
	base := strings.Replace(readFile(t, "tiny.toml"), "latent = 4\n", "", 1) // of the family
	gantiny(t, "train", "--config", "tiny.toml", "--out", "teacher", "--epochs", "1").want(t, exitDone)
	writeFile(t, "g.toml", `
[[inputs]]
name = "z"
shape = [1, 1, 4]
[[layers]]
kind = "dense"
units = 64
[[layers]]
kind = "reshape"
h = 8
w = 8
c = 1
[[layers]]
kind = "tanh"
`)
	writeFile(t, "taught.toml", base+"teacher = \"teacher/generator.safetensors\"\ngenerator = \"g.toml\"\n")
	gantiny(t, "train", "--config", "taught.toml", "--out", "run", "--epochs", "1").want(t, exitDone)
	gantiny(t, "train", "--config", "taught.toml", "--out", "run", "--epochs", "2", "--resume").want(t, exitDone, "epoch 2/2")
	writeFile(t, "same.toml", base+"teacher = \"./teacher/../teacher/generator.safetensors\"\ngenerator = \"./g.toml\"\n")
	gantiny(t, "train", "--config", "same.toml", "--out", "run", "--epochs", "3", "--resume").want(t, exitDone, "epoch 3/3")
	for line, says := range map[string]string{
		"teacher = \"run\"":            "teacher is \"run\", and a run that is resumed keeps the one it has",
		"teacher = \"\"":               "teacher is \"\"",
		"generator = \"other.toml\"":   "generator is \"other.toml\", and a run that is resumed keeps the one it has, \"g.toml\"",
		"discriminator = \"d.toml\"":   "discriminator is \"d.toml\"",
		"generator = \"tiny.toml\"":    "generator is \"tiny.toml\"",
		"discriminator = \"nosuch/d\"": "discriminator is \"nosuch/d\"",
	} {
		writeFile(t, "other.toml", base+line+"\n")
		gantiny(t, "train", "--config", "other.toml", "--out", "run", "--epochs", "4", "--resume").want(t, exitUsage, "--config other.toml: "+says)
	}
	gantiny(t, "train", "--teacher", "teacher", "--out", "run", "--resume").want(t, exitUsage, "--teacher: a run that is resumed keeps the one it has")
}

// TestTrainCSVLabels: a CSV file gives a folder's pictures their classes, whose names the model
// keeps.
func TestTrainCSVLabels(t *testing.T) {
	tinyRun(t)
	var csv strings.Builder
	csv.WriteString("picture,kind\n")
	for i := range 40 {
		fmt.Fprintf(&csv, "%02d.png,%s\n", i, []string{"round", "square"}[i%2])
	}
	writeFile(t, "kinds.csv", csv.String())
	args := []string{"train", "--config", "tiny.toml", "--epochs", "1", "--conditional", "--levels", "1", "--d-width", "2", "--d-depth", "1", "--dropout", "0"}
	gantiny(t, append(args, "--out", "run", "--labels", "kinds.csv")...).want(t, exitDone)
	gantiny(t, "generate", "run", "--class", "square", "-n", "2", "-o", "a.png").want(t, exitDone)
	gantiny(t, "generate", "run", "--class", "oval", "-o", "a.png").want(t, exitUsage, "classes 0 to 1: round, square")
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "2").want(t, exitDone)
	writeFile(t, "kinds.csv", strings.Replace(csv.String(), "00.png,round", "00.png,square", 1))
	gantiny(t, "train", "--out", "run", "--resume", "--epochs", "3").want(t, exitUsage, "have other labels")
	writeFile(t, "kinds.csv", strings.Replace(csv.String(), "07.png", "77.png", 1))
	gantiny(t, append(args, "--out", "other", "--labels", "kinds.csv")...).want(t, exitUsage, "--labels: dataset: labels: kinds.csv: line 9: bad labels file: no picture of the set is called \"77.png\"")
	gantiny(t, append(args, "--out", "other")...).want(t, exitFailed, "labels are needed")
	gantiny(t, append(args, "--out", "other", "--labels", "none.csv")...).want(t, exitUsage, "--labels: stat none.csv")
	gantiny(t, append(args, "--out", "other", "--labels", ".")...).want(t, exitUsage, "--labels: . is a folder")
}
