// Package fleet draws large sets of pictures in parts, on any number of machines.
//
// A Set says what is drawn and how it is cut: part k holds the pictures from index k*PartImages on,
// whoever draws it. So the files of a set are the same bytes for any number of shards, and a part
// that was lost with its machine is drawn again. Drawer.Draw draws the parts of one shard, goes on
// where a killed one stopped, and keeps a manifest with the checksums of all finished parts; Verify
// holds the files of all shards against their manifests.
//
// What starts the shards, and where their files lie, is no concern of this package: docs/fleets.md.
package fleet
