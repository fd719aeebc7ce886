package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path"
	"slices"

	"golang.org/x/perf/benchfmt"
)

// row is a benchmark: its values on both sides, seconds or instructions an operation.
type row struct {
	name      string
	base, now []float64
}

// times runs both sides by turns.
func (w *workshop) times(ctx context.Context) ([]row, error) {
	bench, err := w.bench(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	for round := range w.o.rounds + 1 {
		for i := range w.now.programs {
			sides := []*side{&w.base, &w.now}
			if round%2 == 1 {
				slices.Reverse(sides) // neither always runs behind the other
			}
			for _, s := range sides {
				values, err := w.runBenchmarks(ctx, s.programs[i], bench)
				if err != nil {
					return nil, err
				}
				if round > 0 { // the first warms up
					rows = merge(rows, s == &w.now, values)
				}
			}
		}
		fmt.Fprintf(w.log, "round %d of %d\n", round, w.o.rounds)
	}
	return rows, nil
}

// value is a benchmark's result.
type value struct {
	name string
	v    float64
}

// merge adds values of a side to the rows.
func merge(rows []row, now bool, values []value) []row {
	for _, v := range values {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == v.name })
		if i < 0 {
			i, rows = len(rows), append(rows, row{name: v.name})
		}
		if r := &rows[i]; now {
			r.now = append(r.now, v.v)
		} else {
			r.base = append(r.base, v.v)
		}
	}
	return rows
}

// runBenchmarks runs a program's benchmarks once.
func (w *workshop) runBenchmarks(ctx context.Context, p program, bench string) ([]value, error) {
	args := []string{p.path, "-test.run=^$", "-test.bench=" + bench, "-test.benchtime=" + w.o.benchtime}
	if _, err := exec.LookPath("taskset"); err == nil && w.o.cpus != "" {
		args = append([]string{"taskset", "-c", w.o.cpus}, args...)
	}
	text, err := command(ctx, p.dir, nil, args[0], args[1:]...)
	if err != nil {
		return nil, err
	}
	return parseBenchmarks(text, "sec/op")
}

// parseBenchmarks reads a unit's values in Go's format of benchmarks. Their names begin with the
// package's.
func parseBenchmarks(text []byte, unit string) (list []value, err error) {
	for r := benchfmt.NewReader(bytes.NewReader(text), ""); r.Scan(); {
		switch res := r.Result().(type) {
		case *benchfmt.Result:
			if v, ok := res.Value(unit); ok {
				list = append(list, value{path.Base(res.GetConfig("pkg")) + "." + string(res.Name), v})
			}
		case *benchfmt.SyntaxError:
			return nil, res
		}
	}
	return list, nil
}
