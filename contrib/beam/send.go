package beam

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
)

// send copies the files of a folder to an address.
func send(ctx context.Context, dir, to string) error {
	system, err := filesystem.New(ctx, to)
	if err != nil {
		return err
	}
	defer system.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		address := strings.TrimSuffix(to, "/") + "/" + e.Name()
		if err := sendFile(ctx, system, filepath.Join(dir, e.Name()), address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	return nil
}

func sendFile(ctx context.Context, system filesystem.Interface, file, address string) error {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // an object that is not whole is not to appear
	to, err := system.OpenWrite(ctx, address)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		stop()
		_ = to.Close()
		return err
	}
	return to.Close()
}
