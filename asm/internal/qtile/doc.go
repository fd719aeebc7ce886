// Package qtile says where the fields of package simd's QTile stand.
package qtile
