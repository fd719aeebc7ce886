package ddp_test

import (
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/export/ddp"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// The script of the reference network. ddp.Write writes it with the run that it continues.
func Example() {
	c := train.Default()
	script, err := ddp.Script(ddp.Run{
		Config: c, Generator: model.Generator(c.Model()), Discriminator: model.Discriminator(c.Model()), RateShare: 1, Version: "v1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "class ") || strings.Contains(line, "nn.Conv2d(") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// class Generator(nn.Module):
	// class Discriminator(nn.Module):
	// self.conv2d0 = nn.Conv2d(1, 64, 5, stride=2, bias=True)
	// self.conv2d3 = nn.Conv2d(64, 128, 5, stride=2, bias=True)
}
