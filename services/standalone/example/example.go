// Package example is the associations that come with the suite: Samordningsförbundet
// Insjöriket as its own published material describes it, with which the demo begins, and a
// second one beside it. They hold no persons.
package example

import _ "embed"

// Insjoriket is the association's file.
//
//go:embed insjoriket.yaml
var Insjoriket []byte

// InsjoriketWhole is the same association with all that a file can say.
//
//go:embed insjoriket-whole.yaml
var InsjoriketWhole []byte

// Kalmar is the file of another association.
//
//go:embed kalmar.yaml
var Kalmar []byte

// Association is the id of Insjoriket.
const Association = "insjoriket"

// Units is an invented register of the units that refer to it, as JSON.
//
//go:embed units.json
var Units []byte
