// Package activity is the contract of the activity service: the weeks that the
// municipalities offer, bookings into them with attendance, and calendars.
//
// The contract, openapi.yaml, owns the shape of what comes in and goes out; the
// service's noun owns its meaning. api.gen.go is never edited: change the
// contract and run go generate.
package activity

import _ "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 --config=oapi.yaml openapi.yaml
//go:generate go run ../compilecontract NewDayAttendance

// Spec is the contract as it is written, OpenAPI 3.0.3 in YAML.
//
//go:embed openapi.yaml
var Spec []byte

// Contract is what package contract checks requests against, made of Spec.
//
//go:embed contract.json
var Contract []byte
