package cli_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
)

func Example() {
	n := 0
	draw := &cli.Command{Name: "draw", Short: "Draws pictures", Run: func(context.Context, *cli.Command, []string) error {
		fmt.Println("drawing", n)
		return nil
	}}
	draw.Flags().IntVar(&n, "number", 16, "how many").Letter = 'n'
	root := &cli.Command{Name: "prog", Short: "Draws"}
	root.Add(draw)
	for _, args := range [][]string{{"draw", "-n", "010"}, {"draw", "-n", "many"}} {
		if _, err := root.Execute(context.Background(), args, os.Stdout, os.Stderr); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// drawing 10
	// -n many: not a whole number
}
