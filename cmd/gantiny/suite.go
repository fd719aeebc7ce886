package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/bench"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/simd"
)

// suiteFile is where the results go by default.
const suiteFile = "gantiny-pi.json"

// checkSuite finds what is wrong with the flags of a suite.
func (f *benchFlags) checkSuite(args []string) error {
	if f.suite == "" {
		for _, name := range []string{"out", "compare"} {
			if f.set(name) {
				return usagef("--%s goes with --suite", name)
			}
		}
		return nil
	}
	if f.suite != bench.SuitePi {
		return usagef("--suite %s: want %s", f.suite, bench.SuitePi)
	}
	for _, name := range []string{"batch", "threads", "train", "float"} {
		if f.set(name) {
			return usagef("--suite %s sets --%s itself", f.suite, name)
		}
	}
	if len(args) > 0 {
		return usagef("--suite %s measures the reference network, not %s", f.suite, args[0])
	}
	if f.json && f.out == "-" {
		return usagef("--json and -o - both want standard output")
	}
	return nil
}

// runSuite measures all cases, writes the file and prints the result.
func runSuite(ctx context.Context, f *benchFlags, k *simd.Kernels, stdout, stderr io.Writer) error {
	var earlier *bench.SuiteReport
	// What is wrong with the files should not be said after a minute.
	if f.compare != "" {
		var err error
		if earlier, err = readSuite(ctx, f.compare); err != nil {
			return err
		}
	}
	if f.out != "-" {
		if err := checkNotInput("-o", f.out, f.compare); err != nil {
			return err
		}
		if err := checkFile("-o", f.out); err != nil {
			return err
		}
	}
	bar, begin := display.NewProgress(stderr), time.Now()
	r, err := bench.RunSuite(ctx, bench.SuiteOptions{
		Threads: processors(), Kernels: k, Seconds: f.seconds, Version: version(), System: rootFS(),
		OnCase: func(done, of int) {
			left := time.Since(begin) / time.Duration(done) * time.Duration(of-done)
			bar.Show(display.State{Part: "suite " + f.suite, Done: done, Of: of, Unit: "case", Facts: []string{display.Roughly(left) + " left"}})
		},
	})
	bar.Settle()
	if err != nil {
		return err
	}
	if earlier != nil {
		r.Compare(f.compare, earlier)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	encoded = append(encoded, '\n')
	if f.out == "-" {
		_, err := stdout.Write(encoded)
		return err
	}
	if err := atomicfile.WriteFile(f.out, encoded); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%s: %s in %s\n", f.out, display.Plural(len(r.Cases), "case"), display.Roughly(time.Since(begin)))
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	return r.Print(stdout)
}

// readSuite reads a result file.
func readSuite(ctx context.Context, name string) (*bench.SuiteReport, error) {
	b, err := unlessStopped(ctx, func() ([]byte, error) { return os.ReadFile(name) })
	if err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	r, err := bench.ReadSuite(b)
	if err != nil {
		return nil, fmt.Errorf("--compare %s: %w", name, err)
	}
	return r, nil
}
