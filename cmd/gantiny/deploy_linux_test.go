package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// deployVariable makes a missing tool an error.
const deployVariable = "GANTINY_DEPLOY"

func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv(deployVariable) != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	return path
}

// installed makes this test's own process a program called gantiny in a folder of its own, first in
// PATH.
func installed(t *testing.T) (path string) {
	t.Helper()
	self := runnable(t)
	path = filepath.Join(t.TempDir(), "gantiny")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+childVariable+"=1 exec '"+self+"' \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(path)+":"+os.Getenv("PATH"))
	return path
}

// fewer is the count of the pictures that tests draw.
const fewer = "200"

// wholeSet draws the set in one shard, and returns what verify says of it.
func wholeSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	gantiny(t, "generate", "--count", fewer, "-o", filepath.Join(dir, "digits-%05d.tar"), "--part", "100").want(t, exitDone)
	return gantiny(t, "verify", filepath.Join(dir, "digits-manifest.json")).want(t, exitDone).stdout
}

// kubernetesObject is what the test reads of a job or a claim.
type kubernetesObject struct {
	APIVersion, Kind string
	Metadata         struct{ Name string }
	Spec             struct {
		CompletionMode           string
		Completions, Parallelism int
		Template                 struct {
			Spec struct {
				RestartPolicy string
				Containers    []struct {
					Args         []string
					VolumeMounts []struct{ Name, MountPath string }
				}
				Volumes []struct {
					Name                  string
					PersistentVolumeClaim struct{ ClaimName string }
				}
			}
		}
	}
}

// TestDeployKubernetes reads the Jobs and runs what each index would.
func TestDeployKubernetes(t *testing.T) {
	python := tool(t, "/usr/bin/python3")
	if exec.Command(python, "-c", "import yaml").Run() != nil && os.Getenv(deployVariable) == "" {
		t.Skip("no yaml for python3")
	}
	read := func(file string) (list []kubernetesObject) {
		out, err := exec.Command(python, "-c", "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))", filepath.Join("../../deploy/kubernetes", file)).Output()
		if err != nil {
			t.Fatal(file, err)
		}
		if err := json.Unmarshal(out, &list); err != nil {
			t.Fatal(file, err)
		}
		return list
	}
	draw, check := read("digits.yaml"), read("verify.yaml")
	job, claim := draw[1], draw[0]
	if claim.Kind != "PersistentVolumeClaim" || job.Kind != "Job" || job.APIVersion != "batch/v1" || job.Spec.CompletionMode != "Indexed" {
		t.Fatalf("%+v", draw)
	}
	dir := t.TempDir()
	run := func(o kubernetesObject, index int) {
		pod := o.Spec.Template.Spec
		c := pod.Containers[0]
		if pod.RestartPolicy != "Never" || pod.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Metadata.Name || c.VolumeMounts[0].Name != pod.Volumes[0].Name {
			t.Errorf("%+v", pod)
		}
		var args []string
		for _, a := range c.Args {
			a = strings.ReplaceAll(a, "$(JOB_COMPLETION_INDEX)", fmt.Sprint(index))
			a = strings.ReplaceAll(a, c.VolumeMounts[0].MountPath+"/", dir+"/")
			args = append(args, strings.ReplaceAll(a, "1000000", fewer))
		}
		if args[0] == "generate" {
			args = append(args, "--part", "100")
		}
		if r := gantiny(t, args...).want(t, exitDone); args[0] == "verify" && r.stdout != wholeSet(t) {
			t.Errorf("verify says %s", r.stdout)
		}
	}
	for index := range job.Spec.Completions {
		run(job, index)
	}
	run(check[0], 0)
}

// TestDeploySlurm runs the script as each task of the array.
func TestDeploySlurm(t *testing.T) {
	bash := tool(t, "bash")
	script, err := filepath.Abs("../../deploy/slurm/digits.sbatch")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bash, "-n", script).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	text := readFile(t, script)
	array := regexp.MustCompile(`(?m)^#SBATCH --array=1-(\d+)$`).FindStringSubmatch(text)
	if array == nil || !strings.Contains(text, "\nSHARDS="+array[1]+"\n") {
		t.Fatalf("the array is not as large as SHARDS:\n%s", text)
	}
	installed(t)
	dir := t.TempDir()
	for _, task := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		cmd := exec.Command(bash, script)
		cmd.Env = append(os.Environ(), "SLURM_ARRAY_TASK_ID="+task, "SLURM_CPUS_PER_TASK=1", "SLURM_SUBMIT_DIR="+dir, "COUNT=40")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	got := gantiny(t, "verify", filepath.Join(dir, "digits-manifest-*-of-"+array[1]+".json")).want(t, exitDone)
	if !strings.Contains(got.stdout, "40 images in 1 part,") {
		t.Error(got.stdout)
	}
}

// TestDeploySystemd has systemd read the unit, and runs what it would.
func TestDeploySystemd(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	unit := readFile(t, "../../deploy/systemd/gantiny-shard@.service")
	path := installed(t)
	dir := t.TempDir()
	instance := filepath.Join(dir, "gantiny-shard@2-8.service")
	if err := os.WriteFile(instance, []byte(strings.ReplaceAll(unit, "/usr/bin/gantiny", path)), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", instance).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
	arguments := regexp.MustCompile(`(?m)^Environment="GANTINY_ARGS=(.*)"$`).FindStringSubmatch(unit)
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/gantiny (.*)$`).FindStringSubmatch(unit)
	if arguments == nil || start == nil {
		t.Fatal(unit)
	}
	line := strings.NewReplacer("%I", "2/8", "$GANTINY_ARGS", strings.ReplaceAll(arguments[1], "%%", "%")).Replace(start[1])
	t.Chdir(dir)
	gantiny(t, append(strings.Fields(strings.ReplaceAll(line, "1000000", "40")), "--part", "5")...).want(t, exitDone, "shard 2/8: 1 part;")
}

// TestFleetsPage runs the page's commands, with fewer pictures.
func TestFleetsPage(t *testing.T) {
	page := readFile(t, "../../docs/fleets.md")
	sums := map[string]bool{}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		t.Chdir(t.TempDir())
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, "#")
			line = strings.ReplaceAll(line, "1000000", "40")
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			var sum string
			switch {
			case words[0] == "cat":
				out, err := exec.Command("sh", "-c", line).Output()
				if err != nil {
					t.Fatal(err)
				}
				sum = strings.Fields(string(out))[0]
			case words[1] == "generate":
				gantiny(t, append(words[1:], "--part", "10")...).want(t, exitDone)
				continue
			default:
				said := strings.Fields(gantiny(t, words[1:]...).want(t, exitDone).stdout)
				sum = said[len(said)-1]
			}
			sums[sum] = true
		}
	}
	if len(sums) != 1 {
		t.Errorf("the sets have the sums %v", sums)
	}
}
