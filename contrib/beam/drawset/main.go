// Drawset draws a set of pictures on whatever runner is asked for:
//
//	go -C contrib/beam run ./drawset --runner=prism --count=100000 --out=/data/digits-%05d.tar
//
// The flags of runners are Beam's own, such as --runner=flink --endpoint=host:8099 or
// --runner=dataflow --project=P --region=R --staging_location=gs://B/staging.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	gantinybeam "github.com/gantiny/gantiny/contrib/beam"
	"github.com/gantiny/gantiny/fleet"
)

func main() {
	var set fleet.Set
	model := flag.String("model", "", "model file that every worker sees; the built-in digits without one")
	out := flag.String("out", "digits-%05d.tar", "folder or gs://bucket/folder, and the name of a part")
	flag.IntVar(&set.Count, "count", 1_000_000, "pictures")
	flag.IntVar(&set.PartImages, "part", 10_000, "pictures in a part")
	flag.Uint64Var(&set.Seed, "seed", 1, "of the latents")
	flag.IntVar(&set.Class, "class", -1, "of all pictures; by turns if -1")
	truncation := flag.Float64("truncation", 1, "factor of the latents")
	flag.Parse()
	beam.Init()
	set.Truncation = float32(*truncation)
	if err := run(*model, *out, set); err != nil {
		fmt.Fprintln(os.Stderr, "drawset:", err)
		os.Exit(1)
	}
}

func run(model, out string, set fleet.Set) error {
	dir := "."
	if i := strings.LastIndexByte(out, '/'); i >= 0 {
		dir, out = out[:i+1], out[i+1:]
	}
	set.Name = out
	p, s := beam.NewPipelineWithRoot()
	if _, err := gantinybeam.Draw(s, model, set, dir); err != nil {
		return err
	}
	return beamx.Run(context.Background(), p)
}
