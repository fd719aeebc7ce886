package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/eval"
)

// A table is what one run of this program found; the fields are those of --json.
type table struct {
	Kernel   string `json:"kernel"`
	N        int    `json:"n"`        // pictures, at most
	Finetune int    `json:"finetune"` // steps
	Rows     []row  `json:"rows"`
}

// row is a model with numbers of one size.
type row struct {
	Model      string   `json:"model"`
	Data       string   `json:"data"`
	Bits       int      `json:"bits"`
	Parameters int      `json:"parameters"`
	MACs       int64    `json:"macs"` // multiply-adds of a picture
	Bytes      int      `json:"bytes"`
	Floors     float64  `json:"frechet_floors"` // the Frechet distance by that of test pictures
	PSNR       *float64 `json:"psnr_db"`        // nil where all pixels are those of 32 bits
	eval.Figures
	Milliseconds float64 `json:"ms"`
}

func (t *table) markdown(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%d pictures, %d steps of fine-tuning below 16 bits, kernels %s\n\n", t.N, t.Finetune, t.Kernel)
	fmt.Fprintln(w, "| model | parameters | multiply-adds | bits | bytes | Frechet distance, in floors | precision | recall | coverage | label agreement | PSNR, dB | ms |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for i, r := range t.Rows {
		name, size := r.Model, fmt.Sprintf("%d | %d", r.Parameters, r.MACs)
		if i > 0 && t.Rows[i-1].Model == name {
			name, size = "", " | "
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d | %.2f | %.3f | %.3f | %.3f | %s | %s | %.3f |\n",
			name, size, r.Bits, r.Bytes, r.Floors, r.Precision, r.Recall, r.Coverage, optional("%.4f", r.LabelAgreement), optional("%.1f", r.PSNR), r.Milliseconds)
	}
	return w.Flush()
}

// optional writes a figure that there may be.
func optional(format string, v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
