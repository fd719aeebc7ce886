package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/fleet"
)

func newVerify() *cli.Command {
	asJSON := false
	cmd := &cli.Command{
		Name:  "verify",
		Args:  "MANIFEST...",
		Short: "Checks a set of pictures in parts against its manifests",
		Long: `verify reads the manifests that 'gantiny generate -o NAME-%05d.tar' wrote, one of each shard (or patterns of their names), and the parts beside them: whether all parts of
the set are there, each once and as it was written. It prints the SHA-256 of all files one after another, which is the same for any number of shards.

It names what is missing or damaged and ends with status 1; generate with the same flags draws that again.`,
		Example: `  gantiny verify 'digits-manifest*.json'`,
		Check: func(args []string) error {
			if len(args) == 0 {
				return usagef("which manifests?")
			}
			return nil
		},
		Complete: func([]string) cli.Candidates { return cli.Candidates{Files: true, Extension: "json"} },
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return verify(ctx, args, asJSON, cmd.Stdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: images, parts, bytes, sha256")
	return cmd
}

// verified is what verify --json prints; its names are a contract.
type verified struct {
	Images int    `json:"images"`
	Parts  int    `json:"parts"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// expanded is the files that patterns stand for: where there is no shell to do it, or one that does
// not.
func expanded(patterns []string) ([]string, error) {
	var files []string
	for _, p := range patterns {
		if !strings.ContainsAny(p, "*?[") || exists(p) {
			files = append(files, p)
			continue
		}
		found, err := filepath.Glob(p)
		if err != nil || len(found) == 0 {
			return nil, usagef("%s: no files of such a name", p)
		}
		files = append(files, found...)
	}
	return files, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func verify(ctx context.Context, patterns []string, asJSON bool, stdout io.Writer) error {
	manifests, err := expanded(patterns)
	if err != nil {
		return err
	}
	v, err := fleet.Verify(ctx, manifests...)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(stdout).Encode(verified{v.Set.Count, v.Parts, v.Bytes, v.SHA256})
	}
	_, err = fmt.Fprintf(stdout, "%s in %s, %.1f MB, SHA-256 %s\n", display.Plural(v.Set.Count, "image"), display.Plural(v.Parts, "part"), float64(v.Bytes)/1e6, v.SHA256)
	return err
}
