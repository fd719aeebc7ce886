package ddp

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// ErrUnsupported is wrapped by the error about a run that cannot be written.
var ErrUnsupported = errors.New("cannot be continued in PyTorch")

// UnsupportedError lists everything in a run that cannot be written.
type UnsupportedError struct{ Items []string }

func (e *UnsupportedError) Error() string {
	return "ddp: this run " + ErrUnsupported.Error() + ":\n  " + strings.Join(e.Items, "\n  ")
}

func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// Names of the files in a folder that is written for PyTorch, beside those of a run.
const (
	ScriptFile = "train_ddp.py"
	ModuleFile = "gantiny_run.py" // which the script imports
	ImagesFile = "images.npy"     // uint8 (N, H, W, C)
	LabelsFile = "labels.npy"     // int32 (N), of a run with classes
)

// Module is the text of ModuleFile: random numbers, files and layers that PyTorch does not have.
//
//go:embed script/gantiny_run.py
var Module string

// stepText is the script behind the networks; see choose.
//
//go:embed script/train_ddp.py.txt
var stepText string

// Run is what is written.
type Run struct {
	Config                   train.Config
	Generator, Discriminator *model.Model // their graphs count
	RateShare                float64      // what rollbacks have left of the learning rates, 1 without any
	Version                  string       // of the program that writes
}

// Script returns the text of ScriptFile. The error about what PyTorch or the script does not have
// wraps ErrUnsupported and lists all of it.
func Script(r Run) (string, error) {
	items := unsupportedSettings(r.Config)
	var text strings.Builder
	fmt.Fprintf(&text, head, r.Version)
	writeSettings(&text, r)
	outputs := 1
	if hasAuxiliary(r.Config) {
		outputs = 2
	}
	for _, n := range []struct {
		class   string
		m       *model.Model
		outputs int
	}{{"Generator", r.Generator, 1}, {"Discriminator", r.Discriminator, outputs}} {
		if n.m == nil {
			continue
		}
		body, refused := networkClass(n.class, n.m, n.outputs)
		text.WriteString(body)
		for _, item := range refused {
			items = append(items, strings.ToLower(n.class)+": "+item)
		}
	}
	if len(items) > 0 {
		return "", &UnsupportedError{items}
	}
	writeObjective(&text, r.Config)
	text.WriteString(choose(stepText, features(r.Config)))
	return text.String(), nil
}

const head = `"""Continues a run of gantiny under DistributedDataParallel. Written by gantiny export --ddp, %s.

    torchrun --nproc_per_node 2 train_ddp.py      # or, on one machine: python3 train_ddp.py --processes 2

The processes share each batch of the run. Checkpoints replace those in this folder: gantiny train --out
FOLDER --resume goes on from them, and gantiny generate FOLDER draws.
"""
import argparse
import functools
import math
import os

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from gantiny_run import Average, BatchNorm, GroupNorm, LayerNorm, Network, PReLU, Run, count, f32, launch, mean  # noqa: F401

`

// choose keeps the lines of a text that a set of features has use for. A line that ends in "#?
// name" stays if the set has the name, one that ends in "#? !name" if not.
func choose(text string, has []string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, name, marked := strings.Cut(strings.TrimSuffix(line, "\n"), "#? ")
		without := strings.HasPrefix(name, "!")
		if marked && slices.Contains(has, strings.TrimPrefix(name, "!")) == without {
			continue
		}
		b.WriteString(strings.TrimRight(code, " ") + "\n")
	}
	return b.String()
}
