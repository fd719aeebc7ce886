package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchmath"
)

// verdict compares a benchmark's medians.
type verdict struct {
	base, now, ratio, p float64
	slower              bool // significantly, by more than the threshold
}

// judge compares a row that both sides have. Counts are exact: any difference is one.
func judge(r row, o options) verdict {
	base, now := benchmath.NewSample(slices.Clone(r.base), &benchmath.DefaultThresholds), benchmath.NewSample(slices.Clone(r.now), &benchmath.DefaultThresholds)
	v := verdict{base: median(base.Values), now: median(now.Values)}
	v.ratio = v.now / v.base
	if !o.count {
		c := benchmath.AssumeNothing.Compare(base, now)
		v.p = c.P
		v.slower = c.P < c.Alpha && v.ratio > o.threshold
	} else {
		v.slower = v.ratio > o.threshold
	}
	return v
}

// median is that of sorted values.
func median(x []float64) float64 { return (x[(len(x)-1)/2] + x[len(x)/2]) / 2 }

// table prints the rows and what they come to, and returns errSlower if one is slower.
func table(out io.Writer, o options, rows []row) error {
	var slower []string
	both, logs := 0, 0.
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	unit := "ms"
	if o.count {
		unit = "M instructions"
	}
	fmt.Fprintf(t, "base, %s\tnow, %s\tratio\tp\t\t\n", unit, unit)
	for _, r := range rows {
		switch {
		case len(r.base) == 0:
			fmt.Fprintf(t, "\t%s\t\t\t  %s: new\t\n", number(r.now, o), r.name)
		case len(r.now) == 0:
			fmt.Fprintf(t, "%s\t\t\t\t  %s: gone\t\n", number(r.base, o), r.name)
		default:
			v := judge(r, o)
			mark := ""
			if v.slower {
				slower = append(slower, r.name)
				mark = ": SLOWER"
			}
			both++
			logs += math.Log(v.ratio)
			p := "" // of counts there is none
			if !o.count {
				p = fmt.Sprintf("%.3f", v.p)
			}
			fmt.Fprintf(t, "%s\t%s\t%.3f\t%s\t  %s%s\t\n", number(r.base, o), number(r.now, o), v.ratio, p, r.name, mark)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if both == 0 {
		return fmt.Errorf("no benchmark is on both sides")
	}
	fmt.Fprintf(out, "geometric mean of %d ratios: %.3f\n", both, math.Exp(logs/float64(both)))
	if len(slower) > 0 {
		fmt.Fprintf(out, "more than %v times as slow as before: %s\n", o.threshold, strings.Join(slower, ", "))
		return errSlower
	}
	return nil
}

// number is the median of values for people.
func number(values []float64, o options) string {
	m := median(slices.Sorted(slices.Values(values)))
	if o.count {
		return fmt.Sprintf("%.3f", m/1e6)
	}
	return fmt.Sprintf("%.4g", m*1e3)
}
