// Package geometry tells exporters the geometry of a convolution from its operator.
package geometry
